import { changedRounds } from "./changes/rounds.ts";
import { startBigFolderOfCyrus, startBigFolderOfDovecot } from "./changes/servers.ts";

// What a round costs in which one thing changed in a folder of many messages, and again where every other message of the
// folder has been removed: commands and bytes between the app and the source as a table. An argument is the number of
// messages. Ends with 1 if a round fetched more than the one message that changed, by its summary, flags and content.

const messages = Number(process.argv[2] ?? 10_000);
const rows = [["Source", "Change", "Commands", "Bytes sent", "Bytes received", "Fetched"]];
let isBounded = true;
for (const start of [startBigFolderOfDovecot, startBigFolderOfCyrus]) {
  const source = await start(messages);
  try {
    for (const { change, commands, sent, received, fetched } of await changedRounds(source)) {
      rows.push([source.title, change, String(commands), String(sent), String(received), String(fetched)]);
      if (fetched > 3) isBounded = false;
    }
  } finally {
    await source.stop();
  }
}
const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
for (const row of rows) console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
process.exitCode = isBounded ? 0 : 1;

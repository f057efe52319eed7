import { changedRounds } from "./changes/rounds.ts";
import { startBigFolderOfCyrus, startBigFolderOfDovecot } from "./changes/servers.ts";

// What a round costs in which one thing changed in a folder of many messages, and again where every other message of the
// folder has been removed: commands and bytes between the app and the source as a table. An argument is the number of
// messages. Ends with 1 if a round fetched more than the one message that changed, by its summary, flags and content.

const messages = Number(process.argv[2] ?? 10_000);
const widths = [30, 28, 10, 12, 16, 8];
const print = (...cells: readonly (string | number)[]) =>
  console.log(cells.map((cell, column) => String(cell).padEnd(widths[column] ?? 0)).join(""));

print("Source", "Change", "Commands", "Bytes sent", "Bytes received", "Fetched");
for (const start of [startBigFolderOfDovecot, startBigFolderOfCyrus]) {
  const source = await start(messages);
  try {
    for (const { change, commands, sent, received, fetched } of await changedRounds(source)) {
      print(source.title, change, commands, sent, received, fetched);
      if (fetched > 3) process.exitCode = 1;
    }
  } finally {
    await source.stop();
  }
}

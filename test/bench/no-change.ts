import { noChangeRound } from "./no-change/round.ts";
import { startBigCourier, startBigCyrus, startBigDovecot } from "./no-change/servers.ts";

// A round without changes over a mailbox of 10,000 messages in 30 folders: prints every command and all bytes between
// the app and the source, and ends with 1 if a folder was opened or the target was asked for anything.

const problems: string[] = [];
for (const start of [startBigDovecot, startBigCyrus, startBigCourier]) {
  const server = await start();
  try {
    const round = await noChangeRound(server);
    console.log(`${server.title}: ${round.messages} messages in ${round.folders} folders`);
    console.log(`  ${round.sent} bytes sent, ${round.received} received, ${round.ms} ms by the app's log`);
    for (const [command, count] of counted(round.commands)) console.log(`  ${count} x ${command}`);
    console.log(`  ${round.targetRequests} requests to the target`);
    problems.push(...round.problems.map((problem) => `${server.title}: ${problem}`));
  } finally {
    await server.stop();
  }
}
for (const problem of problems) console.log(`FAILED ${problem}`);
process.exitCode = problems.length === 0 ? 0 : 1;

/** Folder names of STATUS aside, equal commands are shown once. */
function counted(commands: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const command of commands) {
    const shown = command.replace(/^(STATUS) .*(\(.*)$/, "$1 <folder> $2");
    counts.set(shown, (counts.get(shown) ?? 0) + 1);
  }
  return counts;
}

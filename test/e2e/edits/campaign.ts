/**
 * Edits mailboxes at random between rounds, at the source and in the target, and compares the target with a model
 * after each: `node test/e2e/edits/campaign.ts [--target imap|graph] [--seeds 20] [--edits 1000] [--rounds 5] [--from 1] [--messages 400] [--log file] [--journal file]`.
 * Without a target both are played. Every seed is played with and without propagateDeletes, every second one with the
 * permission to change sensitive properties in Exchange. Exit code 1 if a target differs from its model.
 */
import { appendFile, writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { lineOf, type Play, scriptOf, startStage, type TargetKind } from "./stage.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    seeds: { type: "string", default: "20" },
    from: { type: "string", default: "1" },
    edits: { type: "string", default: "1000" },
    rounds: { type: "string", default: "5" },
    messages: { type: "string", default: "400" },
    log: { type: "string" },
    journal: { type: "string" },
  },
});

const kinds: readonly TargetKind[] =
  values.target === "imap" || values.target === "graph" ? [values.target] : ["imap", "graph"];
const rounds = Number(values.rounds);
const first = Number(values.from);
const plays = Array.from({ length: Number(values.seeds) }, (_, index) =>
  [false, true].map(
    (propagateDeletes): Play => ({
      seed: String(first + index),
      propagateDeletes,
      permitted: (first + index) % 2 === 0,
      messages: Number(values.messages),
      rounds: rounds + 1,
      edits: Math.ceil(Number(values.edits) / rounds),
    }),
  ),
).flat();

let different = 0;
for (const kind of kinds) {
  const stage = await startStage(kind, plays.length);
  try {
    for (const play of plays) {
      const outcome = await stage.perform(scriptOf(play));
      console.log(`${kind}, ${lineOf(play, outcome)}`);
      for (const line of outcome.differences.slice(0, 10)) console.log(`  ${line}`);
      if (outcome.differences.length === 0) continue;
      different++;
      if (values.journal) await appendFile(values.journal, `${outcome.journal.join("\n")}\n`);
    }
  } finally {
    if (values.log)
      await writeFile(values.log, stage.deployment.log.map((event) => `${JSON.stringify(event)}\n`).join(""));
    await stage.stop();
  }
}
console.log(`${plays.length * kinds.length} plays, ${different} of them with differences`);
process.exitCode = different === 0 ? 0 : 1;

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lineOf, type Play, type Stage, scriptOf, startStage, type TargetKind } from "./edits/stage.ts";

const propagations = [false, true];
/** With and without the permission to change sensitive properties in Exchange. */
const seeds = [
  { seed: "edits-1", permitted: false },
  { seed: "edits-2", permitted: true },
];

describe.each<TargetKind>(["imap", "graph"])("random edits between rounds, target %s", (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await startStage(kind, seeds.length * propagations.length);
  });

  afterAll(async () => {
    await stage?.stop();
  });

  it.each(
    seeds.flatMap(({ seed, permitted }) =>
      propagations.map((propagateDeletes) => ({ seed, permitted, propagateDeletes })),
    ),
  )(
    "leave the target as the model says: $seed, propagateDeletes $propagateDeletes, permitted $permitted",
    async ({ seed, permitted, propagateDeletes }) => {
      const play: Play = { seed, propagateDeletes, permitted, messages: 120, rounds: 4, edits: 90 };
      const outcome = await stage.perform(scriptOf(play));
      expect(outcome.differences, lineOf(play, outcome)).toEqual([]);
      expect(outcome.rounds).toBe(play.rounds);
    },
  );
});

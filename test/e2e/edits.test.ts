import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lineOf, type Play, type Stage, scriptOf, startStage, type TargetKind } from "./edits/stage.ts";

const propagations = [false, true];
const seeds = ["edits-1", "edits-2"];

describe.each<TargetKind>(["imap", "graph"])("random edits between rounds, target %s", (kind) => {
  let stage: Stage;

  beforeAll(async () => {
    stage = await startStage(kind, seeds.length * propagations.length);
  });

  afterAll(async () => {
    await stage?.stop();
  });

  it.each(seeds.flatMap((seed) => propagations.map((propagateDeletes) => ({ seed, propagateDeletes }))))(
    "leave the target as the model says: $seed, propagateDeletes $propagateDeletes",
    async ({ seed, propagateDeletes }) => {
      const play: Play = { seed, propagateDeletes, messages: 120, rounds: 4, edits: 90 };
      const outcome = await stage.perform(scriptOf(play));
      expect(outcome.differences, lineOf(play, outcome)).toEqual([]);
      expect(outcome.rounds).toBe(play.rounds);
    },
  );
});

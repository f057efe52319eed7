import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import type { Migration } from "./migration.ts";

const changesSomething =
  /\.(write|put|insertMissing|merge|remove|putAll|removeRange|moveItem|changeFlags|ensureFolder|prepareFolders|send\w+)$/;
/** What may become of a process at a call. */
export interface ProcessFault {
  readonly title: string;
  readonly fault: Fault;
  /** The calls at which it makes a difference, or as many of them as time allows. */
  readonly at: (name: string, index: number) => boolean;
  /** Fake time for what is still under way when all seems to be done. */
  readonly afterMs: number;
}

export const processFaults: readonly ProcessFault[] = [
  { title: "dies after", fault: { kind: "diesAfter" }, at: () => true, afterMs: 0 },
  // Where calls follow one another this is the same as after the call before it.
  { title: "dies before", fault: { kind: "diesBefore" }, at: (_, index) => index % 5 === 0, afterMs: 0 },
  {
    title: "dies in, which has its effect after the next attempt",
    fault: { kind: "landsLate", afterMs: 75_000 },
    at: (name) => changesSomething.test(name),
    afterMs: 900_000,
  },
  {
    title: "stands still at for a minute and a half",
    fault: { kind: "stalls", forMs: 90_000 },
    at: (_, index) => index % 6 === 0,
    afterMs: 900_000,
  },
  {
    title: "stands still at for a quarter of an hour",
    fault: { kind: "stalls", forMs: 900_000 },
    at: (_, index) => index % 6 === 3,
    afterMs: 1_800_000,
  },
];

/**
 * Tells a story once without a fault, and once with it at each of its calls.
 * @param story ends when all is at rest.
 * @returns what was lost, doubled or wrong each time, and how many calls the story has.
 */
export async function triedAtEachCall(
  story: (plan: FaultPlan) => Promise<Migration>,
  { fault, at, afterMs }: ProcessFault,
): Promise<{ readonly failures: readonly string[]; readonly calls: number }> {
  const clean = new FaultPlan();
  await (await story(clean)).expectSettled();
  const failures: string[] = [];
  for (const [index, name] of clean.calls.entries()) {
    if (!at(name, index)) continue;
    try {
      const migration = await story(new FaultPlan(new Map([[index + 1, fault]])));
      await migration.deployment.goOnFor(afterMs);
      await migration.expectSettled();
    } catch (error) {
      failures.push(`call ${index + 1}, ${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { failures, calls: clean.calls.length };
}

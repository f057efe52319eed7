import { setImmediate } from "node:timers/promises";

/** Short against every lease, lock and time limit, long against the cost of a turn. */
const turnMs = 15;

let turnBegan = performance.now();

/**
 * To be awaited in every long loop: gives timers and sockets their turn once this process has worked for some milliseconds
 * without a break, and costs next to nothing before. A step between two calls should take a few milliseconds at most.
 */
export async function letOthersRun(): Promise<void> {
  if (performance.now() - turnBegan < turnMs) return;
  await setImmediate();
  turnBegan = performance.now();
}

import { setImmediate } from "node:timers/promises";

/** How often the event loop is looked at, and a standstill that counts, in milliseconds. */
const lookMs = 500;
const standstillMs = 10_000;

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

/**
 * Counts how often the process did nothing else for ten seconds or more, as it does in a loop that never lets others run.
 * @returns tells the number since.
 */
export function countStandstills(): () => number {
  let count = 0;
  let last = performance.now();
  const look = (): void => {
    const now = performance.now();
    if (now - last >= standstillMs) count++;
    last = now;
  };
  setInterval(look, lookMs).unref();
  return () => {
    look();
    return count;
  };
}

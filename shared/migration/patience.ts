import { isMigrationError } from "../domain/errors.ts";
import { minute } from "./runtime.ts";

/** Below the host's limit for the renewal of a lock, and below what a step may take. */
const patienceMs = 4 * minute;
const firstPauseMs = 500;
const longestPauseMs = 10_000;

/**
 * Does what a delivery cannot do without, such as reading or writing its own state, and waits while storage or queue are
 * away: giving a message back costs one of its deliveries, and all of them can be gone within a second.
 * @param work repeatable.
 * @param ending aborted when the process is about to end: then nothing is waited for.
 * @throws what the work throws, if that is not transient or has lasted for four minutes.
 */
export async function patiently<T>(work: () => Promise<T>, ending: AbortSignal): Promise<T> {
  const pauses = pausesWithin(patienceMs);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const pauseMs = pauses.shift();
      if (!isPassing(error) || pauseMs === undefined || ending.aborted) throw error;
      await pause(pauseMs * (0.75 + Math.random() / 2), ending);
    }
  }
}

/**
 * Does what is still to be done when its delivery has ended, for as long as the process lives. Never throws; what does not
 * pass by itself ends it.
 * @param work repeatable. @param ending as for {@link patiently}.
 */
export async function persistently(work: () => Promise<unknown>, ending: AbortSignal): Promise<void> {
  for (let isLeft = true; isLeft && !ending.aborted; )
    isLeft = await patiently(work, ending).then(() => false, isPassing);
}

/** True for an error that passes by itself. */
export function isPassing(error: unknown): boolean {
  return isMigrationError(error) && (error.kind === "transient" || error.kind === "throttled");
}

function pausesWithin(totalMs: number): number[] {
  const pauses: number[] = [];
  for (let ms = firstPauseMs, sum = 0; sum < totalMs; ms = Math.min(ms * 2, longestPauseMs)) {
    pauses.push(ms);
    sum += ms;
  }
  return pauses;
}

function pause(ms: number, ending: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      ending.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    ending.addEventListener("abort", done);
  });
}

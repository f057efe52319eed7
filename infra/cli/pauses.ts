import { setTimeout as sleep } from "node:timers/promises";

const shortestMs = 250;

/** Pauses between looks at what goes on, each twice as long as the one before: what is soon over is seen soon. @param longestMs milliseconds. */
export function pauses(longestMs: number): () => Promise<void> {
  let ms = shortestMs;
  return async () => {
    await sleep(ms);
    ms = Math.min(longestMs, 2 * ms);
  };
}

import { setImmediate } from "node:timers/promises";

/** Longest time in milliseconds that work goes on before others get their turn. */
const turnMs = 10;

/** What long work awaits between two small pieces of it. */
export type Pacing = () => Promise<void> | undefined;

/** Keeps long work from holding up everything else that the process does. */
export function createPacing(): Pacing {
  let until = performance.now() + turnMs;
  return () => {
    if (performance.now() < until) return undefined;
    return setImmediate().then(() => {
      until = performance.now() + turnMs;
    });
  };
}

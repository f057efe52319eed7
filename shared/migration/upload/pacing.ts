import { setImmediate } from "node:timers/promises";

/** Longest time in milliseconds that work goes on before others get their turn. */
const turnMs = 10;

/** Keeps long work from holding up everything else that the process does. @returns what to await between two small pieces of it. */
export function createPacing(): () => Promise<void> | undefined {
  let until = performance.now() + turnMs;
  return () => {
    if (performance.now() < until) return undefined;
    return setImmediate().then(() => {
      until = performance.now() + turnMs;
    });
  };
}

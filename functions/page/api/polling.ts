import { ApiError } from "./api-error.ts";

const second = 1_000;
const activeMs = 5 * second;
const restingMs = 60 * second;
/** After one failure, two, three, and more. */
const backOffMs = [5 * second, 10 * second, 20 * second, 60 * second] as const;

/**
 * When to ask again, in milliseconds: soon while anything is active, seldom otherwise, less and less after failures.
 * `false` once a person has to sign in. Pure.
 */
export function pollAfter(active: boolean, failures: number, error: unknown): number | false {
  if (error instanceof ApiError && error.isSignedOut) return false;
  if (failures > 0) return backOffMs[Math.min(failures, backOffMs.length) - 1] ?? restingMs;
  return active ? activeMs : restingMs;
}

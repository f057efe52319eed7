import type { CopyRate } from "../ports/registry.ts";
import { minute } from "../runtime.ts";

/*
 * How fast a mailbox is copied: a mean of what was copied and of the time it took, in which all counts half as much five
 * minutes later. All functions are pure; instants are milliseconds since 1970.
 */

const halfLifeMs = 5 * minute;
/** So much has to be known before a rate is told, in minutes as they count by then. */
const leastMinutes = 0.9;

/** A copy begins, or goes on after a rest. */
export function rateFrom(now: number): CopyRate {
  return { items: 0, bytes: 0, minutes: 0, at: now };
}

/** @param items copied since, with their `bytes`. */
export function rateAfter(rate: CopyRate, items: number, bytes: number, now: number): CopyRate {
  const { items: itemsBefore, bytes: bytesBefore, minutes, at } = faded(rate, now);
  return { items: itemsBefore + Math.max(0, items), bytes: bytesBefore + Math.max(0, bytes), minutes, at };
}

/** @returns undefined while too little is known. */
export function perMinute(
  rate: CopyRate,
  now: number,
): { readonly items: number; readonly bytes: number } | undefined {
  const { items, bytes, minutes } = faded(rate, now);
  return minutes < leastMinutes ? undefined : { items: items / minutes, bytes: bytes / minutes };
}

function faded({ items, bytes, minutes, at }: CopyRate, now: number): CopyRate {
  const passed = Math.max(0, now - at);
  const left = 2 ** (-passed / halfLifeMs);
  // What the time in between counts by its end.
  const since = ((1 - left) * halfLifeMs) / Math.LN2 / minute;
  return { items: items * left, bytes: bytes * left, minutes: minutes * left + since, at: at + passed };
}

import type { Endpoint } from "../../domain/endpoint.ts";
import type { Portion, SourceDebt } from "../ports/source-debt-store.ts";

/*
 * The rates of an endpoint as a leaky bucket that all who read from it share: what somebody is going to read is poured in,
 * the rates let it run out, and nobody reads before what was there has run out. All functions are pure; instants are
 * milliseconds since 1970.
 */

/** How fast an endpoint may be read, by all together. */
export type SourceRates = Pick<Endpoint, "maxBytesPerSecond" | "maxMessagesPerSecond">;

export function hasRates({ maxBytesPerSecond, maxMessagesPerSecond }: SourceRates): boolean {
  return maxBytesPerSecond !== undefined || maxMessagesPerSecond !== undefined;
}

/** What is left of a debt at an instant, or as of its own where that is later: then somebody's clock is ahead. */
export function debtAt(debt: SourceDebt | undefined, rates: SourceRates, now: number): SourceDebt {
  const seconds = debt === undefined ? 0 : Math.max(0, now - debt.asOf) / 1000;
  const left = (owed = 0, rate: number | undefined) =>
    rate === undefined ? 0 : Math.max(0, owed - rate * seconds);
  return {
    bytes: left(debt?.bytes, rates.maxBytesPerSecond),
    messages: left(debt?.messages, rates.maxMessagesPerSecond),
    // Going back would let the same time pass again and again.
    asOf: Math.max(now, debt?.asOf ?? now),
  };
}

/** When a debt will be gone. */
export function paidAt({ bytes, messages, asOf }: SourceDebt, rates: SourceRates): number {
  const { maxBytesPerSecond: byteRate = Infinity, maxMessagesPerSecond: messageRate = Infinity } = rates;
  return asOf + Math.ceil(1000 * Math.max(bytes / byteRate, messages / messageRate));
}

/**
 * Reserves what somebody wants to read.
 * @param until if it may not be read before this, nothing is reserved.
 * @returns when it may be read, and the debt from then on.
 */
export function reserved(
  debt: SourceDebt | undefined,
  rates: SourceRates,
  wanted: Portion,
  now: number,
  until: number,
): { readonly at: number; readonly debt: SourceDebt } {
  const left = debtAt(debt, rates, now);
  const at = paidAt(left, rates);
  if (at > until) return { at, debt: left };
  // None of it runs out before it is read, where the other rate holds it up.
  return { at, debt: added(debtAt(left, rates, at), wanted) };
}

/** Adds what was read already. */
export function charged(
  debt: SourceDebt | undefined,
  rates: SourceRates,
  read: Portion,
  now: number,
): SourceDebt {
  return added(debtAt(debt, rates, now), read);
}

function added({ bytes, messages, asOf }: SourceDebt, more: Portion): SourceDebt {
  return { bytes: bytes + more.bytes, messages: messages + more.messages, asOf };
}

/** What is reserved at once: as much as a second allows, so that nobody waits long for another one. */
export function portionOf({ maxBytesPerSecond, maxMessagesPerSecond }: SourceRates): Portion {
  return { bytes: maxBytesPerSecond ?? Infinity, messages: maxMessagesPerSecond ?? Infinity };
}

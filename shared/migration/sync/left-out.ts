import type { SkippedItem } from "../ports/ledger-store.ts";

const codes: ReadonlySet<string> = new Set(["MarkedDeleted", "LargerThanMaxItemSize"]);

/** How many of the items were left out on purpose, so that nothing is missed: by the user, or by the batch's options. Pure. */
export function leftOutCount(skipped: readonly SkippedItem[]): number {
  return skipped.filter(({ code }) => codes.has(code)).length;
}

import type { LostCounts, SkippedItem } from "../ports/ledger-store.ts";

const codes: ReadonlySet<string> = new Set(["MarkedDeleted", "LargerThanMaxItemSize"]);

/** True for the code of an item that was left out on purpose, so that nothing is missed: by the user, or by the batch's options. */
export function isLeftOut(code: string): boolean {
  return codes.has(code);
}

/** How many of the items were left out on purpose. Pure. */
export function leftOutCount(skipped: readonly SkippedItem[]): number {
  return skipped.filter(({ code }) => isLeftOut(code)).length;
}

/** The counts of lost items with some more of them. Pure. */
export function withLost(
  lost: LostCounts | undefined,
  skipped: readonly SkippedItem[],
): LostCounts | undefined {
  return changed(lost, skipped, ({ now, ever } = { now: 0, ever: 0 }) => ({ now: now + 1, ever: ever + 1 }));
}

/** The same without some of them, which are to be tried again or are no longer at the source. Pure. */
export function withoutLost(
  lost: LostCounts | undefined,
  skipped: readonly SkippedItem[],
): LostCounts | undefined {
  // Those that an earlier build skipped were not counted by code.
  return changed(lost, skipped, (before) => before && { ...before, now: Math.max(0, before.now - 1) });
}

/** None is left of them. Pure. */
export function noneLost(lost: LostCounts | undefined): LostCounts | undefined {
  return lost && Object.fromEntries(Object.entries(lost).map(([code, { ever }]) => [code, { now: 0, ever }]));
}

/** Adds up the counts of folders; undefined if there was never any. Pure. */
export function sumOfLost(all: Iterable<LostCounts | undefined>): LostCounts | undefined {
  const sums: Record<string, { now: number; ever: number }> = {};
  for (const lost of all)
    for (const [code, { now, ever }] of Object.entries(lost ?? {})) {
      const before = sums[code] ?? { now: 0, ever: 0 };
      sums[code] = { now: before.now + now, ever: before.ever + ever };
    }
  return Object.keys(sums).length === 0 ? undefined : sums;
}

function changed(
  lost: LostCounts | undefined,
  skipped: readonly SkippedItem[],
  change: (before: LostCounts[string] | undefined) => LostCounts[string] | undefined,
): LostCounts | undefined {
  const next: Record<string, LostCounts[string]> = { ...lost };
  for (const { code } of skipped) {
    const count = isLeftOut(code) ? undefined : change(next[code]);
    if (count !== undefined) next[code] = count;
  }
  return Object.keys(next).length === 0 ? undefined : next;
}

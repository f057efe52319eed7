import type { LostCounts, StoredSkip } from "../ports/ledger-store.ts";
import type { Approval, MailboxRecord } from "../ports/registry.ts";
import type { MailboxFacts } from "./life.ts";

/*
 * What operators accept to be left behind at the old server. All functions are pure. An approval covers what was skipped
 * before it: what is skipped later, again or for the first time, is not.
 */

/** The code under which items are counted that a build without counts by code skipped. */
export const earlierCode = "Earlier";

/** Items that were skipped and not left out on purpose, by code. */
export function lostOf(
  mailbox: Pick<MailboxFacts, "skippedItemCount" | "leftOutItemCount" | "lost">,
): LostCounts {
  const lost = mailbox.lost ?? {};
  const counted = Object.values(lost).reduce((sum, { now }) => sum + now, 0);
  const earlier = mailbox.skippedItemCount - (mailbox.leftOutItemCount ?? 0) - counted;
  return earlier > 0 ? { ...lost, [earlierCode]: { now: earlier, ever: earlier } } : lost;
}

/** How many of them nobody has approved, by code. At least one where anything was skipped since. */
export function unapprovedByCode(mailbox: MailboxFacts): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [code, { now, ever }] of Object.entries(lostOf(mailbox))) {
    const count = Math.min(now, Math.max(0, ever - (mailbox.approved?.[code]?.ever ?? 0)));
    if (count > 0) counts[code] = count;
  }
  return counts;
}

/** How many of them nobody has approved. */
export function unapprovedCount(mailbox: MailboxFacts): number {
  return Object.values(unapprovedByCode(mailbox)).reduce((sum, count) => sum + count, 0);
}

/** Who approved a skipped item; undefined if nobody did, or where it needs nobody to. */
export function approvalOf(
  mailbox: Pick<MailboxFacts, "approved">,
  { code, at }: Pick<StoredSkip, "code" | "at">,
): Approval | undefined {
  return [mailbox.approved?.[code], mailbox.approved?.[earlierCode]].find(
    (approval) => approval !== undefined && at <= approval.at,
  );
}

/**
 * The mailbox as an operator approves what was skipped in it; undefined where there is nothing of the kind.
 * @param codes undefined for all. @param at milliseconds since 1970.
 */
export function approved(
  mailbox: MailboxRecord,
  {
    codes,
    by,
    at,
  }: { readonly codes?: readonly string[] | undefined; readonly by: string; readonly at: number },
): MailboxRecord | undefined {
  const chosen = Object.entries(lostOf(mailbox)).filter(
    ([code, { now }]) => now > 0 && (codes === undefined || codes.includes(code)),
  );
  if (chosen.length === 0) return undefined;
  const approvals = chosen.map(([code, { ever }]) => [code, { ever, at, by }] as const);
  return { ...mailbox, approved: { ...mailbox.approved, ...Object.fromEntries(approvals) } };
}

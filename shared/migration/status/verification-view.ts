import type { BatchVerificationView, MailboxVerificationView } from "../../domain/api/verification.ts";
import type { BatchName } from "../../domain/names.ts";
import { type DifferenceCounts, isByUser } from "../../domain/verification.ts";
import type { MailboxFacts } from "../mailbox/life.ts";
import type { BatchStore, MailboxSummary, VerificationOutcome } from "../ports/registry.ts";
import type { BatchStates } from "./batch-states.ts";
import { iso } from "./instants.ts";

/** Mailboxes shown, those with most differences first; verification.csv has all. */
const maxShown = 100;

/** Creates the view behind the HTTP API. Reads only. @returns undefined if there is no such batch. */
export function createVerificationView(parts: {
  readonly batches: Pick<BatchStore, "get">;
  readonly states: Pick<BatchStates, "snapshot">;
}): (name: BatchName) => Promise<BatchVerificationView | undefined> {
  return async (name) => {
    const batch = (await parts.batches.get(name))?.value;
    if (batch === undefined) return undefined;
    const { asOf, mailboxes } = await parts.states.snapshot(batch);
    return batchVerification(mailboxes, asOf);
  };
}

/** The verification of one mailbox; null if it was never verified. Pure. */
export function mailboxVerification({
  verification,
}: Pick<MailboxFacts, "verification">): MailboxVerificationView | null {
  if (verification === undefined) return null;
  const { level, at, compared, counts, waiting, deletedAtSource, sampled, error } = verification;
  return {
    level,
    at: iso(at),
    comparedItemCount: compared,
    differences: those(counts, false),
    byUsers: those(counts, true),
    waitingItemCount: waiting,
    deletedAtSourceCount: deletedAtSource,
    sampledItemCount: sampled,
    error: error ?? null,
  };
}

/** The verifications of a batch as one. Pure. @param asOf milliseconds since 1970. */
export function batchVerification(mailboxes: readonly MailboxSummary[], asOf: number): BatchVerificationView {
  const outcomes = mailboxes.flatMap(({ verification }) => verification ?? []);
  const verified = outcomes.filter(({ error }) => error === undefined);
  const sum = (of: (outcome: VerificationOutcome) => number) =>
    verified.reduce((total, outcome) => total + of(outcome), 0);
  const counts: Partial<Record<keyof DifferenceCounts, number>> = {};
  for (const outcome of verified)
    for (const [kind, count] of Object.entries(outcome.counts) as [keyof DifferenceCounts, number][])
      counts[kind] = (counts[kind] ?? 0) + count;
  const sampled = sum((outcome) => outcome.sampled);
  const faultsOf = ({ verification }: MailboxSummary) =>
    verification === undefined || verification.error ? 0 : total(those(verification.counts, false));
  const differing = mailboxes
    .filter((mailbox) => faultsOf(mailbox) > 0 || mailbox.verification?.error !== undefined)
    .sort((a, b) => faultsOf(b) - faultsOf(a) || (a.id < b.id ? -1 : 1));
  return {
    mailboxCount: mailboxes.length,
    verifiedCount: verified.length,
    verifyingCount: mailboxes.filter(({ verifying }) => verifying !== undefined).length,
    failedCount: outcomes.length - verified.length,
    equalCount: verified.filter((outcome) => total(those(outcome.counts, false)) === 0).length,
    comparedItemCount: sum((outcome) => outcome.compared),
    differences: those(counts, false),
    byUsers: those(counts, true),
    waitingItemCount: sum((outcome) => outcome.waiting),
    deletedAtSourceCount: sum((outcome) => outcome.deletedAtSource),
    sampledItemCount: sampled,
    statement: statementOf(counts.ContentDiffers ?? 0, sampled),
    asOf: iso(asOf),
    mailboxes: differing.slice(0, maxShown).flatMap((mailbox) => {
      const view = mailboxVerification(mailbox);
      return view === null ? [] : [{ id: mailbox.id, emailAddress: mailbox.emailAddress, ...view }];
    }),
  };
}

/** If none of a sample differs, at most three in its size of all do, with 95 % confidence: the rule of three. */
function statementOf(differing: number, sampled: number): string | null {
  if (sampled === 0) return null;
  if (differing > 0) return `${differing} of ${sampled} messages differ in their content.`;
  const percent = Number(Math.min(100, 300 / sampled).toPrecision(2));
  return `0 of ${sampled} messages differ in their content: with 95 % confidence fewer than ${percent} % of all do.`;
}

function those(counts: DifferenceCounts, byUsers: boolean): DifferenceCounts {
  return Object.fromEntries(
    Object.entries(counts).filter(([kind]) => isByUser(kind as keyof DifferenceCounts) === byUsers),
  );
}

function total(counts: DifferenceCounts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

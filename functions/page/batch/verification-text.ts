import type { BatchVerificationView } from "../api/types.ts";
import { count, counted } from "../parts/format.ts";
import type { Banner } from "./headline.ts";

export const levels = [
  {
    level: "counts",
    label: "Folders and their counts",
    cost: "A few requests a mailbox. It finds folders that are missing or short.",
  },
  {
    level: "items",
    label: "Every message by its place, dates and flags",
    cost: "No message is fetched. Expect some 10 to 20 seconds for 5,000 messages.",
  },
  {
    level: "content",
    label: "Every message, and a sample of them byte by byte",
    cost: "The messages of the sample are fetched from both sides once more.",
  },
] as const;
export type Level = (typeof levels)[number]["level"];

/** The differences of a kind, and whose they are. */
export interface Difference {
  readonly kind: string;
  readonly count: number;
  readonly byUsers: boolean;
}

/** The most frequent first; what users did themselves last. Pure. */
export function differencesOf({
  differences,
  byUsers,
}: Pick<BatchVerificationView, "differences" | "byUsers">): readonly Difference[] {
  const rows = (counts: BatchVerificationView["differences"], isByUsers: boolean) =>
    Object.entries(counts)
      .map(([kind, number]) => ({ kind, count: number ?? 0, byUsers: isByUsers }))
      .filter((row) => row.count > 0)
      .sort((a, b) => b.count - a.count);
  return [...rows(differences, false), ...rows(byUsers, true)];
}

/** What a verification came to; undefined while there was none. Pure. */
export function resultOf(view: BatchVerificationView): Omit<Banner, "tab" | "link"> | undefined {
  const { verifiedCount, verifyingCount, failedCount, equalCount, comparedItemCount } = view;
  if (verifyingCount > 0)
    return {
      intent: "info",
      title: "Being verified",
      text: `${count(verifiedCount + failedCount)} of ${counted(verifiedCount + failedCount + verifyingCount, "mailbox is", "mailboxes are")} through. Nothing is changed on either side.`,
    };
  if (verifiedCount + failedCount === 0) return undefined;
  const compared = `${counted(comparedItemCount, "message", "messages")} of ${counted(verifiedCount, "mailbox", "mailboxes")} compared.`;
  if (failedCount > 0)
    return {
      intent: "warning",
      title: `${counted(failedCount, "mailbox", "mailboxes")} could not be verified`,
      text: `${compared} Verify them again; the mailbox says why it went wrong.`,
    };
  if (equalCount === verifiedCount)
    return { intent: "success", title: "Everything is there", text: compared };
  const missing = (view.differences.Missing ?? 0) > 0;
  return {
    intent: missing ? "error" : "warning",
    title: `${counted(verifiedCount - equalCount, "mailbox differs", "mailboxes differ")}`,
    text: missing
      ? `${compared} Copies are missing in Microsoft 365: each difference says what to do.`
      : compared,
  };
}

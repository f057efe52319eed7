import type { BatchView, MailboxView } from "../api/types.ts";
import { counted } from "../parts/format.ts";
import type { Question } from "../parts/question.ts";

/**
 * What is asked before skipped messages are accepted. Where many are lost the batch's name has to be typed. Pure.
 * @param items how many nobody has accepted yet; undefined where that is not known.
 * @param of whose they are, such as an address.
 */
export function approvalOf(
  { name, dataConsistencyScore }: Pick<BatchView, "name" | "dataConsistencyScore">,
  items: number | undefined,
  of: string,
): Question {
  const messages =
    items === undefined ? "what was skipped" : counted(items, "skipped message", "skipped messages");
  return {
    title: `Accept ${messages} of ${of}?`,
    text: `${items === 1 ? "It stays" : "They stay"} at the old server only, which is recorded with your name. Nothing of it stands against completing the batch any more. What is skipped later is not covered.`,
    verb: "Accept",
    ...(dataConsistencyScore === "Poor" ? { typed: name } : {}),
  };
}

/** How matters stand with skipped messages, as sentences. Pure. */
export function skippedText({
  skippedItemCount,
  unapprovedItemCount,
}: Pick<BatchView, "skippedItemCount" | "unapprovedItemCount">): string {
  if (skippedItemCount === 0) return "No message was skipped.";
  const skipped = counted(skippedItemCount, "message was", "messages were");
  if (unapprovedItemCount === 0)
    return `${skipped} not copied: left out by the options of the batch, or accepted by somebody. Nothing has to be done.`;
  const open =
    unapprovedItemCount === skippedItemCount
      ? "None of them was left out on purpose, or accepted by anybody"
      : `${counted(unapprovedItemCount, "is", "are")} neither left out on purpose nor accepted by anybody`;
  return `${skipped} not copied. ${open}: try again first, then accept what stays at the old server. Until then the batch cannot be completed.`;
}

/** How many skipped messages of mailboxes nobody has accepted, by code, the most frequent first. Pure. */
export function unapprovedByCode(
  mailboxes: readonly Pick<MailboxView, "unapprovedItems">[],
): readonly (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const { unapprovedItems } of mailboxes)
    for (const [code, items] of Object.entries(unapprovedItems))
      counts.set(code, (counts.get(code) ?? 0) + items);
  return [...counts].sort(([, a], [, b]) => b - a);
}

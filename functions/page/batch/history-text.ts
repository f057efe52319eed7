import type { HistoryEntryView } from "../api/types.ts";
import { counted } from "../parts/format.ts";
import { wordsFor } from "../parts/status.ts";

const names: Readonly<Record<string, string>> = {
  approve: "Skipped accepted",
  changeOptions: "Settings changed",
  forget: "Copies forgotten",
  release: "Logins tested",
  remove: "Deleted",
  undo: "Copies taken back",
  removeMailboxes: "Mailboxes removed",
  confirm: "Server confirmed",
  upload: "CSV read",
  verify: "Verification",
};

/** What was done, in words. Pure. */
export function actOf(act: HistoryEntryView["act"]): string {
  return names[act] ?? wordsFor(act);
}

/** Which mailboxes were meant, or which options were changed to what. Pure. */
export function detailsOf({ mailboxes, filter, changes }: HistoryEntryView): string {
  if (changes.length > 0)
    return changes
      .map(({ option, before, after }) => `${option}: ${shownValue(before)} to ${shownValue(after)}`)
      .join("; ");
  if (mailboxes !== null) return counted(mailboxes, "mailbox", "mailboxes");
  if (filter === null) return "The batch";
  const parts = [filter.status && wordsFor(filter.status), filter.errorCode].filter(Boolean);
  return `Mailboxes with ${parts.join(" and ")}`;
}

/** @param json of an option. */
function shownValue(json: string): string {
  return json === "null" || json === "undefined" ? "nothing" : json;
}

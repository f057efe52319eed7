import type { HistoryEntryView, MailboxDetails } from "../api/types.ts";
import { actOf, detailsOf } from "../batch/history-text.ts";
import { differencesOf } from "../batch/verification-text.ts";
import { counted } from "../parts/format.ts";

/** Shown at most. */
const most = 50;

export interface MailboxEvent {
  readonly at: string;
  readonly what: string;
  /** Who did it; undefined for what came about. */
  readonly by?: string;
}

/**
 * The last that happened to a mailbox, newest first: what people did with it or with its batch, and where it stands since
 * when. Pure. @param history of this mailbox.
 */
export function eventsOf(
  mailbox: MailboxDetails,
  history: readonly HistoryEntryView[],
): readonly MailboxEvent[] {
  const { startedAt, lastSyncedAt, error, verification, rehearsal, undo, folders } = mailbox;
  const events: MailboxEvent[] = history.map((entry) => ({
    at: entry.at,
    what:
      entry.mailboxes === 1
        ? `${actOf(entry.act)}: this mailbox`
        : `${actOf(entry.act)}: ${detailsOf(entry)}`,
    by: entry.by,
  }));
  const add = (at: string | null, what: string) => {
    if (at !== null) events.push({ at, what });
  };
  add(startedAt, "The first copy began");
  add(lastSyncedAt, "The last sync ended");
  if (error) add(error.at, `${error.code}: ${error.message}`);
  if (rehearsal) add(rehearsal.at, "Rehearsed");
  if (undo) add(undo.at, `Taken back: ${counted(undo.removedCount, "copy", "copies")}`);
  if (verification) {
    const differing = differencesOf(verification).reduce((sum, { count }) => sum + count, 0);
    add(
      verification.at,
      verification.error
        ? `Not verified, ${verification.error.code}`
        : `Verified: ${differing === 0 ? "nothing differs" : `${counted(differing, "message differs", "messages differ")}`}`,
    );
  }
  for (const { path, error: trouble } of folders)
    if (trouble) add(trouble.since, `The folder ${path} cannot be read, ${trouble.code}`);
  return events.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0)).slice(0, most);
}

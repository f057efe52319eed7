import type { HistoryEntryView } from "../../domain/api/batches.ts";
import type { MailboxId } from "../../domain/names.ts";
import type { HistoryEntry, OperationRecord } from "../ports/registry.ts";
import { iso } from "./instants.ts";

/** What was done with a batch, newest first. Pure. @param mailbox leaves out what named others. */
export function historyView(
  operations: readonly OperationRecord[],
  entries: readonly HistoryEntry[],
  mailbox?: MailboxId,
): readonly HistoryEntryView[] {
  const isAbout = ({ selection: { mailboxes } }: OperationRecord) =>
    mailbox === undefined || (mailboxes?.includes(mailbox) ?? true);
  const views: HistoryEntryView[] = [
    ...operations
      .filter(isAbout)
      .map(({ at, by, kind, seq, selection: { mailboxes, status, errorCode } }) => ({
        at: iso(at),
        by,
        act: kind,
        operation: seq,
        mailboxes: mailboxes?.length ?? null,
        filter:
          status === undefined && errorCode === undefined
            ? null
            : { ...(status ? { status } : {}), ...(errorCode ? { errorCode } : {}) },
        changes: [],
      })),
    ...entries.map(({ at, by, act, changes }) => ({
      at: iso(at),
      by,
      act,
      operation: null,
      mailboxes: null,
      filter: null,
      changes,
    })),
  ];
  return views.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : (b.operation ?? 0) - (a.operation ?? 0)));
}

import type { OperationKind } from "../../domain/states.ts";
import { approved } from "../mailbox/approval.ts";
import {
  forgetAsked,
  queued,
  released,
  retried,
  serverConfirmed,
  started,
  stopped,
  syncedAgain,
  undoAsked,
  verificationAsked,
} from "../mailbox/life.ts";
import type { MailboxRecord, OperationRecord, Selection } from "../ports/registry.ts";

/** What each kind of operation makes of a mailbox; undefined where it does not concern one in its state. Pure. */
const transitions: Readonly<
  Record<OperationKind, (mailbox: MailboxRecord, operation: OperationRecord) => MailboxRecord | undefined>
> = {
  upload: queued,
  start: started,
  stop: stopped,
  sync: syncedAgain,
  retry: retried,
  complete: syncedAgain,
  verify: (mailbox, { seq, verification }) =>
    verification && verificationAsked(mailbox, { ...verification, operation: seq }),
  approve: (mailbox, { selection: { codes }, by, at }) => approved(mailbox, { codes, by, at }),
  undo: (mailbox, { seq, at, undo }) => undo && undoAsked(mailbox, { ...undo, operation: seq }, at),
  forget: forgetAsked,
  confirm: serverConfirmed,
  release: released,
  remove: stopped,
  removeMailboxes: stopped,
};

/** True if an operation on this selection is about the mailbox. */
export function isSelected({ mailboxes, status, errorCode }: Selection, mailbox: MailboxRecord): boolean {
  return (
    (mailboxes === undefined || mailboxes.includes(mailbox.id)) &&
    (status === undefined || mailbox.status === status) &&
    (errorCode === undefined || mailbox.error?.code === errorCode)
  );
}

/**
 * What an operation makes of a mailbox. Pure. A mailbox that it changes bears its number, so that neither a repetition nor
 * an earlier operation changes it again. So does one that only a superseded operation would still change: whoever may yet
 * be at work on that one then loses the race.
 * @returns the same object if the operation has changed the mailbox already; undefined to leave it alone.
 */
export function operatedOn(
  operation: OperationRecord,
  superseded: readonly OperationRecord[],
  mailbox: MailboxRecord,
): MailboxRecord | undefined {
  const { seq } = operation;
  const last = mailbox.operation ?? 0;
  if (last > seq) return undefined;
  if (last === seq) return mailbox;
  const next = applied(operation, mailbox);
  if (next !== undefined) return { ...next, operation: seq };
  return superseded.some((one) => last < one.seq && applied(one, mailbox) !== undefined)
    ? { ...mailbox, operation: seq }
    : undefined;
}

function applied(operation: OperationRecord, mailbox: MailboxRecord): MailboxRecord | undefined {
  const { kind, selection } = operation;
  return isSelected(selection, mailbox) ? transitions[kind](mailbox, operation) : undefined;
}

import type { MailboxOrder } from "../../domain/api/requests.ts";
import type { MailboxStatus } from "../../domain/states.ts";
import type { MailboxSummary } from "../ports/registry.ts";

export interface MailboxQuery {
  readonly status?: MailboxStatus | undefined;
  readonly errorCode?: string | undefined;
  /** Part of the address or of the user name, in any case. */
  readonly search?: string | undefined;
  /** By id where left out; equals are ordered by id. */
  readonly orderBy?: { readonly field: MailboxOrder; readonly descending: boolean } | undefined;
  readonly top: number;
  /** Mailboxes passed over, 0 by default. */
  readonly skip?: number | undefined;
  /** Id of the last mailbox of the page before. */
  readonly continuation?: string | undefined;
}

/** A page of the mailboxes that a query finds, and how many it finds in all. Pure. */
export function selectMailboxes(
  mailboxes: readonly MailboxSummary[],
  { status, errorCode, search, orderBy, top, skip = 0, continuation }: MailboxQuery,
): {
  readonly page: readonly MailboxSummary[];
  readonly count: number;
  readonly continuation: string | undefined;
} {
  const wanted = search?.toLowerCase();
  const found = mailboxes.filter(
    (mailbox) =>
      (status === undefined || mailbox.status === status) &&
      (errorCode === undefined || mailbox.error?.code === errorCode) &&
      (wanted === undefined ||
        mailbox.emailAddress.toLowerCase().includes(wanted) ||
        mailbox.userName.toLowerCase().includes(wanted)),
  );
  const order = orderBy ? comparing(orderBy.field, orderBy.descending ? -1 : 1) : byId;
  found.sort(order);
  const last = continuation === undefined ? undefined : mailboxes.find(({ id }) => id === continuation);
  // Where the list is ordered by id the mailbox may even be gone.
  const start =
    continuation === undefined
      ? 0
      : indexAfter(found, (mailbox) => (last ? order(mailbox, last) : compare(mailbox.id, continuation)));
  const from = start + skip;
  const page = found.slice(from, from + top);
  const more = from + top < found.length;
  return { page, count: found.length, continuation: more ? page.at(-1)?.id : undefined };
}

function comparing(field: MailboxOrder, sign: 1 | -1) {
  return (a: MailboxSummary, b: MailboxSummary): number =>
    sign * compare(a[field] ?? 0, b[field] ?? 0) || byId(a, b);
}

function byId(a: MailboxSummary, b: MailboxSummary): number {
  return compare(a.id, b.id);
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function indexAfter(
  sorted: readonly MailboxSummary[],
  compareWithLast: (mailbox: MailboxSummary) => number,
): number {
  const index = sorted.findIndex((mailbox) => compareWithLast(mailbox) > 0);
  return index === -1 ? sorted.length : index;
}

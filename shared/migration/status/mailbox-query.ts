import type { MailboxOrder } from "../../domain/api/requests.ts";
import type { MailboxStatus } from "../../domain/states.ts";
import type { MailboxSummary } from "../ports/registry.ts";
import { createTextSearch } from "./text-search.ts";

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

/**
 * A page of the mailboxes that a query finds, and how many it finds in all. Pure; of a list that is asked for again and
 * again its orders, and what is searched in, are kept for as long as the list is.
 */
export function selectMailboxes(
  mailboxes: readonly MailboxSummary[],
  { status, errorCode, search, orderBy, top, skip = 0, continuation }: MailboxQuery,
): {
  readonly page: readonly MailboxSummary[];
  readonly count: number;
  readonly continuation: string | undefined;
} {
  const order = orderBy ? comparing(orderBy.field, orderBy.descending ? -1 : 1) : byId;
  const ordered = inOrder(mailboxes, orderBy, order);
  const found = (search === undefined ? ordered.mailboxes : ordered.search(search)).filter(
    (mailbox) =>
      (status === undefined || mailbox.status === status) &&
      (errorCode === undefined || mailbox.error?.code === errorCode),
  );
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

interface Ordered {
  readonly mailboxes: readonly MailboxSummary[];
  readonly search: (wanted: string) => readonly MailboxSummary[];
}

/** Each list in the orders that were asked for: to sort 50,000 takes several times as long as to look through them. */
const kept = new WeakMap<readonly MailboxSummary[], Map<string, Ordered>>();

function inOrder(
  mailboxes: readonly MailboxSummary[],
  orderBy: MailboxQuery["orderBy"],
  order: (a: MailboxSummary, b: MailboxSummary) => number,
): Ordered {
  const key = orderBy ? `${orderBy.field} ${orderBy.descending}` : "";
  const orders = kept.get(mailboxes) ?? new Map<string, Ordered>();
  const found = orders.get(key) ?? searchable(mailboxes.toSorted(order));
  kept.set(mailboxes, orders.set(key, found));
  return found;
}

function searchable(mailboxes: readonly MailboxSummary[]): Ordered {
  let find: ReturnType<typeof createTextSearch> | undefined;
  return {
    mailboxes,
    search(wanted) {
      find ??= createTextSearch(
        mailboxes.map(({ emailAddress, userName }) => `${emailAddress}\0${userName}`),
      );
      return find(wanted).flatMap((index) => mailboxes[index] ?? []);
    },
  };
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

import type { BatchView, MailboxListAnswer } from "../api/types.ts";
import { isMailboxMoving } from "../parts/status.ts";

/** Mailboxes of one request. */
export const pageSize = 100;

export interface MailboxFilter {
  readonly search: string;
  readonly status: string;
  readonly errorCode: string;
  readonly orderBy: string;
  readonly descending: boolean;
}

/** The query of one page of a list. Pure. @param size mailboxes of a page. */
export function queryOf(filter: MailboxFilter, page: number, size = pageSize): string {
  const { search, status, errorCode, orderBy, descending } = filter;
  const query = new URLSearchParams({ $top: String(size) });
  if (page > 0) query.set("$skip", String(page * size));
  if (search.trim() !== "") query.set("$search", search.trim());
  if (status !== "") query.set("status", status);
  if (errorCode !== "") query.set("errorCode", errorCode);
  query.set("$orderby", `${orderBy}${descending ? " desc" : ""}`);
  return query.toString();
}

/** What an action on all that fit is told; a search by text is not among it. Pure. */
export function filterOf({ status, errorCode }: MailboxFilter): {
  readonly status?: string;
  readonly errorCode?: string;
} {
  return { ...(status === "" ? {} : { status }), ...(errorCode === "" ? {} : { errorCode }) };
}

/** Mailboxes that one action can name. */
export const maxNamed = 1_000;

/**
 * How all that fit can be acted on at once: by what is filtered for, or each by its name where a text is searched for.
 * Undefined where they cannot, and where nothing is filtered for: then it is the batch that is meant. Pure.
 * @param found mailboxes that fit.
 */
export function allBy(
  { search, status, errorCode }: MailboxFilter,
  found: number,
): "filter" | "name" | undefined {
  if (search.trim() !== "") return found <= maxNamed ? "name" : undefined;
  return status !== "" || errorCode !== "" ? "filter" : undefined;
}

/** True where the list is about to change, or tells of other mailboxes than the batch does, as while its CSV is being read. Pure. */
export function isBehind(
  { facets }: Pick<MailboxListAnswer, "facets">,
  { totalCount }: Pick<BatchView, "totalCount">,
): boolean {
  const statuses = Object.entries(facets.status);
  const listed = statuses.reduce((sum, [, number]) => sum + number, 0);
  return listed !== totalCount || statuses.some(([status, number]) => number > 0 && isMailboxMoving(status));
}

/** Mailboxes of one request. */
export const pageSize = 100;

export interface MailboxFilter {
  readonly search: string;
  readonly status: string;
  readonly errorCode: string;
  readonly orderBy: string;
  readonly descending: boolean;
}

/** The query of one page of a list. Pure. */
export function queryOf(filter: MailboxFilter, page: number): string {
  const { search, status, errorCode, orderBy, descending } = filter;
  const query = new URLSearchParams({ $top: String(pageSize) });
  if (page > 0) query.set("$skip", String(page * pageSize));
  if (search.trim() !== "") query.set("$search", search.trim());
  if (status !== "") query.set("status", status);
  if (errorCode !== "") query.set("errorCode", errorCode);
  query.set("$orderby", `${orderBy}${descending ? " desc" : ""}`);
  return query.toString();
}

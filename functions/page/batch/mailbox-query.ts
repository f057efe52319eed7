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

/** What an action on all that fit is told; a search by text is not among it. Pure. */
export function filterOf({ status, errorCode }: MailboxFilter): {
  readonly status?: string;
  readonly errorCode?: string;
} {
  return { ...(status === "" ? {} : { status }), ...(errorCode === "" ? {} : { errorCode }) };
}

/** True where all that fit can be acted on at once. Pure. */
export function canChooseAll({ search, status, errorCode }: MailboxFilter): boolean {
  return search.trim() === "" && (status !== "" || errorCode !== "");
}

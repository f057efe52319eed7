import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import { pathOf, read } from "../api/client.ts";
import { isMailboxMoving, polled } from "../api/queries.ts";
import type { MailboxListAnswer, MailboxView } from "../api/types.ts";
import { type MailboxFilter, pageSize, queryOf } from "./mailbox-query.ts";

/** Pages asked for at once: those that are looked at. */
const maxPages = 3;

/** The mailboxes of a batch that fit, however many: only the pages that are looked at are asked for. */
export function useMailboxes(batch: string, filter: MailboxFilter) {
  const [range, setRange] = useState<readonly [number, number]>([0, 0]);
  const first = Math.floor(range[0] / pageSize);
  const pages = Math.min(Math.floor(range[1] / pageSize) - first + 1, maxPages);
  const query = (page: number) => ({
    queryKey: ["batches", batch, "mailboxes", "list", filter, page] as const,
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      read<MailboxListAnswer>(`${pathOf`batches/${batch}/mailboxes`}?${queryOf(filter, page)}`, signal),
    refetchInterval: polled<MailboxListAnswer>(({ facets }) =>
      Object.entries(facets.status).some(([status, number]) => number > 0 && isMailboxMoving(status)),
    ),
  });
  const top = useQuery({ ...query(first), placeholderData: keepPreviousData });
  const seen = useQueries({
    queries: Array.from({ length: pages }, (_, index) => query(first + index)),
  });
  const rowAt = (index: number): MailboxView | undefined => {
    const page = Math.floor(index / pageSize);
    const found = seen[page - first]?.data ?? (page === first ? top.data : undefined);
    return found?.value[index % pageSize];
  };
  const onRange = useCallback(
    (from: number, to: number) => setRange((now) => (now[0] === from && now[1] === to ? now : [from, to])),
    [],
  );
  return { page: top.data, error: top.error, refetch: top.refetch, rowAt, onRange };
}

import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useCallback, useState } from "react";
import { pathOf, read } from "../api/client.ts";
import { isMoving, polled } from "../api/queries.ts";
import type { BatchView, MailboxListAnswer, MailboxView } from "../api/types.ts";
import { isBehind, type MailboxFilter, maxNamed, pageSize, queryOf } from "./mailbox-query.ts";

/** Pages asked for at once: those that are looked at. */
const maxPages = 3;

/** The mailboxes of a batch that fit, however many: only the pages that are looked at are asked for. */
export function useMailboxes(batch: BatchView, filter: MailboxFilter) {
  const [range, setRange] = useState<readonly [number, number]>([0, 0]);
  const first = Math.floor(range[0] / pageSize);
  const pages = Math.min(Math.floor(range[1] / pageSize) - first + 1, maxPages);
  const query = (page: number) => ({
    queryKey: ["batches", batch.name, "mailboxes", "list", filter, page] as const,
    queryFn: ({ signal }: { signal: AbortSignal }) =>
      read<MailboxListAnswer>(`${pathOf`batches/${batch.name}/mailboxes`}?${queryOf(filter, page)}`, signal),
    refetchInterval: polled<MailboxListAnswer>((list) => isMoving(batch) || isBehind(list, batch)),
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

/** Ids of all mailboxes that fit, a thousand at most. @throws ApiError */
export async function readIds(batch: string, filter: MailboxFilter): Promise<readonly string[]> {
  // What one request may ask for at most is one less than what an action may name.
  const size = maxNamed - 1;
  const list = (page: number) =>
    read<MailboxListAnswer>(`${pathOf`batches/${batch}/mailboxes`}?${queryOf(filter, page, size)}`);
  const first = await list(0);
  const rest = first.count > size ? (await list(1)).value : [];
  return [...first.value, ...rest].slice(0, maxNamed).map(({ id }) => id);
}

import { type Query, QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { isMailboxMoving } from "../parts/status.ts";
import { pathOf, read } from "./client.ts";
import { pollAfter } from "./polling.ts";
import type {
  BatchVerificationView,
  BatchView,
  CutoverView,
  EndpointListAnswer,
  ErrorListAnswer,
  HistoryAnswer,
  MailboxDetails,
  MeView,
  NoticeView,
  OperationView,
  ReportListAnswer,
  SampleListAnswer,
} from "./types.ts";

export interface List<Item> {
  readonly value: readonly Item[];
  readonly nextLink: string | null;
}

/** Polling is the retry; a hidden page asks nothing, and at once when it is looked at again. */
export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: false,
        staleTime: 2_000,
        refetchOnWindowFocus: "always",
        refetchOnReconnect: "always",
      },
    },
  });
}

/** @param isActive true if what is shown is about to change. */
export function polled<Data>(isActive: (data: Data) => boolean) {
  return ({ state }: Query<Data, Error, Data, readonly unknown[]>): number | false =>
    pollAfter(state.data !== undefined && isActive(state.data), state.fetchFailureCount, state.error);
}

export function isMoving(batch: BatchView): boolean {
  return (
    batch.activeCount > 0 ||
    batch.operations.length > 0 ||
    ["Syncing", "IncrementalSyncing", "Completing", "Removing", "Stopping"].includes(batch.status)
  );
}

export const meQuery = queryOptions({
  queryKey: ["me"] as const,
  queryFn: ({ signal }) => read<MeView>("me", signal),
  staleTime: 10 * 60_000,
});

export const endpointsQuery = queryOptions({
  queryKey: ["endpoints"] as const,
  queryFn: ({ signal }) => read<EndpointListAnswer>("endpoints", signal),
  refetchInterval: polled<EndpointListAnswer>(() => false),
});

export const batchesQuery = queryOptions({
  queryKey: ["batches"] as const,
  queryFn: ({ signal }) => read<List<BatchView>>("batches", signal),
  refetchInterval: polled<List<BatchView>>(({ value }) => value.some(isMoving)),
});

/** Milliseconds within which the CSV of a batch may still be being read. */
const youngMs = 10 * 60_000;

function isYoung({ createdAt, asOf }: BatchView): boolean {
  return Date.parse(asOf) - Date.parse(createdAt) < youngMs;
}

export const batchQuery = (batch: string) =>
  queryOptions({
    queryKey: ["batches", batch] as const,
    queryFn: ({ signal }) => read<BatchView>(pathOf`batches/${batch}`, signal),
    refetchInterval: polled<BatchView>((view) => isMoving(view) || isYoung(view)),
  });

export const mailboxQuery = (batch: string, id: string) =>
  queryOptions({
    queryKey: ["batches", batch, "mailboxes", id] as const,
    queryFn: ({ signal }) => read<MailboxDetails>(pathOf`batches/${batch}/mailboxes/${id}`, signal),
    refetchInterval: polled<MailboxDetails>(({ status }) => isMailboxMoving(status)),
  });

export const operationsQuery = (batch: string) =>
  queryOptions({
    queryKey: ["batches", batch, "operations"] as const,
    queryFn: ({ signal }) => read<List<OperationView>>(pathOf`batches/${batch}/operations`, signal),
    refetchInterval: polled<List<OperationView>>(({ value }) =>
      value.some(({ endedAt }) => endedAt === null),
    ),
  });

export const errorsQuery = (batch: string) =>
  queryOptions({
    queryKey: ["batches", batch, "errors"] as const,
    queryFn: ({ signal }) => read<ErrorListAnswer>(pathOf`batches/${batch}/errors`, signal),
    refetchInterval: polled<ErrorListAnswer>(() => false),
  });

export const historyQuery = (batch: string) =>
  queryOptions({
    queryKey: ["batches", batch, "history"] as const,
    queryFn: ({ signal }) => read<HistoryAnswer>(pathOf`batches/${batch}/history`, signal),
    refetchInterval: polled<HistoryAnswer>(() => false),
  });

export const samplesQuery = (batch: string) =>
  queryOptions({
    queryKey: ["batches", batch, "samples"] as const,
    queryFn: ({ signal }) => read<SampleListAnswer>(pathOf`batches/${batch}/samples`, signal),
    refetchInterval: polled<SampleListAnswer>(() => false),
  });

export const cutoverQuery = (batch: string) =>
  queryOptions({
    queryKey: ["batches", batch, "cutover"] as const,
    queryFn: ({ signal }) => read<CutoverView>(pathOf`batches/${batch}/cutover`, signal),
    refetchInterval: polled<CutoverView>(() => false),
  });

export const reportsQuery = (batch: string) =>
  queryOptions({
    queryKey: ["batches", batch, "reports"] as const,
    queryFn: ({ signal }) => read<ReportListAnswer>(pathOf`batches/${batch}/reports`, signal),
    refetchInterval: polled<ReportListAnswer>(() => false),
  });

export const verificationQuery = (batch: string) =>
  queryOptions({
    queryKey: ["batches", batch, "verification"] as const,
    queryFn: ({ signal }) => read<BatchVerificationView>(pathOf`batches/${batch}/verification`, signal),
    refetchInterval: polled<BatchVerificationView>(({ verifyingCount }) => verifyingCount > 0),
  });

export const noticesQuery = (batch: string) =>
  queryOptions({
    queryKey: ["batches", batch, "notices"] as const,
    queryFn: ({ signal }) => read<List<NoticeView>>(pathOf`batches/${batch}/notices`, signal),
    refetchInterval: polled<List<NoticeView>>(() => false),
  });

/** True unless it is known that the caller may only look. */
export function useMayOperate(): boolean {
  return useQuery(meQuery).data?.mayOperate ?? true;
}

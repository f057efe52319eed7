import { useQuery } from "@tanstack/react-query";
import { operationsQuery } from "../api/queries.ts";
import type { BatchView, OperationView } from "../api/types.ts";
import { count } from "../parts/format.ts";
import { type Column, Grid } from "../parts/grid.tsx";
import { wordsFor } from "../parts/status.ts";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { When } from "../parts/when.tsx";
import { whoIs } from "../parts/who.ts";
import Notices from "./notices.tsx";

const columns: readonly Column<OperationView>[] = [
  { id: "at", label: "When", width: "minmax(150px, 1fr)", cell: ({ beganAt }) => <When at={beganAt} full /> },
  { id: "what", label: "What", width: "minmax(100px, 1fr)", cell: ({ kind }) => wordsFor(kind) },
  {
    id: "by",
    label: "Who",
    width: "minmax(120px, 2fr)",
    cell: ({ by }) => <span className="cut">{whoIs(by)}</span>,
  },
  { id: "status", label: "Status", width: "140px", cell: ({ status }) => <StatusBadge status={status} /> },
  {
    id: "passed",
    label: "Mailboxes passed",
    width: "minmax(130px, 1fr)",
    cell: ({ passedCount, totalCount }) =>
      totalCount === null ? count(passedCount) : `${count(passedCount)} of ${count(totalCount)}`,
  },
  {
    id: "changed",
    label: "Changed",
    width: "90px",
    align: "end",
    cell: ({ changedCount }) => count(changedCount),
  },
];

/** Who did what, newest first. */
export default function HistoryTab({ batch }: { batch: BatchView }) {
  const { data, error, refetch } = useQuery(operationsQuery(batch.name));
  return (
    <section aria-label="History" className="stack">
      <Trouble error={error} onRetry={refetch} />
      {data === undefined && error === null ? <Waiting /> : null}
      {data?.value.length === 0 ? <p className="nothing">Nothing was done with this batch yet.</p> : null}
      {data && data.value.length > 0 ? (
        <Grid
          label="What was done"
          columns={columns}
          count={data.value.length}
          rowAt={(index) => data.value[index]}
          keyOf={({ id }) => String(id)}
          short={data.value.length <= 30}
          card={(operation) => (
            <>
              <div className="card-line">
                <b>{wordsFor(operation.kind)}</b>
                <StatusBadge status={operation.status} />
              </div>
              <div className="card-line quiet">
                <When at={operation.beganAt} full />
                <span className="cut">{whoIs(operation.by)}</span>
              </div>
            </>
          )}
        />
      ) : null}
      <h2>Mails to the operators</h2>
      <Notices batch={batch} />
    </section>
  );
}

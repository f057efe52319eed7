import { useQuery } from "@tanstack/react-query";
import { historyQuery } from "../api/queries.ts";
import type { BatchView, HistoryEntryView } from "../api/types.ts";
import { type Column, Grid } from "../parts/grid.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { When } from "../parts/when.tsx";
import { whoIs } from "../parts/who.ts";
import { actOf, detailsOf } from "./history-text.ts";
import Notices from "./notices.tsx";

const columns: readonly Column<HistoryEntryView>[] = [
  { id: "at", label: "When", width: "minmax(160px, 1fr)", cell: ({ at }) => <When at={at} full /> },
  { id: "what", label: "What", width: "minmax(130px, 1fr)", cell: ({ act }) => actOf(act) },
  {
    id: "details",
    label: "Of what",
    width: "minmax(180px, 3fr)",
    cell: (entry) => (
      <span className="cut" title={detailsOf(entry)}>
        {detailsOf(entry)}
      </span>
    ),
  },
  {
    id: "by",
    label: "Who",
    width: "minmax(120px, 1.4fr)",
    cell: ({ by }) => (
      <span className="cut" title={whoIs(by)}>
        {whoIs(by)}
      </span>
    ),
  },
];

/** Who did what, newest first, and the mails to the operators. */
export default function HistoryTab({ batch }: { batch: BatchView }) {
  const { data, error, refetch } = useQuery(historyQuery(batch.name));
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
          keyOf={({ at, act, operation }) => `${at} ${act} ${operation}`}
          short={data.value.length <= 30}
          card={(entry) => (
            <>
              <div className="card-line">
                <b>{actOf(entry.act)}</b>
                <When at={entry.at} full />
              </div>
              <div className="card-line quiet">
                <span className="cut">{detailsOf(entry)}</span>
                <span className="cut">{whoIs(entry.by)}</span>
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

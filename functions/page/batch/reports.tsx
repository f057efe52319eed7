import { useQuery } from "@tanstack/react-query";
import { reportsQuery } from "../api/queries.ts";
import type { BatchView } from "../api/types.ts";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { ReportGrid } from "../reports/report-grid.tsx";

/** Every report of the batch. */
export default function ReportsTab({ batch }: { batch: BatchView }) {
  const { data, error, refetch } = useQuery(reportsQuery(batch.name));
  return (
    <section aria-label="Reports" className="stack">
      <Trouble error={error} onRetry={refetch} />
      {data === undefined && error === null ? <Waiting /> : null}
      {data?.value.length === 0 ? (
        <p className="nothing">
          There is no report yet. They are written a few minutes after a round has ended.
        </p>
      ) : null}
      {data && data.value.length > 0 ? (
        <ReportGrid reports={data.value.map((report) => ({ ...report, batch: batch.name }))} />
      ) : null}
    </section>
  );
}

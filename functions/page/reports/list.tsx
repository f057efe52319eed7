import { SearchBox } from "@fluentui/react-components";
import { useQueries, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { batchesQuery, reportsQuery } from "../api/queries.ts";
import { View } from "../frame/view.tsx";
import { count, counted } from "../parts/format.ts";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { ReportGrid } from "./report-grid.tsx";

/** The reports of every batch. */
export default function ReportList() {
  const batches = useQuery(batchesQuery);
  const names = (batches.data?.value ?? []).map(({ name }) => name);
  const lists = useQueries({ queries: names.map(reportsQuery) });
  const [search, setSearch] = useState("");
  const wanted = search.trim().toLowerCase();
  const reports = lists.flatMap(({ data }, index) =>
    (data?.value ?? []).map((report) => ({ ...report, batch: names[index] ?? "" })),
  );
  const found = reports.filter(({ batch, name }) => `${batch} ${name}`.toLowerCase().includes(wanted));
  const failed = lists.find(({ error }) => error !== null);
  const isWaiting = batches.isPending || lists.some(({ isPending }) => isPending);
  return (
    <View title="Reports">
      <p className="totals">
        Files for a spreadsheet, written a few minutes after a round has ended. They go with their batch.
      </p>
      <Trouble error={batches.error} onRetry={batches.refetch} />
      <Trouble error={failed?.error} {...(failed ? { onRetry: failed.refetch } : {})} />
      {isWaiting && reports.length === 0 ? <Waiting /> : null}
      {!isWaiting && reports.length === 0 ? <p className="nothing">There is no report yet.</p> : null}
      {reports.length > 0 ? (
        <>
          <div className="tools">
            <SearchBox
              placeholder="A batch, or a report"
              aria-label="Search reports"
              value={search}
              onChange={(_, { value }) => setSearch(value)}
            />
            <span className="tools-note" aria-live="polite">
              {search === ""
                ? counted(reports.length, "report", "reports")
                : `${count(found.length)} of ${count(reports.length)}`}
            </span>
          </div>
          {found.length > 0 ? <ReportGrid reports={found} ofAll /> : <p className="nothing">None fits.</p>}
        </>
      ) : null}
    </View>
  );
}

import { Link } from "@fluentui/react-components";
import { DownloadIcon } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { pathOf } from "../api/client.ts";
import { reportsQuery } from "../api/queries.ts";
import type { BatchView, ReportListAnswer } from "../api/types.ts";
import { bytes } from "../parts/format.ts";
import { type Column, Grid } from "../parts/grid.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { When } from "../parts/when.tsx";

type Report = ReportListAnswer["value"][number];

const contents: Readonly<Record<string, string>> = {
  validation: "What of the last CSV could not be used, by line and column",
  mailboxes: "Every mailbox with its counts and its error",
  "failed-mailboxes": "The mailboxes that failed, ready to be mended and uploaded",
  "skipped-items": "Every message that was left out, with the reason",
  verification: "Every difference that a verification found",
  undo: "Copies that an undoing left in the target",
  rehearsal: "What each mailbox would bring, and how long it would take",
  audit: "Who did what, and when",
};

/** Every report of the batch; none is kept by the browser. */
export default function ReportsTab({ batch }: { batch: BatchView }) {
  const { data, error, refetch } = useQuery(reportsQuery(batch.name));
  const fileOf = ({ name }: Report) => name.replace(/\.csv$/, "");
  const download = (report: Report) => (
    <Link
      href={`/api/${pathOf`batches/${batch.name}/reports/${fileOf(report)}.csv`}`}
      download={`${batch.name}-${fileOf(report)}.csv`}
    >
      <DownloadIcon /> {fileOf(report)}.csv
    </Link>
  );
  const columns: readonly Column<Report>[] = [
    { id: "name", label: "Report", width: "minmax(180px, 1fr)", interactive: true, cell: download },
    {
      id: "content",
      label: "Content",
      width: "minmax(220px, 2.4fr)",
      cell: (report) => <span className="cut">{contents[fileOf(report)] ?? ""}</span>,
    },
    { id: "size", label: "Size", width: "100px", align: "end", cell: ({ size }) => bytes(size) },
    {
      id: "at",
      label: "Written",
      width: "minmax(150px, 0.8fr)",
      cell: ({ modifiedAt }) => <When at={modifiedAt} full />,
    },
  ];
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
        <Grid
          label="Reports"
          columns={columns}
          count={data.value.length}
          rowAt={(index) => data.value[index]}
          keyOf={({ name }) => name}
          short
          card={(report) => (
            <>
              <div className="card-line">
                {download(report)}
                <span>{bytes(report.size)}</span>
              </div>
              <div className="card-line quiet">
                <span className="cut">{contents[fileOf(report)]}</span>
              </div>
            </>
          )}
        />
      ) : null}
    </section>
  );
}

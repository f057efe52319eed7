import { Link } from "@fluentui/react-components";
import { DownloadIcon } from "@fluentui/react-icons";
import { pathOf } from "../api/client.ts";
import type { ReportListAnswer } from "../api/types.ts";
import { To } from "../frame/view.tsx";
import { bytes } from "../parts/format.ts";
import { type Column, Grid } from "../parts/grid.tsx";
import { When } from "../parts/when.tsx";

type Report = ReportListAnswer["value"][number];

/** A report, and the batch it is of. */
export interface ReportOf extends Report {
  readonly batch: string;
}

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

const fileOf = ({ name }: Report) => name.replace(/\.csv$/, "");

/** Reports to be downloaded; none is kept by the browser. @param ofAll true if they are of several batches. */
export function ReportGrid({ reports, ofAll = false }: { reports: readonly ReportOf[]; ofAll?: boolean }) {
  const download = (report: ReportOf) => (
    <Link
      href={`/api/${pathOf`batches/${report.batch}/reports/${fileOf(report)}.csv`}`}
      download={`${report.batch}-${fileOf(report)}.csv`}
      {...(ofAll ? { "aria-label": `${fileOf(report)}.csv of ${report.batch}` } : {})}
    >
      <DownloadIcon /> {fileOf(report)}.csv
    </Link>
  );
  const batchColumn: Column<ReportOf> = {
    id: "batch",
    label: "Batch",
    width: "minmax(110px, 0.8fr)",
    interactive: true,
    cell: ({ batch }) => (
      <To to={`/batches/${batch}/reports`} className="cut">
        {batch}
      </To>
    ),
  };
  const columns: readonly Column<ReportOf>[] = [
    ...(ofAll ? [batchColumn] : []),
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
    <Grid
      label="Reports"
      columns={columns}
      count={reports.length}
      rowAt={(index) => reports[index]}
      keyOf={({ batch, name }) => `${batch}/${name}`}
      short={reports.length <= 30}
      card={(report) => (
        <>
          <div className="card-line">
            {download(report)}
            <span>{bytes(report.size)}</span>
          </div>
          <div className="card-line quiet">
            <span className="cut">
              {ofAll ? `${report.batch}: ` : ""}
              {contents[fileOf(report)]}
            </span>
          </div>
        </>
      )}
    />
  );
}

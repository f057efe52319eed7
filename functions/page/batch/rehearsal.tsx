import { Button, Link } from "@fluentui/react-components";
import { DownloadIcon, StartIcon } from "@fluentui/react-icons";
import { useState } from "react";
import { pathOf } from "../api/client.ts";
import { useMayOperate } from "../api/queries.ts";
import type { BatchView, MailboxView } from "../api/types.ts";
import { useBatchAction } from "../batches/use-batch-action.ts";
import { bytes, count, counted } from "../parts/format.ts";
import { type Column, Grid } from "../parts/grid.tsx";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { Address } from "./address.tsx";
import { expectedTime } from "./expected-time.ts";
import { useMailboxes } from "./use-mailboxes.ts";

/** What each mailbox would bring, and the way from the rehearsal to the migration. */
export default function RehearsalTab({ batch }: { batch: BatchView }) {
  const [sort, setSort] = useState({ column: "emailAddress", descending: false });
  const { page, error, refetch, rowAt, onRange } = useMailboxes(batch, {
    search: "",
    status: "",
    errorCode: "",
    orderBy: sort.column,
    descending: sort.descending,
  });
  const act = useBatchAction();
  const mayOperate = useMayOperate();
  return (
    <section aria-label="Rehearsal" className="stack">
      <p>
        Every mailbox is logged in to on both sides, and what it holds is counted: nothing is copied, and
        nothing is changed. {counted(batch.totalItemsInSourceMailboxCount, "message", "messages")},{" "}
        {bytes(batch.estimatedTotalTransferSize)} were found so far.
      </p>
      <div className="tools">
        {batch.rehearsal ? (
          <Button
            appearance="primary"
            icon={<StartIcon />}
            disabledFocusable={!mayOperate}
            onClick={() => void act("startForReal", batch)}
          >
            Start for real
          </Button>
        ) : null}
        <Link
          href={`/api/${pathOf`batches/${batch.name}/reports/rehearsal.csv`}`}
          download={`${batch.name}-rehearsal.csv`}
        >
          <DownloadIcon /> What was found, folder by folder
        </Link>
      </div>
      <Trouble error={error} onRetry={refetch} />
      {page === undefined && error === null ? <Waiting /> : null}
      {page && page.count > 0 ? (
        <Grid
          label="What each mailbox would bring"
          columns={columns(batch)}
          count={page.count}
          rowAt={rowAt}
          keyOf={({ id }) => id}
          sort={sort}
          onSort={setSort}
          onRange={onRange}
          short={page.count <= 30}
          card={(row) => (
            <>
              <div className="card-line">
                <Address of={row} batch={batch} />
                <Status of={row} />
              </div>
              <div className="card-line quiet">
                <span className="cut">
                  {row.rehearsal
                    ? `${counted(row.rehearsal.itemCount, "message", "messages")}, ${bytes(row.rehearsal.bytes)}, ${expectedTime(row.rehearsal)}`
                    : "Not looked at yet"}
                </span>
              </div>
            </>
          )}
        />
      ) : null}
    </section>
  );
}

function Status({ of: { status, rehearsal } }: { of: MailboxView }) {
  return (
    <StatusBadge status={status}>{status === "Completed" && rehearsal ? "Rehearsed" : null}</StatusBadge>
  );
}

function columns(batch: BatchView): readonly Column<MailboxView>[] {
  const found = (show: (rehearsal: NonNullable<MailboxView["rehearsal"]>) => string) => (row: MailboxView) =>
    row.rehearsal === null ? (
      <span className="quiet">-</span>
    ) : (
      <span className="cut" title={show(row.rehearsal)}>
        {show(row.rehearsal)}
      </span>
    );
  return [
    {
      id: "emailAddress",
      label: "Address",
      width: "minmax(160px, 1.6fr)",
      interactive: true,
      sortable: true,
      cell: (row) => <Address of={row} batch={batch} />,
    },
    {
      id: "status",
      label: "Status",
      width: "130px",
      sortable: true,
      cell: (row) => <Status of={row} />,
    },
    {
      id: "folders",
      label: "Folders",
      width: "minmax(80px, 1fr)",
      cell: found(({ folderCount, foldersLeftOutCount }) =>
        foldersLeftOutCount === 0
          ? count(folderCount)
          : `${count(folderCount)}, ${count(foldersLeftOutCount)} left out`,
      ),
    },
    {
      id: "messages",
      label: "Messages",
      width: "84px",
      align: "end",
      cell: found(({ itemCount }) => count(itemCount)),
    },
    { id: "size", label: "Size", width: "84px", align: "end", cell: found((it) => bytes(it.bytes)) },
    {
      id: "leftOut",
      label: "Left out",
      width: "72px",
      align: "end",
      cell: found(({ itemsLeftOutCount }) => count(itemsLeftOutCount)),
    },
    {
      id: "tooLarge",
      label: "Too large",
      width: "84px",
      align: "end",
      cell: found(({ tooLargeCount }) => count(tooLargeCount)),
    },
    { id: "time", label: "Time", width: "minmax(130px, 1.4fr)", cell: found(expectedTime) },
  ];
}

import { Button, Link } from "@fluentui/react-components";
import { CheckIcon, DownloadIcon, UndoIcon } from "@fluentui/react-icons";
import { pathOf } from "../api/client.ts";
import type { BatchView, MailboxView } from "../api/types.ts";
import { useBatchAction } from "../batches/use-batch-action.ts";
import { count } from "../parts/format.ts";
import { type Column, Grid } from "../parts/grid.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { Address } from "./address.tsx";
import { skippedText, unapprovedByCode } from "./approval.ts";
import { Remedy } from "./remedy.tsx";
import { useApproval } from "./use-approval.ts";
import { useMailboxes } from "./use-mailboxes.ts";

const filter = { search: "", status: "", errorCode: "", orderBy: "skippedItemCount", descending: true };

/** What was not copied, by mailbox, and whether somebody accepts that. */
export default function SkippedTab({ batch }: { batch: BatchView }) {
  const { page, error, refetch } = useMailboxes(batch, filter);
  const act = useBatchAction();
  const approve = useApproval(batch);
  const rows = (page?.value ?? []).filter(({ skippedItemCount }) => skippedItemCount > 0);
  const isAll = page === undefined || rows.length < page.value.length || page.count === rows.length;
  const columns: readonly Column<MailboxView>[] = [
    {
      id: "emailAddress",
      label: "Address",
      width: "minmax(180px, 2fr)",
      interactive: true,
      cell: (row) => <Address of={row} batch={batch} />,
    },
    {
      id: "skipped",
      label: "Skipped",
      width: "minmax(80px, 1fr)",
      align: "end",
      cell: ({ skippedItemCount }) => count(skippedItemCount),
    },
    {
      id: "open",
      label: "Not accepted",
      width: "minmax(110px, 1fr)",
      align: "end",
      cell: ({ unapprovedItemCount }) => (
        <span className={unapprovedItemCount === 0 ? "quiet" : ""}>{count(unapprovedItemCount)}</span>
      ),
    },
    {
      id: "actions",
      label: "Accept",
      width: "minmax(110px, 1fr)",
      interactive: true,
      cell: (row) => <AcceptOne row={row} approve={approve} />,
    },
  ];
  return (
    <section aria-label="Skipped messages" className="stack">
      <p>{skippedText(batch)}</p>
      {batch.skippedItemCount > 0 ? (
        <div className="tools">
          {batch.unapprovedItemCount > 0 ? (
            <>
              <Button
                icon={<UndoIcon />}
                disabledFocusable={!approve.mayOperate}
                onClick={() => void act("retry", batch)}
              >
                Try again
              </Button>
              <Button
                icon={<CheckIcon />}
                disabledFocusable={!approve.mayOperate || approve.isPending}
                onClick={() => void approve.ask(batch.unapprovedItemCount, batch.name)}
              >
                Accept all {count(batch.unapprovedItemCount)}
              </Button>
            </>
          ) : null}
          <Link
            href={`/api/${pathOf`batches/${batch.name}/reports/skipped-items.csv`}`}
            download={`${batch.name}-skipped-items.csv`}
          >
            <DownloadIcon /> Every message with its reason
          </Link>
        </div>
      ) : null}
      <Trouble error={error} onRetry={refetch} />
      {page === undefined && error === null ? <Waiting /> : null}
      <ByCode codes={unapprovedByCode(rows)} isAll={isAll} batch={batch} approve={approve} />
      {rows.length > 0 ? (
        <Grid
          label="Mailboxes with skipped messages"
          columns={columns}
          count={rows.length}
          rowAt={(index) => rows[index]}
          keyOf={({ id }) => id}
          short={rows.length <= 30}
          card={(row) => (
            <>
              <div className="card-line">
                <Address of={row} batch={batch} />
                <span>{count(row.skippedItemCount)} skipped</span>
              </div>
              <div className="card-line quiet">
                <span>{count(row.unapprovedItemCount)} not accepted</span>
                <AcceptOne row={row} approve={approve} />
              </div>
            </>
          )}
        />
      ) : null}
      {isAll ? null : (
        <p className="quiet">The {count(rows.length)} mailboxes with the most. The file has all of them.</p>
      )}
    </section>
  );
}

type Approval = ReturnType<typeof useApproval>;

/** Why they were skipped, and what can be done; some of them can be accepted. @param isAll false if there are mailboxes besides. */
function ByCode({
  codes,
  isAll,
  batch,
  approve,
}: {
  codes: readonly (readonly [string, number])[];
  isAll: boolean;
  batch: BatchView;
  approve: Approval;
}) {
  if (codes.length === 0) return null;
  return (
    <table className="checks" aria-label="Not accepted, by code">
      <thead>
        <tr>
          <th scope="col">Code</th>
          <th scope="col">Messages</th>
          <th scope="col">What to do</th>
          <th scope="col">Accept</th>
        </tr>
      </thead>
      <tbody>
        {codes.map(([code, items]) => (
          <tr key={code}>
            <th scope="row">{code}</th>
            <td>{isAll ? count(items) : `${count(items)} or more`}</td>
            <td>
              <Remedy code={code} />
            </td>
            <td>
              <Button
                size="small"
                aria-label={`Accept those with ${code}`}
                disabledFocusable={!approve.mayOperate || approve.isPending}
                onClick={() =>
                  void approve.ask(isAll ? items : undefined, `${batch.name} with ${code}`, { codes: [code] })
                }
              >
                Accept
              </Button>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function AcceptOne({
  row: { id, emailAddress, unapprovedItemCount },
  approve,
}: {
  row: MailboxView;
  approve: Approval;
}) {
  if (unapprovedItemCount === 0) return <span className="quiet">Nothing to accept</span>;
  return (
    <Button
      size="small"
      aria-label={`Accept those of ${emailAddress}`}
      disabledFocusable={!approve.mayOperate || approve.isPending}
      onClick={() => void approve.ask(unapprovedItemCount, emailAddress, { mailboxes: [id] })}
    >
      Accept
    </Button>
  );
}

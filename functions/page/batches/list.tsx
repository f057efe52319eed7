import { Button, Link, SearchBox } from "@fluentui/react-components";
import { AddIcon } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useLocation } from "wouter";
import { batchesQuery, useMayOperate } from "../api/queries.ts";
import type { BatchView } from "../api/types.ts";
import { useAnnounce } from "../frame/announcer.tsx";
import { To, View } from "../frame/view.tsx";
import { bytes, clockTime, count, counted } from "../parts/format.ts";
import { type Column, Grid } from "../parts/grid.tsx";
import { Progress } from "../parts/progress.tsx";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { useNow, When } from "../parts/when.tsx";
import { BatchMenu } from "./batch-menu.tsx";
import { BatchStatus } from "./batch-status.tsx";
import { itemRateOf, progressOf, readyOf, summaryOf, totalsOf } from "./figures.ts";

export function BatchList() {
  const [, navigate] = useLocation();
  const mayOperate = useMayOperate();
  const { data, error, isPending, refetch } = useQuery(batchesQuery);
  const [search, setSearch] = useState("");
  const batches = data?.value ?? [];
  const found = batches.filter(({ name, endpoint }) =>
    `${name} ${endpoint}`.toLowerCase().includes(search.trim().toLowerCase()),
  );
  const summary = data ? summaryOf(totalsOf(batches)) : "";
  const announce = useAnnounce();
  useEffect(() => {
    if (summary !== "") announce(summary);
  }, [summary, announce]);

  return (
    <View
      title="Batches"
      actions={
        <Button
          appearance="primary"
          icon={<AddIcon />}
          disabledFocusable={!mayOperate}
          title={mayOperate ? undefined : "Needs Migration.Operate"}
          onClick={() => navigate("/new")}
        >
          New migration
        </Button>
      }
    >
      <Trouble error={error} onRetry={refetch} />
      {isPending ? <Waiting /> : null}
      {data && batches.length === 0 ? <NothingYet onNew={() => navigate("/new")} /> : null}
      {batches.length > 0 ? (
        <>
          <TotalsLine batches={batches} />
          <div className="tools">
            <SearchBox
              placeholder="Search batches"
              aria-label="Search batches"
              value={search}
              onChange={(_, { value }) => setSearch(value)}
            />
            <span className="tools-note" aria-live="polite">
              {search === "" ? "" : `${count(found.length)} of ${count(batches.length)}`}
            </span>
          </div>
          <BatchGrid batches={found} />
          <p className="as-of">As of {clockTime(newest(batches))}</p>
        </>
      ) : null}
    </View>
  );
}

function BatchGrid({ batches }: { batches: readonly BatchView[] }) {
  const now = useNow(30_000);
  const columns: readonly Column<BatchView>[] = [
    {
      id: "name",
      label: "Name",
      width: "minmax(96px, 1.4fr)",
      interactive: true,
      cell: ({ name }) => <To to={`/batches/${name}`}>{name}</To>,
    },
    {
      id: "status",
      label: "Status",
      width: "minmax(146px, 1fr)",
      cell: (batch) => <BatchStatus batch={batch} />,
    },
    {
      id: "mailboxes",
      label: "Mailboxes",
      width: "minmax(120px, 1.2fr)",
      cell: (batch) => (
        <Progress
          value={progressOf(batch)}
          label={`${count(batch.syncedCount)} of ${count(batch.totalCount)}`}
        />
      ),
    },
    {
      id: "failed",
      label: "Failed",
      width: "50px",
      align: "end",
      cell: ({ failedCount }) => <Figure of={failedCount} bad />,
    },
    {
      id: "skipped",
      label: "Skipped",
      width: "64px",
      align: "end",
      cell: ({ skippedItemCount }) => <Figure of={skippedItemCount} />,
    },
    { id: "rate", label: "Rate", width: "minmax(64px, 0.8fr)", cell: itemRateOf },
    { id: "ready", label: "Ready", width: "64px", cell: (batch) => readyOf(batch, now) },
    {
      id: "score",
      label: "Score",
      width: "100px",
      cell: ({ dataConsistencyScore }) =>
        dataConsistencyScore ? (
          <StatusBadge status={dataConsistencyScore} />
        ) : (
          <span className="quiet">-</span>
        ),
    },
    {
      id: "lastSync",
      label: "Last sync",
      width: "80px",
      cell: ({ lastSyncedAt }) => <When at={lastSyncedAt} />,
    },
    {
      id: "endpoint",
      label: "Endpoint",
      width: "minmax(84px, 1fr)",
      cell: ({ endpoint }) => (
        <span className="cut" title={endpoint}>
          {endpoint}
        </span>
      ),
    },
    {
      id: "actions",
      label: "Actions",
      labelUnseen: true,
      width: "36px",
      interactive: true,
      cell: (batch) => <BatchMenu batch={batch} />,
    },
  ];
  return (
    <Grid
      label="Batches"
      columns={columns}
      count={batches.length}
      rowAt={(index) => batches[index]}
      keyOf={({ name }) => name}
      short={batches.length <= 30}
      card={(batch) => (
        <>
          <div className="card-line">
            <To to={`/batches/${batch.name}`}>{batch.name}</To>
            <BatchStatus batch={batch} />
          </div>
          <div className="card-line quiet">
            <span>
              {count(batch.syncedCount)} of {counted(batch.totalCount, "mailbox", "mailboxes")}
              {batch.failedCount > 0 ? `, ${count(batch.failedCount)} failed` : ""}
            </span>
            <BatchMenu batch={batch} />
          </div>
        </>
      )}
    />
  );
}

function Figure({ of, bad = false }: { of: number; bad?: boolean }) {
  return <span className={of === 0 ? "quiet" : bad ? "bad" : ""}>{count(of)}</span>;
}

function TotalsLine({ batches }: { batches: readonly BatchView[] }) {
  const totals = totalsOf(batches);
  return (
    <p className="totals">
      <b>{count(totals.synced)}</b> of <b>{count(totals.mailboxes)}</b>{" "}
      {totals.mailboxes === 1 ? "mailbox" : "mailboxes"} synced
      {totals.failed > 0 ? (
        <>
          , <b className="bad">{count(totals.failed)}</b> failed
        </>
      ) : null}
      ; {counted(totals.items, "message", "messages")}, {bytes(totals.bytes)} copied
    </p>
  );
}

/** What the page is for, before there is anything to see. */
function NothingYet({ onNew }: { onNew: () => void }) {
  return (
    <section className="empty">
      <h2>No mail is being moved yet</h2>
      <ol>
        <li>Find the server your mail is on.</li>
        <li>Choose the CSV that names the mailboxes: EmailAddress, UserName, Password.</li>
        <li>Name the server as an endpoint, and test it with one of the logins.</li>
        <li>Choose what is copied.</li>
        <li>Choose when.</li>
        <li>Look at it all once more, and start.</li>
      </ol>
      <div className="empty-actions">
        <Button appearance="primary" icon={<AddIcon />} onClick={onNew}>
          New migration
        </Button>
        <Link
          href="data:text/csv;charset=utf-8,EmailAddress%2CUserName%2CPassword%0D%0A"
          download="mailboxes.csv"
        >
          An empty CSV
        </Link>
      </div>
    </section>
  );
}

function newest(batches: readonly BatchView[]): string {
  return (
    batches
      .map(({ asOf }) => asOf)
      .sort()
      .at(-1) ?? ""
  );
}

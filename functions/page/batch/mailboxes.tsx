import { Button, Checkbox, SearchBox, Select, ToggleButton } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { lazy, Suspense, useDeferredValue, useMemo, useState } from "react";
import { useLocation, useSearchParams } from "wouter";
import type { BatchView, MailboxView } from "../api/types.ts";
import { To } from "../frame/view.tsx";
import { bytes, count, counted } from "../parts/format.ts";
import { type Column, Grid } from "../parts/grid.tsx";
import { Progress } from "../parts/progress.tsx";
import { wordsFor } from "../parts/status.ts";
import { StatusBadge } from "../parts/status-badge.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { useNow, When } from "../parts/when.tsx";
import { allBy, filterOf, type MailboxFilter } from "./mailbox-query.ts";
import { reasonOf } from "./reason.ts";
import { readIds, useMailboxes } from "./use-mailboxes.ts";

const SelectionBar = lazy(() => import("./selection-bar.tsx"));
const Drawer = lazy(() => import("../mailbox/drawer.tsx"));

export function MailboxesTab({ batch, mailbox }: { batch: BatchView; mailbox: string | undefined }) {
  const [, navigate] = useLocation();
  const [params, setParams] = useSearchParams();
  const [search, setSearch] = useState(params.get("search") ?? "");
  const [sort, setSort] = useState({ column: "emailAddress", descending: false });
  const filter: MailboxFilter = {
    search: useDeferredValue(search),
    status: params.get("status") ?? "",
    errorCode: params.get("errorCode") ?? "",
    orderBy: sort.column,
    descending: sort.descending,
  };
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [isAll, setAll] = useState(false);
  const chooseNone = () => {
    setChosen(new Set());
    setAll(false);
  };
  const choose = (name: string, value: string) =>
    setParams((old) => {
      chooseNone();
      const next = new URLSearchParams(old);
      if (value === "") next.delete(name);
      else next.set(name, value);
      return next;
    });
  const { page, error, refetch, rowAt, onRange } = useMailboxes(batch, filter);
  const way = page ? allBy(filter, page.count) : undefined;
  const chooseFound = useMutation({
    mutationFn: () => readIds(batch.name, filter),
    onSuccess: (ids) => {
      setAll(false);
      setChosen(new Set(ids));
    },
  });
  const choice = useMemo<Choice>(
    () => ({
      isChosen: (id) => isAll || chosen.has(id),
      tick(id) {
        setAll(false);
        setChosen((old) => {
          const next = new Set(old);
          if (!next.delete(id)) next.add(id);
          return next;
        });
      },
    }),
    [isAll, chosen],
  );
  const base = `/batches/${batch.name}/mailboxes`;
  const query = params.size > 0 ? `?${params}` : "";
  const shown = useMemo(() => columns(base, query, choice), [base, query, choice]);
  const codes = Object.entries(page?.facets.errorCode ?? {});

  return (
    <section aria-label="Mailboxes">
      <div className="tools">
        <SearchBox
          placeholder="Address or user name"
          aria-label="Search mailboxes by address or user name"
          value={search}
          onChange={(_, { value }) => {
            // What was chosen might not be seen any more.
            if (isAll) chooseNone();
            setSearch(value);
          }}
        />
        <div className="chips" role="group" aria-label="Status">
          {Object.entries(page?.facets.status ?? {})
            .filter(([, number]) => number > 0)
            .map(([status, number]) => (
              <ToggleButton
                key={status}
                size="small"
                shape="circular"
                checked={filter.status === status}
                onClick={() => choose("status", filter.status === status ? "" : status)}
              >
                {wordsFor(status)} {count(number)}
              </ToggleButton>
            ))}
        </div>
        {codes.length > 0 ? (
          <Select
            aria-label="Error code"
            value={filter.errorCode}
            onChange={(_, { value }) => choose("errorCode", value)}
          >
            <option value="">Any error</option>
            {codes.map(([code, number]) => (
              <option key={code} value={code}>
                {code} ({count(number)})
              </option>
            ))}
          </Select>
        ) : null}
        {way !== undefined && page !== undefined && page.count > 0 && !isAll ? (
          <Button
            size="small"
            disabledFocusable={chooseFound.isPending}
            onClick={() => (way === "filter" ? setAll(true) : chooseFound.mutate())}
          >
            Choose all {count(page.count)}
          </Button>
        ) : null}
        <span className="tools-note" aria-live="polite">
          {page ? counted(page.count, "mailbox", "mailboxes") : ""}
        </span>
      </div>
      {chosen.size > 0 || isAll ? (
        <Suspense fallback={null}>
          <SelectionBar
            batch={batch}
            meant={isAll ? { filter: filterOf(filter) } : { mailboxes: [...chosen] }}
            count={isAll ? (page?.count ?? 0) : chosen.size}
            onClear={chooseNone}
          />
        </Suspense>
      ) : null}
      <Trouble error={error ?? chooseFound.error} onRetry={refetch} />
      {page === undefined && error === null ? <Waiting /> : null}
      {page && page.count === 0 ? (
        <p className="nothing">
          {batch.totalCount > 0
            ? "No mailbox fits. Take something out of the search."
            : batch.uploadError
              ? "No mailbox was taken in. Mend the CSV, and upload it again."
              : "The CSV is being read."}
        </p>
      ) : null}
      {page && page.count > 0 ? (
        <Grid
          label={`Mailboxes of ${batch.name}`}
          columns={shown}
          count={page.count}
          rowAt={rowAt}
          keyOf={({ id }) => id}
          sort={sort}
          onSort={setSort}
          onRange={onRange}
          card={(row) => (
            <>
              <div className="card-line">
                <Choose of={row} choice={choice} />
                <To to={`${base}/${row.id}${query}`} className="cut card-name">
                  {row.emailAddress}
                </To>
                <StatusBadge status={row.status} />
              </div>
              <div className="card-line quiet">
                <span className="cut">
                  {row.percentageComplete} %, {bytes(row.bytesTransferred)}
                  {row.error ? `, ${row.error.code}` : ""}
                </span>
              </div>
            </>
          )}
        />
      ) : null}
      {mailbox === undefined ? null : (
        <Suspense fallback={null}>
          <Drawer batch={batch} id={mailbox} onClose={() => navigate(`${base}${query}`)} />
        </Suspense>
      )}
    </section>
  );
}

interface Choice {
  readonly isChosen: (id: string) => boolean;
  readonly tick: (id: string) => void;
}

function Choose({ of: { id, emailAddress }, choice }: { of: MailboxView; choice: Choice }) {
  return (
    <Checkbox
      aria-label={`Choose ${emailAddress}`}
      checked={choice.isChosen(id)}
      onChange={() => choice.tick(id)}
    />
  );
}

function columns(base: string, query: string, choice: Choice): readonly Column<MailboxView>[] {
  return [
    {
      id: "chosen",
      label: "Choose",
      labelUnseen: true,
      width: "32px",
      interactive: true,
      cell: (row) => <Choose of={row} choice={choice} />,
    },
    {
      id: "emailAddress",
      label: "Address",
      width: "minmax(160px, 2fr)",
      sortable: true,
      interactive: true,
      cell: ({ id, emailAddress }) => (
        <To to={`${base}/${id}${query}`} className="cut">
          {emailAddress}
        </To>
      ),
    },
    {
      id: "status",
      label: "Status",
      width: "140px",
      sortable: true,
      cell: ({ status }) => <StatusBadge status={status} />,
    },
    {
      id: "syncedItemCount",
      label: "Messages",
      width: "minmax(130px, 1fr)",
      sortable: true,
      cell: (row) => (
        <Progress
          value={row.percentageComplete}
          label={`${count(row.syncedItemCount)} of ${count(row.totalItemsInSourceMailboxCount)}`}
        />
      ),
    },
    {
      id: "bytesTransferred",
      label: "Size",
      width: "76px",
      sortable: true,
      align: "end",
      cell: ({ bytesTransferred }) => bytes(bytesTransferred),
    },
    {
      id: "skippedItemCount",
      label: "Skipped",
      width: "84px",
      sortable: true,
      align: "end",
      cell: ({ skippedItemCount }) => (
        <span className={skippedItemCount === 0 ? "quiet" : ""}>{count(skippedItemCount)}</span>
      ),
    },
    {
      id: "lastSyncedAt",
      label: "Last sync",
      width: "96px",
      sortable: true,
      cell: ({ lastSyncedAt }) => <When at={lastSyncedAt} />,
    },
    {
      id: "reason",
      label: "Reason",
      width: "minmax(130px, 1.8fr)",
      cell: (row) => <Reason of={row} />,
    },
  ];
}

function Reason({ of }: { of: MailboxView }) {
  const reason = reasonOf(of, useNow(30_000));
  return reason === undefined ? (
    <span className="quiet">-</span>
  ) : (
    <span className="cut" title={reason}>
      {reason}
    </span>
  );
}

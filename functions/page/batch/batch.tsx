import {
  Button,
  MessageBar,
  MessageBarBody,
  MessageBarTitle,
  Tab,
  TabList,
  Tooltip,
} from "@fluentui/react-components";
import { DeleteIcon, FlagIcon, StartIcon, StopIcon, SyncIcon, UndoIcon } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { type ComponentType, lazy, Suspense, useEffect } from "react";
import { useLocation } from "wouter";
import { ApiError } from "../api/api-error.ts";
import { batchQuery, isMoving, useMayOperate } from "../api/queries.ts";
import type { BatchView } from "../api/types.ts";
import { type BatchAction, offersOf } from "../batches/actions.ts";
import { BatchStatus } from "../batches/batch-status.tsx";
import { copiedOf, progressOf, rateOf, readyOf } from "../batches/figures.ts";
import { useBatchAction } from "../batches/use-batch-action.ts";
import { useAnnounce } from "../frame/announcer.tsx";
import { To, View } from "../frame/view.tsx";
import { clockTime, count } from "../parts/format.ts";
import { Progress } from "../parts/progress.tsx";
import { Trouble } from "../parts/trouble.tsx";
import { Waiting } from "../parts/waiting.tsx";
import { useNow } from "../parts/when.tsx";
import { bannerOf, headlineOf } from "./headline.ts";
import { MailboxesTab } from "./mailboxes.tsx";

const AtWork = lazy(() => import("./at-work.tsx"));
const ErrorsTab = lazy(() => import("./errors.tsx"));
const SkippedTab = lazy(() => import("./skipped.tsx"));
const CutoverTab = lazy(() => import("./cutover.tsx"));
const VerificationTab = lazy(() => import("./verification.tsx"));
const RehearsalTab = lazy(() => import("./rehearsal.tsx"));
const SettingsTab = lazy(() => import("./settings.tsx"));
const Sparkline = lazy(() => import("./sparkline.tsx"));
const ReportsTab = lazy(() => import("./reports.tsx"));
const HistoryTab = lazy(() => import("./history.tsx"));

interface TabProps {
  readonly batch: BatchView;
}

const tabs: readonly {
  readonly id: string;
  readonly label: string;
  readonly Content: ComponentType<TabProps>;
  /** Always, if left out. */
  readonly isFor?: (batch: BatchView) => boolean;
  /** Stands behind its name, if there are any. */
  readonly number?: (batch: BatchView) => number;
}[] = [
  { id: "mailboxes", label: "Mailboxes", Content: () => null },
  { id: "rehearsal", label: "Rehearsal", Content: RehearsalTab, isFor: ({ rehearsal }) => rehearsal },
  { id: "errors", label: "Errors", Content: ErrorsTab, number: ({ failedCount }) => failedCount },
  {
    id: "skipped",
    label: "Skipped",
    Content: SkippedTab,
    number: ({ unapprovedItemCount }) => unapprovedItemCount,
  },
  { id: "cutover", label: "Cut-over", Content: CutoverTab },
  { id: "verification", label: "Verification", Content: VerificationTab },
  { id: "reports", label: "Reports", Content: ReportsTab },
  { id: "settings", label: "Settings", Content: SettingsTab },
  { id: "history", label: "History", Content: HistoryTab },
];

const icons: Readonly<Record<BatchAction, ComponentType>> = {
  start: StartIcon,
  startForReal: StartIcon,
  stop: StopIcon,
  sync: SyncIcon,
  retry: UndoIcon,
  complete: FlagIcon,
  delete: DeleteIcon,
};

/** One batch. @param mailbox id of the one whose details are open. */
export default function BatchPage({
  batch: name,
  tab,
  mailbox,
}: {
  batch: string;
  tab: string;
  mailbox?: string;
}) {
  const { data: batch, error, isPending, refetch } = useQuery(batchQuery(name));
  const isMissing = error instanceof ApiError && error.code === "BatchNotFound";
  return (
    <View
      title={name}
      crumbs={[{ label: "Batches", to: "/" }]}
      heading={
        <>
          {name} {batch ? <BatchStatus batch={batch} /> : null}
        </>
      }
      actions={batch ? <Actions batch={batch} /> : null}
    >
      {isMissing && batch === undefined ? (
        <NotThere name={name} />
      ) : (
        <Trouble error={error} onRetry={refetch} />
      )}
      {isPending ? <Waiting lines={8} /> : null}
      {batch ? <Body batch={batch} tab={tab} mailbox={mailbox} /> : null}
    </View>
  );
}

function NotThere({ name }: { name: string }) {
  return (
    <section className="empty">
      <h2>There is no batch {name}</h2>
      <p>
        It was deleted, or its CSV is still being read; then it appears here by itself.{" "}
        <To to="/">All batches</To>
      </p>
    </section>
  );
}

function Actions({ batch }: { batch: BatchView }) {
  const act = useBatchAction();
  const mayOperate = useMayOperate();
  const [, navigate] = useLocation();
  return offersOf(batch, mayOperate).map(({ action, label, refused }) => {
    const Icon = icons[action];
    const button = (
      <Button
        key={action}
        icon={<Icon />}
        disabledFocusable={refused !== undefined}
        onClick={async () => {
          if ((await act(action, batch)) && action === "delete") navigate("/");
        }}
      >
        {label}
      </Button>
    );
    return refused === undefined ? (
      button
    ) : (
      <Tooltip key={action} content={refused} relationship="description">
        {button}
      </Tooltip>
    );
  });
}

function Body({ batch, tab, mailbox }: { batch: BatchView; tab: string; mailbox: string | undefined }) {
  const now = useNow(30_000);
  const [, navigate] = useLocation();
  const announce = useAnnounce();
  const headline = headlineOf(batch, now);
  useEffect(() => announce(`${batch.name}: ${headline}`), [announce, batch.name, headline]);
  const shown = tabs.find(({ id }) => id === tab);
  const banner = bannerOf(batch);
  return (
    <>
      <p className="headline">{headline}</p>
      {banner && banner.tab !== tab ? (
        <MessageBar intent={banner.intent} layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>{banner.title}</MessageBarTitle>
            {banner.text}{" "}
            {banner.tab && banner.link ? (
              <To to={`/batches/${batch.name}/${banner.tab}`}>{banner.link}</To>
            ) : null}
          </MessageBarBody>
        </MessageBar>
      ) : null}
      {batch.operations.length > 0 ? (
        <Suspense fallback={null}>
          <AtWork batch={batch} />
        </Suspense>
      ) : null}
      <Cards batch={batch} now={now} />
      <TabList
        className="tabs"
        selectedValue={tab}
        onTabSelect={(_, { value }) => navigate(`/batches/${batch.name}/${String(value)}`)}
      >
        {tabs
          .filter(({ isFor }) => isFor?.(batch) ?? true)
          .map(({ id, label, number }) => {
            const some = number?.(batch) ?? 0;
            return (
              <Tab key={id} value={id}>
                {some > 0 ? `${label} (${count(some)})` : label}
              </Tab>
            );
          })}
      </TabList>
      {tab === "mailboxes" ? (
        <MailboxesTab batch={batch} mailbox={mailbox} />
      ) : (
        <Suspense fallback={<Waiting />}>{shown ? <shown.Content batch={batch} /> : null}</Suspense>
      )}
      <p className="as-of">As of {clockTime(batch.asOf)}</p>
    </>
  );
}

function Cards({ batch, now }: { batch: BatchView; now: number }) {
  const cards: readonly { readonly label: string; readonly value: string; readonly bad?: boolean }[] = [
    {
      label: batch.rehearsal ? "Looked at" : "Synced",
      value: `${count(batch.syncedCount)} of ${count(batch.totalCount)}`,
    },
    { label: "Active", value: count(batch.activeCount) },
    { label: "Failed", value: count(batch.failedCount), bad: batch.failedCount > 0 },
    { label: "Skipped messages", value: count(batch.skippedItemCount) },
    { label: "Rate", value: rateOf(batch) },
    { label: "Ready", value: readyOf(batch, now) },
    { label: "Score", value: batch.dataConsistencyScore ?? "-" },
  ];
  return (
    <section className="figures" aria-label="Figures">
      <Progress value={progressOf(batch)} label={copiedOf(batch)} />
      {isMoving(batch) ? (
        <Suspense fallback={null}>
          <Sparkline batch={batch.name} />
        </Suspense>
      ) : null}
      <dl className="cards">
        {cards.map(({ label, value, bad }) => (
          <div key={label} className="card">
            <dt>{label}</dt>
            <dd className={bad ? "bad" : ""}>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

import type {
  BatchView,
  ErrorListAnswer,
  HistoryEntryView,
  OperationView,
  SampleListAnswer,
} from "../../domain/api/batches.ts";
import type {
  FolderView,
  MailboxDetails,
  MailboxListAnswer,
  MailboxView,
  SkippedItemView,
} from "../../domain/api/mailboxes.ts";
import { isMigrationError } from "../../domain/errors.ts";
import type { BatchName, EndpointName, MailboxId } from "../../domain/names.ts";
import { type Provider, providerOf } from "../../domain/providers.ts";
import { type EndpointPause, type Endpoints, endpointPause } from "../endpoints/endpoint-settings.ts";
import { approvalOf, unapprovedByCode, unapprovedCount } from "../mailbox/approval.ts";
import { timesSpent } from "../mailbox/durations.ts";
import { percentageOf } from "../mailbox/figures.ts";
import { hasWork, isWaiting, type MailboxFacts } from "../mailbox/life.ts";
import type { FolderRecord, LedgerStore, StoredSkip } from "../ports/ledger-store.ts";
import type { BatchRecord, BatchStore, MailboxRecord, MailboxStore, Phase } from "../ports/registry.ts";
import type { Clock } from "../runtime.ts";
import { describeWarnings, folderWarnings } from "../warnings.ts";
import type { BatchStates } from "./batch-states.ts";
import { batchView } from "./batch-totals.ts";
import { errorGroups } from "./error-groups.ts";
import { historyView } from "./history-view.ts";
import { iso, isoOrNull } from "./instants.ts";
import { estimateOfMailbox, rateOfMailbox } from "./mailbox-course.ts";
import { type MailboxQuery, selectMailboxes } from "./mailbox-query.ts";
import { operationView } from "./operation-view.ts";
import { mailboxVerification } from "./verification-view.ts";

/** Skipped items shown with a mailbox; all of them are in skipped-items.csv. */
const maxSkippedItems = 100;

/** A page of a list; `continuation` asks for the next one. */
export interface MailboxList extends Omit<MailboxListAnswer, "nextLink"> {
  readonly continuation: string | undefined;
}

/** What operators see of batches and mailboxes. Reads only. */
export interface Status {
  batches(): Promise<readonly BatchView[]>;
  batch(name: BatchName): Promise<BatchView | undefined>;
  /** @returns undefined if there is no such batch. */
  mailboxes(name: BatchName, query: MailboxQuery): Promise<MailboxList | undefined>;
  mailbox(name: BatchName, id: MailboxId): Promise<MailboxDetails | undefined>;
  /** Newest first. @returns undefined if there is no such batch. */
  operations(name: BatchName): Promise<readonly OperationView[] | undefined>;
  operation(name: BatchName, seq: number): Promise<OperationView | undefined>;
  /** Newest first. @param mailbox leaves out what named others. @returns undefined if there is no such batch. */
  history(name: BatchName, mailbox?: MailboxId): Promise<readonly HistoryEntryView[] | undefined>;
  hasMailbox(name: BatchName, id: MailboxId): Promise<boolean>;
  /** Oldest first. @returns undefined if there is no such batch. */
  samples(name: BatchName): Promise<SampleListAnswer["value"] | undefined>;
  /** The most frequent first. @returns undefined if there is no such batch. */
  errors(name: BatchName): Promise<ErrorListAnswer["value"] | undefined>;
  /** @param from items to leave out. @returns undefined if there is no such mailbox. */
  skippedItems(
    name: BatchName,
    id: MailboxId,
    from: number,
    top: number,
  ): Promise<{ readonly value: readonly SkippedItemView[]; readonly more: boolean } | undefined>;
}

/** Creates the views behind the HTTP API. */
export function createStatus(parts: {
  readonly batches: BatchStore;
  readonly mailboxes: Pick<MailboxStore, "get">;
  readonly states: BatchStates;
  readonly ledger: LedgerStore;
  readonly endpoints: Endpoints;
  readonly clock: Clock;
}): Status {
  const { batches, mailboxes, states, ledger, endpoints, clock } = parts;

  async function viewOf(batch: BatchRecord): Promise<BatchView> {
    const now = clock();
    const [figures, closed] = await Promise.all([
      states.figures(batch),
      endpointPause(endpoints, batch.endpoint, now),
    ]);
    return batchView(batch, figures, clock(), closed);
  }

  /** A view is not the place to say that the endpoint is gone or needs attention: then nothing is known of it. */
  async function endpointNow(
    name: EndpointName,
    now: number,
  ): Promise<EndpointNow & { provider?: Provider | undefined }> {
    try {
      const { host, maxBytesPerDayPerMailbox: maxBytesPerDay } = await endpoints.get(name);
      return {
        closed: await endpointPause(endpoints, name, now),
        maxBytesPerDay,
        provider: providerOf(host),
      };
    } catch (error) {
      if (isMigrationError(error) && error.kind === "mailbox") return {};
      throw error;
    }
  }

  return {
    async batches() {
      return Promise.all((await batches.list()).map(viewOf));
    },
    async batch(name) {
      const stored = await batches.get(name);
      return stored && viewOf(stored.value);
    },
    async mailboxes(name, query) {
      const [stored, before] = await Promise.all([batches.get(name), states.stored(name)]);
      if (stored === undefined) return undefined;
      const [{ asOf, mailboxes: all, facets }, known] = await Promise.all([
        states.snapshot(stored.value, before),
        endpointNow(stored.value.endpoint, clock()),
      ]);
      const found = selectMailboxes(all, query);
      return {
        value: found.page.map((mailbox) => mailboxView(mailbox, stored.value, asOf, known)),
        count: found.count,
        facets,
        asOf: iso(asOf),
        continuation: found.continuation,
      };
    },
    async operations(name) {
      const [stored, found] = await Promise.all([batches.get(name), batches.operations(name)]);
      return stored && found.map((operation) => operationView(stored.value, operation, []));
    },
    async operation(name, seq) {
      const stored = await batches.get(name);
      const operation = stored && (await batches.operation(name, seq));
      if (stored === undefined || operation === undefined) return undefined;
      const cursors = operation.outcome ? [] : await batches.cursors(name, seq);
      return operationView(
        stored.value,
        operation,
        cursors.map(({ value }) => value),
      );
    },
    async history(name, mailbox) {
      const [stored, operations, entries] = await Promise.all([
        batches.get(name),
        batches.operations(name),
        batches.history(name),
      ]);
      return stored && historyView(operations, entries, mailbox);
    },
    async samples(name) {
      const stored = await batches.get(name);
      const figures = stored && (await states.figures(stored.value));
      return figures?.samples?.map(({ at, items, bytes }) => ({
        at: iso(at),
        itemCount: items,
        bytesTransferred: bytes,
      }));
    },
    async errors(name) {
      const stored = await batches.get(name);
      return stored && errorGroups((await states.snapshot(stored.value)).mailboxes);
    },
    async skippedItems(name, id, from, top) {
      const stored = await mailboxes.get(name, id);
      if (stored === undefined) return undefined;
      const { ledgerId } = stored.value;
      if (ledgerId === undefined) return { value: [], more: false };
      const folders = await ledger.listFolders(ledgerId);
      const paths = new Map(folders.map(({ folderId, source }) => [folderId, source.segments.join("/")]));
      const value: SkippedItemView[] = [];
      let index = 0;
      for await (const skipped of ledger.listSkipped(ledgerId)) {
        if (index++ < from) continue;
        if (value.length === top) return { value, more: true };
        value.push(skippedItemView(skipped, stored.value, paths.get(skipped.folderId) ?? ""));
      }
      return { value, more: false };
    },
    async hasMailbox(name, id) {
      return (await mailboxes.get(name, id)) !== undefined;
    },
    async mailbox(name, id) {
      const [batch, stored] = await Promise.all([batches.get(name), mailboxes.get(name, id)]);
      if (batch === undefined || stored === undefined) return undefined;
      const { ledgerId } = stored.value;
      const folders = ledgerId === undefined ? [] : await ledger.listFolders(ledgerId);
      const paths = new Map(folders.map(({ folderId, source }) => [folderId, source.segments.join("/")]));
      const skippedItems: SkippedItemView[] = [];
      if (ledgerId !== undefined)
        for await (const skipped of ledger.listSkipped(ledgerId)) {
          skippedItems.push(skippedItemView(skipped, stored.value, paths.get(skipped.folderId) ?? ""));
          if (skippedItems.length === maxSkippedItems) break;
        }
      const now = clock();
      const { endpoint, times } = stored.value;
      const { provider, ...known } = await endpointNow(endpoint, now);
      return {
        ...mailboxView(stored.value, batch.value, now, known),
        userRoot: stored.value.userRoot ?? null,
        durations: durationsView(times, now),
        folders: folders.map((folder) => folderView(folder, provider)),
        skippedItems,
      };
    },
  };
}

/** What is known of a mailbox's endpoint when it is looked at. */
export interface EndpointNow {
  /** Why nothing of it is read now, if that is so. */
  readonly closed?: EndpointPause | undefined;
  readonly maxBytesPerDay?: number | undefined;
}

/**
 * A mailbox with its figures. Pure. What a stop has not reached yet is Stopping: it is in force at once.
 * @param now milliseconds since 1970.
 */
export function mailboxView(
  mailbox: MailboxFacts,
  { intent }: Pick<BatchRecord, "intent">,
  now: number,
  { closed, maxBytesPerDay }: EndpointNow = {},
): MailboxView {
  const opensAt = intent === "running" && isWaiting(mailbox) ? closed?.until : undefined;
  const { itemsPerMinute, bytesPerMinute } = rateOfMailbox(mailbox, now);
  const estimate =
    opensAt === undefined ? estimateOfMailbox(mailbox, maxBytesPerDay, now) : { missing: "paused" as const };
  return {
    id: mailbox.id,
    emailAddress: mailbox.emailAddress,
    userName: mailbox.userName,
    status: intent === "stopped" && hasWork(mailbox) ? "Stopping" : mailbox.status,
    startedAt: isoOrNull(mailbox.startedAt),
    lastSyncedAt: isoOrNull(mailbox.lastSyncedAt),
    nextAttemptAt: isoOrNull(mailbox.notBefore ?? opensAt),
    syncedItemCount: mailbox.syncedItemCount,
    skippedItemCount: mailbox.skippedItemCount,
    unapprovedItemCount: unapprovedCount(mailbox),
    unapprovedItems: unapprovedByCode(mailbox),
    totalItemsInSourceMailboxCount: mailbox.totalItemCount,
    bytesTransferred: mailbox.bytesTransferred,
    estimatedTotalTransferSize: Math.max(mailbox.estimatedBytes, mailbox.bytesTransferred),
    percentageComplete: percentageOf(mailbox),
    itemsPerMinute: Math.round(itemsPerMinute),
    bytesPerMinute: Math.round(bytesPerMinute),
    estimatedCompletion: "at" in estimate ? iso(estimate.at) : null,
    estimateBasis: mailbox.totalItemCount > 0 || mailbox.lastSyncedAt !== undefined ? "all" : "none",
    noEstimate: "missing" in estimate ? estimate.missing : null,
    error: mailbox.error
      ? { code: mailbox.error.code, message: mailbox.error.message, at: iso(mailbox.error.at) }
      : null,
    warnings: describeWarnings(mailbox.warnings ?? {}),
    verification: mailboxVerification(mailbox),
    rehearsal: rehearsalView(mailbox.rehearsal),
    undo: undoView(mailbox.undo),
  };
}

function durationsView(times: MailboxRecord["times"], now: number): MailboxDetails["durations"] {
  const spent = timesSpent(times, now);
  const seconds = (phase: Phase) => Math.round((spent[phase] ?? 0) / 1000);
  return {
    queued: seconds("queued"),
    inProgress: seconds("inProgress"),
    paused: seconds("paused"),
    synced: seconds("synced"),
  };
}

function undoView(undo: MailboxFacts["undo"]): MailboxView["undo"] {
  if (undo === undefined) return null;
  const { at, forGood, removed, left, inDoubt, error } = undo;
  return {
    at: iso(at),
    forGood,
    removedCount: removed,
    leftCount: Object.values(left).reduce((sum, count) => sum + count, 0),
    left,
    inDoubtCount: inDoubt,
    error: error ?? null,
  };
}

function rehearsalView(rehearsal: MailboxFacts["rehearsal"]): MailboxView["rehearsal"] {
  if (rehearsal === undefined) return null;
  return {
    at: iso(rehearsal.at),
    folderCount: rehearsal.folders,
    foldersLeftOutCount: rehearsal.foldersLeftOut,
    itemCount: rehearsal.items,
    bytes: rehearsal.bytes,
    itemsLeftOutCount: rehearsal.itemsLeftOut,
    over35MBCount: rehearsal.over35MB,
    tooLargeCount: rehearsal.tooLarge,
    fits: rehearsal.fits ?? null,
    targetFreeBytes: rehearsal.freeBytes ?? null,
    targetFreeItemCount: rehearsal.freeItems ?? null,
    adoptableCount: rehearsal.adoptable,
    ambiguousCount: rehearsal.ambiguous,
    foldersEstimatedCount: rehearsal.foldersEstimated,
    secondsAtBest: rehearsal.seconds[0],
    secondsAtWorst: rehearsal.seconds[1],
    days: rehearsal.days ?? null,
  };
}

/** A folder with its figures. Pure. @param provider of the source, which warnings are worded for. */
export function folderView(folder: FolderRecord, provider: Provider | undefined): FolderView {
  const { source, place, counts, trouble } = folder;
  return {
    id: folder.folderId,
    path: source.segments.join("/"),
    targetPath: place?.path ?? null,
    status: folderStatus(folder),
    sameAs: folder.sameAs ?? null,
    syncedItemCount: counts.synced,
    skippedItemCount: counts.skipped,
    totalItemCount: counts.total,
    bytesTransferred: counts.bytes,
    error: trouble ? { code: trouble.code, message: trouble.message, since: iso(trouble.since) } : null,
    warnings: describeWarnings(folderWarnings(folder, provider), provider),
  };
}

function folderStatus(folder: FolderRecord): FolderView["status"] {
  if (folder.state === "gone") return "RemovedAtSource";
  // Before what may stay as it is: nothing of the folder goes on until somebody has decided.
  if (folder.replaced !== undefined) return "WaitsForConfirmation";
  if (folder.state === "targetGone") return "RemovedInTarget";
  if (!folder.pending) return "Synced";
  return folder.counts.synced + folder.counts.skipped > 0 ? "Syncing" : "Waiting";
}

/** A skipped item as it is reported. Pure. */
export function skippedItemView(
  item: StoredSkip,
  mailbox: Pick<MailboxFacts, "approved">,
  folder: string,
): SkippedItemView {
  const approval = approvalOf(mailbox, item);
  return {
    folder,
    uid: item.uid,
    receivedAt: iso(item.internalDate),
    size: item.size,
    code: item.code,
    message: item.message,
    skippedAt: iso(item.at),
    approvedBy: approval?.by ?? null,
    approvedAt: isoOrNull(approval?.at),
  };
}

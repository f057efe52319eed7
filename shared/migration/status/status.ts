import { isMigrationError } from "../../domain/errors.ts";
import type { BatchName, EndpointName, MailboxId } from "../../domain/names.ts";
import { type Provider, providerOf } from "../../domain/providers.ts";
import type { MailboxStatus } from "../../domain/states.ts";
import type { Endpoints } from "../endpoints/endpoint-settings.ts";
import { percentageOf } from "../mailbox/figures.ts";
import type { FolderRecord, LedgerStore, SkippedItem } from "../ports/ledger-store.ts";
import type { BatchStore, MailboxRecord, MailboxStore } from "../ports/registry.ts";
import type { Clock } from "../runtime.ts";
import { describeWarnings, folderWarnings, type Warning } from "../warnings.ts";
import { type BatchTotals, type BatchView, batchView, iso, isoOrNull, totalsOf } from "./batch-totals.ts";

/** Adding up a batch reads every mailbox of it: the page may ask more often than that. */
export const totalsMs = 2_500;
/** Skipped items shown with a mailbox; all of them are in skipped-items.csv. */
const maxSkippedItems = 100;

export interface MailboxView {
  readonly id: string;
  readonly emailAddress: string;
  readonly userName: string;
  readonly status: MailboxStatus;
  readonly startedAt: string | null;
  readonly lastSyncedAt: string | null;
  readonly nextAttemptAt: string | null;
  readonly syncedItemCount: number;
  readonly skippedItemCount: number;
  readonly totalItemsInSourceMailboxCount: number;
  readonly bytesTransferred: number;
  readonly estimatedTotalTransferSize: number;
  readonly percentageComplete: number;
  readonly error: { readonly code: string; readonly message: string; readonly at: string } | null;
  readonly warnings: readonly Warning[];
}

export interface FolderView {
  /** Names the folder in actions. */
  readonly id: string;
  readonly path: string;
  readonly targetPath: string | null;
  readonly status:
    | "Waiting"
    | "Syncing"
    | "Synced"
    | "RemovedAtSource"
    | "RemovedInTarget"
    | "WaitsForConfirmation";
  readonly syncedItemCount: number;
  readonly skippedItemCount: number;
  readonly totalItemCount: number;
  readonly bytesTransferred: number;
  /** Why the folder could not be read when it was last tried. */
  readonly error: { readonly code: string; readonly message: string; readonly since: string } | null;
  readonly warnings: readonly Warning[];
}

export interface SkippedItemView {
  readonly folder: string;
  readonly uid: number;
  readonly receivedAt: string;
  readonly size: number;
  readonly code: string;
  readonly message: string;
}

export interface MailboxDetails extends MailboxView {
  readonly folders: readonly FolderView[];
  readonly skippedItems: readonly SkippedItemView[];
}

/** What operators see of batches and mailboxes. Reads only. */
export interface Status {
  batches(): Promise<readonly BatchView[]>;
  batch(name: BatchName): Promise<BatchView | undefined>;
  /** @returns undefined if there is no such batch. */
  mailboxes(
    name: BatchName,
    query: { readonly status?: MailboxStatus; readonly top?: number; readonly continuation?: string },
  ): Promise<
    { readonly value: readonly MailboxView[]; readonly continuation?: string | undefined } | undefined
  >;
  mailbox(name: BatchName, id: MailboxId): Promise<MailboxDetails | undefined>;
}

/** Creates the views behind the HTTP API. */
export function createStatus(parts: {
  readonly batches: BatchStore;
  readonly mailboxes: MailboxStore;
  readonly ledger: LedgerStore;
  readonly endpoints: Endpoints;
  readonly clock: Clock;
}): Status {
  const { batches, mailboxes, ledger, endpoints, clock } = parts;
  const totals = new Map<BatchName, { readonly until: number; readonly totals: Promise<BatchTotals> }>();

  function totalsFor(name: BatchName): Promise<BatchTotals> {
    const cached = totals.get(name);
    if (cached && cached.until > clock()) return cached.totals;
    const fresh = totalsOf(mailboxes.scan(name));
    totals.set(name, { until: clock() + totalsMs, totals: fresh });
    fresh.catch(() => totals.delete(name));
    return fresh;
  }

  /** A view is not the place to say that the endpoint is gone or needs attention: then no provider is known. */
  async function providerAt(name: EndpointName): Promise<Provider | undefined> {
    try {
      return providerOf((await endpoints.get(name)).host);
    } catch (error) {
      if (isMigrationError(error) && error.kind === "mailbox") return undefined;
      throw error;
    }
  }

  return {
    async batches() {
      const all = await batches.list();
      return Promise.all(all.map(async (batch) => batchView(batch, await totalsFor(batch.name), clock())));
    },
    async batch(name) {
      const stored = await batches.get(name);
      return stored && batchView(stored.value, await totalsFor(name), clock());
    },
    async mailboxes(name, query) {
      if ((await batches.get(name)) === undefined) return undefined;
      const page = await mailboxes.list(name, query);
      return { value: page.items.map(({ value }) => mailboxView(value)), continuation: page.continuation };
    },
    async mailbox(name, id) {
      const stored = await mailboxes.get(name, id);
      if (stored === undefined) return undefined;
      const { ledgerId } = stored.value;
      const folders = ledgerId === undefined ? [] : await ledger.listFolders(ledgerId);
      const paths = new Map(folders.map(({ folderId, source }) => [folderId, source.segments.join("/")]));
      const skippedItems: SkippedItemView[] = [];
      if (ledgerId !== undefined)
        for await (const skipped of ledger.listSkipped(ledgerId)) {
          skippedItems.push(skippedItemView(skipped, paths.get(skipped.folderId) ?? ""));
          if (skippedItems.length === maxSkippedItems) break;
        }
      const provider = await providerAt(stored.value.endpoint);
      return {
        ...mailboxView(stored.value),
        folders: folders.map((folder) => folderView(folder, provider)),
        skippedItems,
      };
    },
  };
}

/** A mailbox with its figures. Pure. */
export function mailboxView(mailbox: MailboxRecord): MailboxView {
  return {
    id: mailbox.id,
    emailAddress: mailbox.emailAddress,
    userName: mailbox.userName,
    status: mailbox.status,
    startedAt: isoOrNull(mailbox.startedAt),
    lastSyncedAt: isoOrNull(mailbox.lastSyncedAt),
    nextAttemptAt: isoOrNull(mailbox.notBefore),
    syncedItemCount: mailbox.syncedItemCount,
    skippedItemCount: mailbox.skippedItemCount,
    totalItemsInSourceMailboxCount: mailbox.totalItemCount,
    bytesTransferred: mailbox.bytesTransferred,
    estimatedTotalTransferSize: Math.max(mailbox.estimatedBytes, mailbox.bytesTransferred),
    percentageComplete: percentageOf(mailbox),
    error: mailbox.error
      ? { code: mailbox.error.code, message: mailbox.error.message, at: iso(mailbox.error.at) }
      : null,
    warnings: describeWarnings(mailbox.warnings ?? {}),
  };
}

function folderView(folder: FolderRecord, provider: Provider | undefined): FolderView {
  const { source, place, counts, trouble } = folder;
  return {
    id: folder.folderId,
    path: source.segments.join("/"),
    targetPath: place?.path ?? null,
    status: folderStatus(folder),
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
  if (folder.state === "targetGone") return "RemovedInTarget";
  if (folder.replaced !== undefined) return "WaitsForConfirmation";
  if (!folder.pending) return "Synced";
  return folder.counts.synced + folder.counts.skipped > 0 ? "Syncing" : "Waiting";
}

/** A skipped item as it is reported. Pure. */
export function skippedItemView(item: SkippedItem, folder: string): SkippedItemView {
  return {
    folder,
    uid: item.uid,
    receivedAt: iso(item.internalDate),
    size: item.size,
    code: item.code,
    message: item.message,
  };
}

import { createHash, type Hash } from "node:crypto";
import { isMigrationError } from "../../domain/errors.ts";
import type { BatchName } from "../../domain/names.ts";
import { changeBatch } from "../batch/change.ts";
import { isRemoving, wasStarted } from "../batch/life.ts";
import { type CsvValue, writeCsv } from "../csv-writer.ts";
import { hasWork } from "../mailbox/life.ts";
import type { ReportStore } from "../ports/blobs.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { BatchRecord, BatchStore, MailboxRecord, MailboxStore } from "../ports/registry.ts";
import { type Clock, day, type Log } from "../runtime.ts";
import type { Warning } from "../warnings.ts";
import { mailboxView, skippedItemView } from "./status.ts";

const mailboxesHeader = [
  "emailAddress",
  "userName",
  "status",
  "syncedItemCount",
  "skippedItemCount",
  "totalItemsInSourceMailboxCount",
  "bytesTransferred",
  "estimatedTotalTransferSize",
  "percentageComplete",
  "startedAt",
  "lastSyncedAt",
  "errorCode",
  "errorMessage",
  "warnings",
];
const skippedItemsHeader = ["emailAddress", "folder", "uid", "receivedAt", "size", "code", "message"];

/** Where the mailboxes of a batch stand, all of them. */
export interface BatchState {
  /** True if none is being worked on, waits, or is due. */
  readonly atRest: boolean;
  /** Another one as soon as any mailbox began a round or ended it. */
  readonly digest: string;
}

/** Takes in the mailboxes of a batch one after another, in the order of the store. */
export class BatchWatch {
  readonly #hash: Hash = createHash("sha256");
  #atRest = true;

  see(mailbox: MailboxRecord): void {
    const { id, round, status, dueAt } = mailbox;
    this.#hash.update(`${id} ${round} ${status}\n`);
    if (hasWork(mailbox) || dueAt !== undefined) this.#atRest = false;
  }

  /** Where the batch stands after the last mailbox; may be asked once. */
  end(): BatchState {
    return { atRest: this.#atRest, digest: this.#hash.digest("base64url") };
  }
}

/**
 * True if the reports do not show the last round: at its end, and once a day where a round takes longer. Pure.
 * @param now milliseconds since 1970.
 */
export function areReportsDue(batch: BatchRecord, { atRest, digest }: BatchState, now: number): boolean {
  // At work the counters rise without a new digest.
  if (atRest && batch.reported?.digest === digest) return false;
  return atRest || now - (batch.reported?.at ?? batch.startedAt ?? batch.createdAt) >= day;
}

export interface ReportsParts {
  readonly batches: BatchStore;
  readonly mailboxes: MailboxStore;
  readonly ledger: LedgerStore;
  readonly reports: ReportStore;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The reports timer: writes `mailboxes.csv` and `skipped-items.csv` of every batch whose reports do not show its last
 * round, a mailbox at a time, over the old ones. It takes minutes for a large batch, so nothing else waits for it. A batch
 * whose reports fail holds up no other one, and is tried again by the next run. Repeatable.
 */
export function createReports(parts: ReportsParts): () => Promise<void> {
  const { batches, mailboxes, ledger, reports, clock, log } = parts;

  async function* mailboxRows(name: BatchName): AsyncGenerator<readonly CsvValue[]> {
    for await (const { value } of mailboxes.scan(name)) {
      const view = mailboxView(value);
      yield [
        view.emailAddress,
        view.userName,
        view.status,
        view.syncedItemCount,
        view.skippedItemCount,
        view.totalItemsInSourceMailboxCount,
        view.bytesTransferred,
        view.estimatedTotalTransferSize,
        view.percentageComplete,
        view.startedAt ?? undefined,
        view.lastSyncedAt ?? undefined,
        view.error?.code,
        view.error?.message,
        view.warnings.map(warningText).join(" | "),
      ];
    }
  }

  async function* skippedRows(name: BatchName): AsyncGenerator<readonly CsvValue[]> {
    for await (const { value } of mailboxes.scan(name)) {
      if (value.ledgerId === undefined || value.skippedItemCount === 0) continue;
      const folders = await ledger.listFolders(value.ledgerId);
      const paths = new Map(folders.map(({ folderId, source }) => [folderId, source.segments.join("/")]));
      for await (const skipped of ledger.listSkipped(value.ledgerId)) {
        const item = skippedItemView(skipped, paths.get(skipped.folderId) ?? "");
        yield [
          value.emailAddress,
          item.folder,
          item.uid,
          item.receivedAt,
          item.size,
          item.code,
          item.message,
        ];
      }
    }
  }

  /** @returns false if the batch is gone or going. */
  async function note(name: BatchName, digest: string): Promise<boolean> {
    const noted = await changeBatch(batches, name, (batch) =>
      isRemoving(batch) ? undefined : { ...batch, reported: { digest, at: clock() } },
    );
    return noted !== undefined;
  }

  async function stateOf(name: BatchName): Promise<BatchState> {
    const watch = new BatchWatch();
    for await (const { value } of mailboxes.scan(name)) watch.see(value);
    return watch.end();
  }

  async function write(name: BatchName, digest: string): Promise<void> {
    await reports.write(name, "mailboxes", writeCsv(mailboxesHeader, mailboxRows(name)));
    await reports.write(name, "skipped-items", writeCsv(skippedItemsHeader, skippedRows(name)));
    if (await note(name, digest)) log("batch.reported", { batch: name });
    // The removal may have passed before the last report was written.
    else await reports.deleteAll(name);
  }

  return async () => {
    for (const batch of await batches.list()) {
      if (!wasStarted(batch) || isRemoving(batch)) continue;
      try {
        const state = await stateOf(batch.name);
        if (areReportsDue(batch, state, clock())) await write(batch.name, state.digest);
      } catch (error) {
        if (!isMigrationError(error)) throw error;
        log("reports.failed", { batch: batch.name, code: error.code });
      }
    }
  };
}

function warningText({ code, count, message, remedy }: Warning): string {
  return `${code} (${count}): ${message} ${remedy}`;
}

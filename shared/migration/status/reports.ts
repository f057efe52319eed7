import pMap from "p-map";
import type { Warning } from "../../domain/api/mailboxes.ts";
import type { BatchName } from "../../domain/names.ts";
import type { OperationMessage } from "../../domain/queue-messages.ts";
import { columnNames, failureColumns } from "../../domain/upload-columns.ts";
import { changeBatch } from "../batch/change.ts";
import { isRemoving, smallBatch, wasStarted } from "../batch/life.ts";
import { type CsvValue, writeCsv, writeCsvRows } from "../csv-writer.ts";
import { isFailed } from "../mailbox/life.ts";
import type { BatchState, BatchStateStore } from "../ports/batch-state.ts";
import type { ReportStore } from "../ports/blobs.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { MailboxFiles, RehearsedFolder, UndoProgress } from "../ports/mailbox-files.ts";
import {
  type BatchRecord,
  type BatchStore,
  type MailboxSummary,
  type Slot,
  slotCount,
} from "../ports/registry.ts";
import type { VerificationStore } from "../ports/verification-store.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import { type Clock, day, type Log, minute } from "../runtime.ts";
import type { BatchStates } from "./batch-states.ts";
import { iso, isoOrNull } from "./instants.ts";
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
const verificationHeader = [
  "emailAddress",
  "folder",
  "uid",
  "receivedAt",
  "size",
  "difference",
  "source",
  "target",
  "message",
];
const rehearsalHeader = [
  "emailAddress",
  "folder",
  "targetFolder",
  "leftOut",
  "renamed",
  "items",
  "bytes",
  "itemsLeftOut",
  "over35MB",
  "tooLarge",
  "adoptable",
  "ambiguous",
  "estimated",
  "error",
  "targetFreeBytes",
  "fits",
];
const undoHeader = ["emailAddress", "folder", "uid", "receivedAt", "size", "left", "message"];
const skippedItemsHeader = [
  "emailAddress",
  "folder",
  "uid",
  "receivedAt",
  "size",
  "code",
  "message",
  "approvedBy",
  "approvedAt",
];
/** Ready to be mended and uploaded: an upload passes over the last columns. */
const failedMailboxesHeader = [...columnNames, ...failureColumns];

/** Ledgers read at once. */
const concurrency = 16;
/** A message writes for so long, then the next one goes on; in milliseconds. */
const budgetMs = minute;
/** The timer comes so often; in milliseconds. */
const intervalMs = 5 * minute;

/**
 * True if the reports do not show the last round: at its end, and once a day where a round takes longer. Pure.
 * @param now milliseconds since 1970.
 */
export function areReportsDue(
  batch: BatchRecord,
  { atRest, digest }: Pick<BatchState, "atRest" | "digest">,
  now: number,
): boolean {
  // At work the counters rise without a new digest.
  if (atRest && batch.reported?.digest === digest) return false;
  return atRest || now - (batch.reported?.at ?? batch.startedAt ?? batch.createdAt) >= day;
}

export interface ReportsParts {
  readonly batches: BatchStore;
  readonly stored: Pick<BatchStateStore, "list">;
  readonly states: BatchStates;
  readonly ledger: LedgerStore;
  readonly reports: ReportStore;
  readonly verifications: VerificationStore;
  readonly rehearsals: MailboxFiles<readonly RehearsedFolder[]>;
  readonly undos: MailboxFiles<UndoProgress>;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Reports {
  /** The timer: sends a message for every batch whose reports do not show its last round. Repeatable. */
  announce(): Promise<void>;
  /**
   * Writes `mailboxes.csv`, `failed-mailboxes.csv`, `skipped-items.csv` and, once a mailbox was verified, `verification.csv` of a batch over the
   * old ones, the latter two slot by slot. What is not through in a minute is for the next message, which goes on with the slots that are missing. Repeatable.
   */
  write(message: Extract<OperationMessage, { readonly kind: "report" }>): Promise<void>;
}

export function createReports(parts: ReportsParts): Reports {
  const { batches, states, ledger, reports, verifications, rehearsals, undos, queue, clock, log } = parts;

  async function* skippedRows(mailboxes: readonly MailboxSummary[]): AsyncGenerator<readonly CsvValue[]> {
    const some = mailboxes.filter(
      ({ ledgerId, skippedItemCount }) => ledgerId !== undefined && skippedItemCount > 0,
    );
    for (let start = 0; start < some.length; start += concurrency) {
      const group = await pMap(some.slice(start, start + concurrency), foldersOf, { concurrency });
      for (const { mailbox, paths } of group) {
        if (mailbox.ledgerId === undefined) continue;
        for await (const skipped of ledger.listSkipped(mailbox.ledgerId)) {
          const item = skippedItemView(skipped, mailbox, paths.get(skipped.folderId) ?? "");
          const { folder, uid, receivedAt, size, code, message } = item;
          const { approvedBy, approvedAt } = item;
          yield [
            mailbox.emailAddress,
            folder,
            uid,
            receivedAt,
            size,
            code,
            message,
            approvedBy ?? undefined,
            approvedAt ?? undefined,
          ];
        }
      }
    }
  }

  async function* differenceRows(mailboxes: readonly MailboxSummary[]): AsyncGenerator<readonly CsvValue[]> {
    const some = mailboxes.filter(({ verification }) => verification !== undefined);
    for (let start = 0; start < some.length; start += concurrency) {
      const group = await pMap(some.slice(start, start + concurrency), differencesOf, { concurrency });
      yield* group.flat();
    }
  }

  async function differencesOf({
    batch,
    id,
    emailAddress,
    verification,
  }: MailboxSummary): Promise<readonly (readonly CsvValue[])[]> {
    if (verification?.error)
      return [
        [
          emailAddress,
          "",
          undefined,
          undefined,
          undefined,
          verification.error.code,
          "",
          "",
          verification.error.message,
        ],
      ];
    if (Object.keys(verification?.counts ?? {}).length === 0) return [];
    const { differences = [] } = (await verifications.read(batch, id)) ?? {};
    return differences.map(({ folder, uid, receivedAt, size, kind, source, target, message }) => [
      emailAddress,
      folder,
      uid,
      receivedAt === undefined ? undefined : iso(receivedAt),
      size,
      kind,
      source,
      target,
      message,
    ]);
  }

  async function* rehearsalRows(mailboxes: readonly MailboxSummary[]): AsyncGenerator<readonly CsvValue[]> {
    for (const { batch, id, emailAddress, rehearsal } of mailboxes) {
      if (rehearsal === undefined) continue;
      for (const folder of (await rehearsals.read(batch, id)) ?? [])
        yield [
          emailAddress,
          folder.path,
          folder.targetPath,
          folder.leftOut,
          folder.renamed ? "yes" : "",
          folder.items,
          folder.bytes,
          folder.itemsLeftOut,
          folder.over35MB,
          folder.tooLarge,
          folder.adoptable,
          folder.ambiguous,
          folder.estimated ? "yes" : "",
          folder.error,
          rehearsal.freeBytes,
          rehearsal.fits === undefined ? "not known" : rehearsal.fits ? "yes" : "no",
        ];
    }
  }

  async function* leftRows(mailboxes: readonly MailboxSummary[]): AsyncGenerator<readonly CsvValue[]> {
    for (const { batch, id, emailAddress, undo } of mailboxes) {
      if (undo === undefined || Object.keys(undo.left).length === 0) continue;
      for (const { folder, uid, receivedAt, size, reason, message } of (await undos.read(batch, id))?.left ??
        [])
        yield [emailAddress, folder, uid, iso(receivedAt), size, reason, message];
    }
  }

  async function foldersOf(mailbox: MailboxSummary) {
    const folders = mailbox.ledgerId === undefined ? [] : await ledger.listFolders(mailbox.ledgerId);
    return {
      mailbox,
      paths: new Map(folders.map(({ folderId, source }) => [folderId, source.segments.join("/")])),
    };
  }

  /** @returns false if the batch is gone or going. */
  async function note(name: BatchName, digest: string): Promise<boolean> {
    const noted = await changeBatch(batches, name, (batch) =>
      isRemoving(batch) ? undefined : { ...batch, reported: { digest, at: clock() } },
    );
    return noted !== undefined;
  }

  return {
    async announce() {
      const now = clock();
      const byName = new Map((await parts.stored.list()).map((state) => [state.batch, state]));
      const due = (await batches.list()).filter((batch) => {
        const state = byName.get(batch.name);
        return state && wasStarted(batch) && !isRemoving(batch) && areReportsDue(batch, state, now);
      });
      const attempt = Math.floor(now / intervalMs);
      await queue.sendOperations(due.map(({ name }) => ({ kind: "report", batch: name, attempt })));
    },

    async write({ batch: name, attempt }) {
      const batch = (await batches.get(name))?.value;
      if (batch === undefined || isRemoving(batch)) return;
      const { mailboxes, digest, ...state } = await states.refresh(batch);
      if (!areReportsDue(batch, { ...state, digest }, clock())) return;
      const of = mailboxes.length <= smallBatch ? 1 : slotCount;
      const deadline = clock() + budgetMs;
      const bySlot = [
        { report: "skipped-items", header: skippedItemsHeader, rowsOf: skippedRows },
        { report: "verification", header: verificationHeader, rowsOf: differenceRows },
        { report: "rehearsal", header: rehearsalHeader, rowsOf: rehearsalRows },
        { report: "undo", header: undoHeader, rowsOf: leftRows },
      ] as const;
      const wanted = bySlot.filter(
        ({ report }) =>
          report === "skipped-items" || mailboxes.some((mailbox) => mailbox[report] !== undefined),
      );
      for (const { report, header, rowsOf } of wanted) {
        const written = await reports.staged(name, report, digest);
        for (let slot = 0; slot < of; slot++) {
          if (written.has(slot)) continue;
          if (clock() > deadline) {
            await queue.sendOperations([{ kind: "report", batch: name, attempt: attempt + 1 }]);
            return;
          }
          const rows = rowsOf(mailboxes.filter((mailbox) => isIn({ slot, of }, mailbox)));
          const content = slot === 0 ? writeCsv(header, rows) : writeCsvRows(rows);
          await reports.stage(name, report, digest, slot, content);
        }
      }
      await reports.write(
        name,
        "mailboxes",
        writeCsv(mailboxesHeader, mailboxRows(batch, mailboxes, clock())),
      );
      await reports.write(name, "failed-mailboxes", writeCsv(failedMailboxesHeader, failedRows(mailboxes)));
      for (const { report } of wanted) await reports.commit(name, report, digest);
      if (await note(name, digest)) log("batch.reported", { batch: name });
      // The removal may have passed before the last report was written.
      else await reports.deleteAll(name);
    },
  };
}

function isIn({ slot, of }: Slot, { id }: MailboxSummary): boolean {
  return of === 1 || Number.parseInt(id.slice(0, 1), 16) === slot;
}

async function* mailboxRows(
  batch: BatchRecord,
  mailboxes: readonly MailboxSummary[],
  now: number,
): AsyncGenerator<readonly CsvValue[]> {
  for (const mailbox of mailboxes) {
    const view = mailboxView(mailbox, batch, now);
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

/** The columns of an upload with an empty password, then why the mailbox failed. */
async function* failedRows(mailboxes: readonly MailboxSummary[]): AsyncGenerator<readonly CsvValue[]> {
  for (const { emailAddress, userName, userRoot, error } of mailboxes.filter(isFailed))
    yield [
      emailAddress,
      userName,
      "",
      userRoot,
      error?.code,
      error?.message,
      isoOrNull(error?.at) ?? undefined,
    ];
}

function warningText({ code, count, message, remedy }: Warning): string {
  return `${code} (${count}): ${message} ${remedy}`;
}

import type { CutoverView } from "../../domain/api/cutover.ts";
import { isMigrationError, type MigrationError } from "../../domain/errors.ts";
import type { BatchName } from "../../domain/names.ts";
import { tickMs } from "../../domain/queue-messages.ts";
import { changeBatch } from "../batch/change.ts";
import { isRemoving, noticeNoted } from "../batch/life.ts";
import type { Cutover } from "../cutover/cutover.ts";
import type { NoticeRecord, NoticeStore, SendMail } from "../ports/notices.ts";
import type { BatchRecord, BatchStore, RecordedError, Versioned } from "../ports/registry.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import { type Clock, day, type Log, minute } from "../runtime.ts";
import type { BatchStates } from "../status/batch-states.ts";
import { batchView } from "../status/batch-totals.ts";
import {
  dueCutoverNotices,
  dueNotices,
  lastFigures,
  lastVerification,
  type NoticeDraft,
  wantsNotices,
} from "./due.ts";
import { mailOf } from "./mails.ts";

/** Whoever sends a mail has done so, or died, after this long. */
const sendingMs = 5 * minute;
/** Tries of a mail that was certainly not sent go on for so long. */
const patienceMs = day;
const firstPauseMs = minute;
const longestPauseMs = 30 * minute;
/** How often a process looks at a batch that is at work. */
const lookMs = 30_000;

export interface NoticesParts {
  readonly batches: BatchStore;
  readonly notices: NoticeStore;
  readonly states: BatchStates;
  readonly cutover: Pick<Cutover, "view">;
  /** Undefined where no sender is set. */
  readonly send: SendMail | undefined;
  /** The operator's page of a batch, if it is known. */
  readonly pageOf: (batch: BatchName) => string | undefined;
  readonly queue: Pick<WorkQueue, "sendOperations">;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Mails to the operators of a batch. Each is a row before it is a mail: whoever makes the row sends it, and a row whose
 * maker died says that the mail may have been sent. So none is sent twice.
 */
export interface Notices {
  /** Sends what is due about a batch. Never throws what may pass. Repeatable, by any number of workers at once. */
  look(name: BatchName): Promise<void>;
  /** Sends what is due about the cut-over of each batch. As `look`. */
  lookAtCutovers(): Promise<void>;
}

export function createNotices(parts: NoticesParts): Notices {
  const { batches, notices, states, queue, clock, log } = parts;
  const looked = new Map<BatchName, number>();

  /** @returns the batch, if anybody wants mails about it. */
  async function wanted(name: BatchName): Promise<BatchRecord | undefined> {
    const batch = (await batches.get(name))?.value;
    return batch && !isRemoving(batch) && wantsNotices(batch.options) ? batch : undefined;
  }

  async function look(name: BatchName): Promise<void> {
    const batch = await wanted(name);
    if (batch === undefined) return;
    const { totals } = await states.figures(batch);
    const busy = batch.operations.length > 0 || totals.counts.active + totals.counts.created > 0;
    const now = clock();
    if (busy && now - (looked.get(name) ?? Number.NEGATIVE_INFINITY) < lookMs) return;
    looked.set(name, now);
    const told = await notices.list(name);
    await settle(batch, told);
    const values = told.map(({ value }) => value);
    const operations = await batches.operations(name);
    const verification = lastVerification(operations);
    const { testLogins, dryRun } = batch.options;
    const needsMailboxes =
      totals.counts.failed > 0 ||
      testLogins ||
      dryRun ||
      (verification &&
        !values.some(({ kind, key }) => kind === verification.kind && key === verification.key));
    const { mailboxes, asOf } = needsMailboxes ? await states.snapshot(batch) : { mailboxes: [], asOf: 0 };
    const situation = { batch, totals, operations, mailboxes, mailboxesAsOf: asOf, told: values, now };
    for (const draft of dueNotices(situation)) await begin(batch, draft);
  }

  async function lookAtCutover(name: BatchName): Promise<void> {
    const batch = await wanted(name);
    const cutover = batch && (await parts.cutover.view(name, false));
    if (batch === undefined || cutover === undefined) return;
    const told = (await notices.list(name)).map(({ value }) => value);
    for (const draft of dueCutoverNotices(cutover, told)) await begin(batch, draft, cutover);
  }

  /** Goes on with mails that wait, and gives up those whose sender died. */
  async function settle(batch: BatchRecord, told: readonly Versioned<NoticeRecord>[]): Promise<void> {
    const now = clock();
    for (const notice of told) {
      const { state, since, notBefore = 0, attempts } = notice.value;
      if (state === "sending") {
        if (now - since >= sendingMs) await end(notice, "inDoubt", maybeSent(now));
        else await lookAgain(batch.name, since + sendingMs);
      }
      if (state !== "waiting" || notBefore > now) continue;
      const value = { ...notice.value, state: "sending", since: now, attempts: attempts + 1 } as const;
      const version = await notices.replace({ value, version: notice.version });
      if (version !== undefined) await deliver(batch, { value, version });
    }
  }

  async function begin(batch: BatchRecord, draft: NoticeDraft, cutover?: CutoverView): Promise<void> {
    const now = clock();
    if (parts.send === undefined) {
      await note(batch.name, noSender(now));
      return;
    }
    const value: NoticeRecord = {
      batch: batch.name,
      ...draft,
      at: now,
      state: "sending",
      since: now,
      attempts: 1,
    };
    const version = await notices.create(value);
    if (version !== undefined) await deliver(batch, { value, version }, cutover);
  }

  /** Sends a mail that nobody else sends. */
  async function deliver(
    batch: BatchRecord,
    notice: Versioned<NoticeRecord>,
    cutover?: CutoverView,
  ): Promise<void> {
    let failure: MigrationError | undefined;
    try {
      const mail = await compose(batch, notice.value, cutover);
      await parts.send?.(mail);
    } catch (error) {
      if (!isMigrationError(error)) throw error;
      failure = error;
    }
    if (failure === undefined) await end(notice, "sent");
    else await notSent(notice, failure);
  }

  async function notSent(notice: Versioned<NoticeRecord>, failure: MigrationError): Promise<void> {
    const { value } = notice;
    const { batch, kind } = value;
    const now = clock();
    const error = { code: failure.code, message: failure.message, at: now };
    log("notice.failed", { batch, kind, code: error.code });
    if (failure.inDoubt) return end(notice, "inDoubt", error);
    const passes = failure.kind === "transient" || failure.kind === "throttled";
    if (!passes || now - value.at >= patienceMs) return end(notice, "failed", error);
    const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** (value.attempts - 1));
    const notBefore = now + Math.max(pause, failure.retryAfterMs ?? 0);
    await notices.replace({ ...notice, value: { ...value, state: "waiting", since: now, notBefore, error } });
    await note(batch, error);
    await lookAgain(batch, notBefore);
  }

  async function compose(batch: BatchRecord, notice: NoticeRecord, known?: CutoverView) {
    const figures = await states.figures(batch);
    const isCutover = notice.kind === "mxMoved" || notice.kind === "cutoverReady";
    const cutover = known ?? (isCutover ? await parts.cutover.view(batch.name, false) : undefined);
    const told = notice.kind === "report" ? (await notices.list(batch.name)).map(({ value }) => value) : [];
    const lists = ["failures", "loginsTested", "rehearsed", "verified"].includes(notice.kind);
    const mailboxes = lists ? (await states.snapshot(batch)).mailboxes : [];
    return mailOf(
      notice,
      {
        view: batchView(batch, figures, clock()),
        mailboxes,
        cutover,
        before: lastFigures(told, notice.at),
        page: parts.pageOf(batch.name),
      },
      batch.options.notificationEmails ?? [],
    );
  }

  async function end(
    { value, version }: Versioned<NoticeRecord>,
    state: "sent" | "failed" | "inDoubt",
    error?: RecordedError,
  ): Promise<void> {
    const now = clock();
    const ended: NoticeRecord = { ...value, state, since: now, notBefore: undefined, error };
    if ((await notices.replace({ value: ended, version })) === undefined) return;
    if (state === "sent") log("notice.sent", { batch: value.batch, kind: value.kind });
    await note(value.batch, error);
  }

  /** Shows the operator that mails do not get out; undefined once one did. */
  async function note(name: BatchName, error: RecordedError | undefined): Promise<void> {
    await changeBatch(batches, name, (batch) => noticeNoted(batch, error));
  }

  /** A batch at rest is looked at once an hour; this mail is due sooner. */
  async function lookAgain(batch: BatchName, at: number): Promise<void> {
    const tick = Math.ceil(at / tickMs) + 1;
    await queue.sendOperations([{ kind: "tend", batch, tick }], tick * tickMs);
  }

  /** What may pass is an event: mails are never the reason why other work is repeated. */
  async function attempt(name: BatchName, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!isMigrationError(error)) throw error;
      log("notice.failed", { batch: name, code: error.code });
    }
  }

  return {
    look: (name) => attempt(name, () => look(name)),
    async lookAtCutovers() {
      for (const { name } of await batches.list()) await attempt(name, () => lookAtCutover(name));
    },
  };
}

function maybeSent(at: number): RecordedError {
  return {
    code: "NoticeInDoubt",
    message: "A mail to the operators may have been sent or not: its sender ended. It is not sent again.",
    at,
  };
}

function noSender(at: number): RecordedError {
  return {
    code: "NotificationSenderMissing",
    message: "notificationEmails names addresses, but NOTIFICATION_SENDER is not set: no mail is sent.",
    at,
  };
}

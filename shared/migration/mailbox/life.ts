import type { BatchOptions } from "../../domain/batch-options.ts";
import type { BatchName, EndpointName, FolderId, LedgerId, MailboxId } from "../../domain/names.ts";
import type { MailboxCounts, MailboxStatus } from "../../domain/states.ts";
import type { VerificationRequest } from "../../domain/verification.ts";
import type {
  FolderAct,
  MailboxRecord,
  MailboxSummary,
  RecordedError,
  Recovery,
  RehearsalOutcome,
  Trouble,
  UndoOutcome,
  UndoRequest,
  VerificationOutcome,
} from "../ports/registry.ts";
import { minute } from "../runtime.ts";
import { isWorthRetrying } from "../warnings.ts";
import { percentageOf, withoutFigures } from "./figures.ts";
import { rateFrom } from "./rate.ts";

/** A mailbox in whose steps so many workers died in a row is worked on alone, so that guilt shows. */
export const deathsToIsolate = 3;
/** It fails after so many: then it was alone for the last ones. */
export const deathsToFail = 2 * deathsToIsolate;
/** Failed tests of a login after which the other mailboxes of the batch no longer wait for it. */
const triesOfLogin = 5;
/** Failures that lasted shorter than this ended by themselves; in milliseconds. */
const outageMs = 2 * minute;

/*
 * The life of a mailbox: the one place that writes its status and its round. Every function is pure. A transition gives
 * the mailbox as it is after an event, or undefined where the event does not concern a mailbox in its state.
 *
 * Created (not started) -> Queued (waits for a permit, or for the logins of others to be tested) -> Syncing -> Synced
 * -> Queued -> IncrementalSyncing -> Synced ... A verification is a round of its own, Queued -> Verifying, after which the
 * mailbox is what it was. An undoing is one as well, Queued -> Undoing -> Stopped. Stopped and Failed are left only by an operator's start or retry, or by a
 * new upload. Completed is final until started again.
 */

/** Who logs in where: what a row of the CSV says about a mailbox. */
export type MailboxLogin = Pick<
  MailboxRecord,
  "emailAddress" | "userName" | "userRoot" | "sealedPassword" | "sealedFor"
>;

/** What there is to know of a mailbox without its secrets. */
export type MailboxFacts = Omit<MailboxSummary, "changedAt">;

/** The code of a mailbox whose password is sealed for another server than its endpoint names now. */
export const hostChanged = "EndpointHostChanged";

/** True if the mailbox waits for work or is being worked on. */
export function isActive({ status }: MailboxFacts): boolean {
  return countOfStatus[status] === "active";
}

/** True if nobody has started the mailbox since it was uploaded or mended. */
export function isCreated({ status }: MailboxFacts): boolean {
  return status === "Created";
}

/** True if the mailbox waits for its permit, or for the end of a long pause. */
export function isQueued({ status }: MailboxFacts): boolean {
  return status === "Queued";
}

/** True if the mailbox waits for an operator's retry. */
export function isFailed({ status }: MailboxFacts): boolean {
  return status === "Failed";
}

/** True if the mailbox is up to date until its next sync. */
export function isSynced({ status }: MailboxFacts): boolean {
  return status === "Synced";
}

/** True if the mailbox is yet to be worked on, or is being worked on. */
export function hasWork(mailbox: MailboxFacts): boolean {
  return isCreated(mailbox) || isActive(mailbox);
}

/**
 * When the mailbox is due in the daily window of its batch, milliseconds since 1970; undefined if it is not synced, or was
 * synced since the window began.
 * @param window of the batch: when it began, and how long it is.
 */
export function dueAt(
  { id, status, lastSyncedAt, folderActs }: MailboxFacts,
  window: { readonly from: number; readonly spanMs: number } | undefined,
): number | undefined {
  if (status !== "Synced" || window === undefined) return undefined;
  // What was asked for after the last step of a round had begun needs another one.
  if (folderActs !== undefined) return 0;
  if ((lastSyncedAt ?? 0) >= window.from) return undefined;
  // Ids are digests, so that their places are spread evenly, and each mailbox has the same one every day.
  const place = Number.parseInt(id.slice(-8), 16) / 2 ** 32;
  return window.from + Math.floor(place * window.spanMs);
}

/** True if a pause that gave the permit back is over. @param now milliseconds since 1970. */
export function isPauseOver(mailbox: MailboxFacts, now: number): boolean {
  return isQueued(mailbox) && mailbox.notBefore !== undefined && mailbox.notBefore <= now;
}

/** True while nothing of the mailbox may be copied before its login has been tested. */
export function needsLoginTest({ testLogins }: BatchOptions, mailbox: MailboxFacts): boolean {
  return testLogins && mailbox.loginTest === undefined && mailbox.startedAt === undefined;
}

/** True if other mailboxes of the batch wait for the test of this one. They do not wait for a server that is away. */
export function isBeingTested(options: BatchOptions, mailbox: MailboxFacts): boolean {
  return needsLoginTest(options, mailbox) && hasWork(mailbox) && mailbox.attempts < triesOfLogin;
}

/** True if the mailbox has passed its test and waits until every other one has been tested. */
export function waitsForOthers(mailbox: MailboxFacts): boolean {
  return isActive(mailbox) && mailbox.loginTest === "passed";
}

/** True if the mailbox has to be on the wait list of its endpoint, unless it has a permit. */
export function isWaiting(mailbox: MailboxFacts): boolean {
  return isQueued(mailbox) && mailbox.notBefore === undefined && !waitsForOthers(mailbox);
}

/** True if workers died in its steps so often that it is worked on apart from others. */
export function isIsolated({ trouble }: MailboxFacts): boolean {
  return (trouble?.deaths ?? 0) >= deathsToIsolate;
}

/** True if a pause that gave the permit back follows failures that others have recovered from since. */
export function hasRecoveredWithout(mailbox: MailboxFacts, recoveries: readonly Recovery[]): boolean {
  const { trouble, error, notBefore } = mailbox;
  if (!isQueued(mailbox) || notBefore === undefined || trouble?.failingSince === undefined) return false;
  const failedAt = error?.at ?? trouble.failingSince;
  return recoveries.some(({ from, at }) => from <= failedAt && failedAt < at);
}

type CountName = Exclude<keyof MailboxCounts, "total" | "incremental">;

const countOfStatus: Readonly<Record<MailboxStatus, CountName>> = {
  Created: "created",
  Queued: "active",
  Syncing: "active",
  IncrementalSyncing: "active",
  Verifying: "active",
  Undoing: "active",
  Synced: "synced",
  Stopped: "stopped",
  Failed: "failed",
  Completed: "completed",
};

/** Under which of a batch's counts the mailbox falls: one that is verified is synced all the while. */
export function countOf({ status, verifying }: MailboxFacts): CountName {
  return countOfStatus[verifying?.from ?? status];
}

/** A mailbox that was not in the batch before. @param now milliseconds since 1970. */
export function newMailbox(
  id: MailboxId,
  place: { readonly batch: BatchName; readonly endpoint: EndpointName },
  login: MailboxLogin,
  now: number,
): MailboxRecord {
  return {
    id,
    batch: place.batch,
    endpoint: place.endpoint,
    ...login,
    status: "Created",
    kind: "initial",
    round: firstRound(now),
    attempts: 0,
    totalItemCount: 0,
    syncedItemCount: 0,
    skippedItemCount: 0,
    bytesTransferred: 0,
    estimatedBytes: 0,
    createdAt: now,
  };
}

/**
 * Rounds of a mailbox that was deleted and uploaded again go on above the old ones: duplicate detection would drop a
 * message id it has seen, and a late message of the deleted mailbox must count as stale. More than one round a second is
 * not to be had.
 */
function firstRound(now: number): number {
  return Math.floor(now / 1000);
}

/**
 * Its row was uploaded again: a failed mailbox is to be started anew, one whose login was tested is to be tested anew, any
 * other one keeps its state.
 */
export function mended(mailbox: MailboxRecord, login: MailboxLogin): MailboxRecord | undefined {
  const same = hasSameLogin(mailbox, login) && mailbox.emailAddress === login.emailAddress;
  if (same && !isFailed(mailbox)) return undefined;
  const next: MailboxRecord = { ...mailbox, ...login };
  if (!isFailed(mailbox) && mailbox.loginTest !== "passed") return next;
  return {
    ...next,
    loginTest: undefined,
    status: mailbox.status === "Stopped" ? "Stopped" : "Created",
    round: mailbox.round + 1,
    attempts: 0,
    error: undefined,
    trouble: undefined,
    step: undefined,
    notBefore: undefined,
  };
}

/** The operator starts the batch, or goes on with it. */
export function started(mailbox: MailboxRecord): MailboxRecord | undefined {
  const status = mailbox.verifying?.from ?? mailbox.status;
  return status === "Created" || status === "Stopped" || status === "Completed"
    ? { ...queuedAgain(mailbox), verifying: undefined, trouble: undefined, step: undefined }
    : undefined;
}

/** The operator stops the batch. */
export function stopped(mailbox: MailboxRecord): MailboxRecord | undefined {
  if (mailbox.verifying) return { ...mailbox, status: mailbox.verifying.from, verifying: undefined };
  return hasWork(mailbox) ? { ...mailbox, status: "Stopped", undoing: undefined } : undefined;
}

/** The operator, or the completion of the batch, asks for another sync. It ends a verification. */
export function syncedAgain(mailbox: MailboxRecord): MailboxRecord | undefined {
  const status = mailbox.verifying?.from ?? mailbox.status;
  return status === "Synced" ? { ...queuedAgain(mailbox), verifying: undefined } : undefined;
}

/** A rehearsal is through: nothing was copied, and it waits to be started for real. @param outcome what was found. */
export function rehearsed(mailbox: MailboxRecord, outcome: RehearsalOutcome): MailboxRecord | undefined {
  if (!isActive(mailbox)) return undefined;
  return {
    ...gotOn(mailbox, true, outcome.at),
    status: "Completed",
    rehearsal: outcome,
    syncBegan: undefined,
    step: undefined,
    error: undefined,
    notBefore: undefined,
  };
}

/** The operator asks for a verification: it waits for a permit of the daily rounds. */
export function verificationAsked(
  mailbox: MailboxRecord,
  asked: VerificationRequest & { readonly operation: number },
): MailboxRecord | undefined {
  const from = mailbox.verifying?.from ?? mailbox.status;
  if (from !== "Synced" && from !== "Completed") return undefined;
  return { ...queuedAgain(mailbox), attempts: 0, verifying: { ...asked, from } };
}

/** A verification is through: the mailbox is what it was. @param now milliseconds since 1970. */
export function verified(
  mailbox: MailboxRecord,
  outcome: VerificationOutcome,
  now: number,
): MailboxRecord | undefined {
  const { verifying } = mailbox;
  if (!isActive(mailbox) || verifying?.operation !== outcome.operation) return undefined;
  return {
    ...gotOn(mailbox, true, now),
    status: verifying.from,
    verifying: undefined,
    verification: outcome,
    step: undefined,
    error: undefined,
    notBefore: undefined,
  };
}

/**
 * The operator wants its copies out of the target: it waits for a permit, whatever it was at. One that was never copied is
 * through. @param now milliseconds since 1970.
 */
export function undoAsked(
  mailbox: MailboxRecord,
  asked: UndoRequest & { readonly operation: number },
  now: number,
): MailboxRecord | undefined {
  const undoing = {
    ...queuedAgain(mailbox),
    attempts: 0,
    error: undefined,
    trouble: undefined,
    step: undefined,
    loginTest: undefined,
    verifying: undefined,
    undoing: asked,
  };
  if (mailbox.ledgerId !== undefined) return undoing;
  return undone(undoing, { ...asked, at: now, removed: 0, left: {}, inDoubt: 0 });
}

/** The operator wants what is recorded of its copies to be forgotten: nothing works on it from now on. */
export function forgetAsked(mailbox: MailboxRecord): MailboxRecord {
  return {
    ...queuedAgain(mailbox),
    status: "Stopped",
    attempts: 0,
    error: undefined,
    trouble: undefined,
    step: undefined,
    verifying: undefined,
    undoing: undefined,
  };
}

/** Nothing is recorded of its copies any more: once started it is copied for the first time. */
export function forgotten(mailbox: MailboxRecord): MailboxRecord {
  return {
    ...withoutFigures(mailbox),
    ledgerId: undefined,
    kind: "initial",
    startedAt: undefined,
    lastSyncedAt: undefined,
    loginTest: undefined,
    folderActs: undefined,
    verification: undefined,
    undo: undefined,
  };
}

/** Its copies are out of the target, but for those that were left: it stays stopped. */
export function undone(mailbox: MailboxRecord, outcome: UndoOutcome): MailboxRecord | undefined {
  if (!isActive(mailbox) || mailbox.undoing?.operation !== outcome.operation) return undefined;
  return {
    ...gotOn(mailbox, true, outcome.at),
    status: "Stopped",
    undoing: undefined,
    undo: outcome,
    syncBegan: undefined,
    step: undefined,
    error: undefined,
    notBefore: undefined,
  };
}

/**
 * The operator retries what failed, and what lost messages or changes of flags. After `TooManyDeletions` that confirms the
 * deletions.
 */
export function retried(mailbox: MailboxRecord): MailboxRecord | undefined {
  const leftSome = mailbox.skippedItemCount > 0 || isWorthRetrying(mailbox.warnings ?? {});
  const isThrough = mailbox.status === "Synced" || mailbox.status === "Completed";
  if (!isFailed(mailbox) && !(isThrough && leftSome)) return undefined;
  return {
    ...queuedAgain(mailbox),
    attempts: 0,
    error: undefined,
    trouble: undefined,
    step: undefined,
    retriesSkipped: true,
    ...(mailbox.error?.code === "TooManyDeletions" ? { deletionsConfirmed: true } : {}),
  };
}

/**
 * The operator asks for something with one folder: a synced mailbox begins a round for it, any other one does it in the round
 * it is in, or in its next.
 */
export function folderActAsked(
  mailbox: MailboxRecord,
  folderId: FolderId,
  act: FolderAct,
): MailboxRecord | undefined {
  const asked = { ...mailbox, folderActs: { ...mailbox.folderActs, [folderId]: act } };
  return mailbox.status === "Synced" ? queuedAgain(asked) : asked;
}

/** What the operator asked for with single folders was done. @param done others may have been asked for since. */
export function folderActsDone(
  mailbox: MailboxRecord,
  done: Readonly<Record<FolderId, FolderAct>>,
): MailboxRecord {
  const left = Object.entries(mailbox.folderActs ?? {}).filter(([id, act]) => done[id as FolderId] !== act);
  return { ...mailbox, folderActs: left.length === 0 ? undefined : Object.fromEntries(left) };
}

/** The operator confirmed the server of its endpoint: it goes on if it waited for that. */
export function serverConfirmed(mailbox: MailboxRecord): MailboxRecord | undefined {
  return isFailed(mailbox) && mailbox.error?.code === hostChanged
    ? { ...queuedAgain(mailbox), attempts: 0, error: undefined }
    : undefined;
}

/** Its password was sealed anew for a server. @param sealed the text that was opened for it. */
export function resealed(
  mailbox: MailboxRecord,
  sealed: string,
  login: Pick<MailboxLogin, "sealedPassword" | "sealedFor">,
): MailboxRecord | undefined {
  if (!isActive(mailbox)) return undefined;
  return mailbox.sealedPassword === sealed ? { ...mailbox, ...login } : mailbox;
}

/** It was uploaded into a batch that is at work: it asks for a permit in the round it is in. */
export function queued(mailbox: MailboxRecord): MailboxRecord | undefined {
  return isCreated(mailbox) ? { ...mailbox, status: "Queued" } : undefined;
}

/** Its message, its wake-up or its worker was lost: it begins another round. */
export function woken(mailbox: MailboxRecord): MailboxRecord | undefined {
  return hasWork(mailbox) && !waitsForOthers(mailbox) ? queuedAgain(mailbox) : undefined;
}

/** Every login of the batch was tested: it may be copied. */
export function released(mailbox: MailboxRecord): MailboxRecord | undefined {
  return waitsForOthers(mailbox) ? { ...queuedAgain(mailbox), loginTest: "released" } : undefined;
}

/**
 * A step begins. If another one had begun and never ended, its worker died in it.
 * @param died false while that is not known, since the other worker may be alive: then the step is not noted yet.
 * @param now milliseconds since 1970.
 */
export function stepBegun(
  mailbox: MailboxRecord,
  id: string,
  died: boolean,
  now: number,
): MailboxRecord | undefined {
  if (!isActive(mailbox)) return undefined;
  const { step, trouble } = mailbox;
  if (step?.id === id) return mailbox;
  if (step === undefined) return { ...mailbox, step: { id, since: now } };
  if (!died) return mailbox;
  const { deaths = 0, copiedSince, ...others } = trouble ?? {};
  // Who copies something between two deaths stays isolated, and does not fail for them: they may come from outside.
  const counted = deaths >= deathsToIsolate && copiedSince ? deaths : deaths + 1;
  return { ...mailbox, step: { id, since: now }, trouble: { ...others, deaths: counted } };
}

/**
 * A step ended and could tell, whatever it came to.
 * @param id of the step; another one's is left as it is.
 * @param stoodStill true if the process stood still meanwhile, with all others in it: that counts as a death.
 */
export function stepEnded(mailbox: MailboxRecord, id: string, stoodStill = false): MailboxRecord {
  if (mailbox.step?.id !== id) return mailbox;
  const { trouble } = mailbox;
  const deaths = (trouble?.deaths ?? 0) + 1;
  return { ...mailbox, step: undefined, ...(stoodStill ? { trouble: { ...trouble, deaths } } : {}) };
}

/**
 * It got on: something was copied, or a step ended well.
 * @param well true for the end of a step: only that clears it of deaths. @param now milliseconds since 1970.
 */
export function gotOn(mailbox: MailboxRecord, well: boolean, now: number): MailboxRecord {
  const { trouble } = mailbox;
  if (mailbox.attempts === 0 && trouble === undefined) return mailbox;
  const from = trouble?.failingSince;
  const lasted = from !== undefined && now - from >= outageMs;
  const deaths = well ? undefined : trouble?.deaths;
  return {
    ...mailbox,
    attempts: 0,
    error: undefined,
    trouble: deaths === undefined ? undefined : { deaths, copiedSince: true },
    recovery: lasted ? { from, at: now } : mailbox.recovery,
  };
}

/** A step of it begins to plan and to copy. @param now milliseconds since 1970. */
export function copying(
  mailbox: MailboxRecord,
  ledger: { readonly targetId: string; readonly ledgerId: LedgerId },
  now: number,
): MailboxRecord | undefined {
  if (!isActive(mailbox) || waitsForOthers(mailbox)) return undefined;
  if (mailbox.verifying) return { ...mailbox, status: "Verifying", notBefore: undefined };
  if (mailbox.undoing) return { ...mailbox, status: "Undoing", notBefore: undefined };
  const sameMail = mailbox.ledgerId === undefined || mailbox.ledgerId === ledger.ledgerId;
  const known = sameMail ? mailbox : withoutFigures(mailbox);
  return {
    ...known,
    syncBegan: known.syncBegan ?? {
      at: now,
      items: known.syncedItemCount,
      bytes: known.bytesTransferred,
    },
    ...ledger,
    rate: (isQueued(mailbox) ? undefined : known.rate) ?? rateFrom(now),
    status: mailbox.kind === "initial" ? "Syncing" : "IncrementalSyncing",
    startedAt: mailbox.startedAt ?? now,
    // What it paused for is over; whether a failure is shows only when it gets on.
    error: mailbox.trouble?.failingSince === undefined ? undefined : mailbox.error,
    notBefore: undefined,
  };
}

export interface Pause {
  /** Milliseconds since 1970. */
  readonly until: number;
  /** Attempts in a row that ended with a transient error, this one included. */
  readonly attempts: number;
  /** Undefined for a pause that no failure is the reason of. */
  readonly error?: RecordedError | undefined;
  /** True if the error is transient: it may not last for ever. */
  readonly failing?: boolean | undefined;
  /** True for a pause so long that the permit goes to others. */
  readonly givesPermitBack: boolean;
  /** The step that ends with the pause. */
  readonly step: string;
  /** True if the process stood still in it. */
  readonly stoodStill?: boolean | undefined;
}

/** Its step pauses. The round is raised, so that the wake-up has a message id of its own. */
export function paused(mailbox: MailboxRecord, pause: Pause): MailboxRecord | undefined {
  if (!isActive(mailbox)) return undefined;
  const ended = stepEnded(mailbox, pause.step, pause.stoodStill);
  const { trouble } = ended;
  return {
    ...ended,
    round: mailbox.round + 1,
    notBefore: pause.until,
    attempts: pause.attempts,
    ...(pause.error ? { error: pause.error } : {}),
    ...(pause.failing && pause.error
      ? { trouble: { ...trouble, failingSince: trouble?.failingSince ?? pause.error.at } }
      : {}),
    ...(pause.givesPermitBack ? { status: "Queued" } : {}),
  };
}

/**
 * Minutes after which a mailbox is tried again whose message the queue gave up on, and the longest of them for ever. The
 * first are nothing: one that kills its worker three times beside others takes their deliveries with it each time.
 */
const returnMinutes = [0, 0, 0, 1, 2, 5, 10, 30] as const;

/**
 * The queue gave up on its message although no step of it failed: something it needs was away. It is tried again in
 * another round, however often. @param now milliseconds since 1970.
 */
export function returned(mailbox: MailboxRecord, now: number): MailboxRecord | undefined {
  const next = woken(mailbox);
  if (next === undefined) return undefined;
  const deadLetters = (mailbox.trouble?.deadLetters ?? 0) + 1;
  const minutes = returnMinutes[Math.min(deadLetters, returnMinutes.length) - 1] ?? 0;
  return {
    ...next,
    notBefore: now + minutes * minute,
    trouble: {
      ...mailbox.trouble,
      deadLetters,
      failingSince: mailbox.trouble?.failingSince ?? now,
    } satisfies Trouble,
  };
}

/** Nothing but a person can help it. One that could not be verified is what it was, one that could not be undone is stopped. */
export function failed(mailbox: MailboxRecord, error: RecordedError): MailboxRecord | undefined {
  const { verifying, undoing } = mailbox;
  if (undoing) {
    const { code, message, at } = error;
    return undone(mailbox, { ...undoing, at, removed: 0, left: {}, inDoubt: 0, error: { code, message } });
  }
  if (verifying) {
    const { code, message, at } = error;
    const { operation, level } = verifying;
    const nothing = { compared: 0, counts: {}, waiting: 0, deletedAtSource: 0, sampled: 0 };
    return verified(mailbox, { operation, level, at, ...nothing, error: { code, message } }, at);
  }
  return isActive(mailbox)
    ? { ...mailbox, status: "Failed", error, notBefore: undefined, step: undefined }
    : undefined;
}

/** Its round is over. @param final true if the batch is being completed. @param now milliseconds since 1970. */
export function synced(mailbox: MailboxRecord, final: boolean, now: number): MailboxRecord | undefined {
  if (!isActive(mailbox)) return undefined;
  const next: MailboxRecord = {
    ...gotOn(mailbox, true, now),
    step: undefined,
    status: final ? "Completed" : "Synced",
    kind: "incremental",
    error: undefined,
    notBefore: undefined,
    deletionsConfirmed: undefined,
    lastSyncedAt: now,
    syncBegan: undefined,
    rate: undefined,
    lastSync: mailbox.syncBegan
      ? { beganAt: mailbox.syncBegan.at, newItems: newItemsOf(mailbox, mailbox.syncBegan) }
      : mailbox.lastSync,
  };
  return { ...next, percentageComplete: percentageOf(next) };
}

/** Copies may hide behind as many removals: bytes never fall, and so tell of at least one. */
function newItemsOf(
  { syncedItemCount, bytesTransferred }: MailboxRecord,
  { items, bytes }: NonNullable<MailboxRecord["syncBegan"]>,
): number {
  return Math.max(syncedItemCount - items, bytesTransferred > bytes ? 1 : 0);
}

/**
 * Its login was tested: it waits, in another round, for those of the others. One whose row was mended meanwhile stays as
 * it is, since another login has to be tested.
 * @param tested the login that passed.
 */
export function loginPassed(
  mailbox: MailboxRecord,
  tested: MailboxLogin,
  targetId: string,
): MailboxRecord | undefined {
  if (!isActive(mailbox)) return undefined;
  if (!hasSameLogin(mailbox, tested)) return mailbox;
  return {
    ...mailbox,
    targetId,
    loginTest: "passed",
    status: "Queued",
    round: mailbox.round + 1,
    attempts: 0,
    error: undefined,
    trouble: undefined,
    step: undefined,
    notBefore: undefined,
  };
}

function queuedAgain(mailbox: MailboxRecord): MailboxRecord {
  return { ...mailbox, status: "Queued", round: mailbox.round + 1, notBefore: undefined };
}

function hasSameLogin(a: MailboxLogin, b: MailboxLogin): boolean {
  return a.userName === b.userName && a.userRoot === b.userRoot && a.sealedPassword === b.sealedPassword;
}

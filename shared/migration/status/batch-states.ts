import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import pMap from "p-map";
import type { Facets } from "../../domain/api/mailboxes.ts";
import type { BatchName } from "../../domain/names.ts";
import type { Standing } from "../batch/acts.ts";
import { awaitsStart, completionAt, dailyWindow, isAtWork, isRemoving, smallBatch } from "../batch/life.ts";
import { type Endpoints, endpointPause } from "../endpoints/endpoint-settings.ts";
import { dueAt, hasWork, isQueued } from "../mailbox/life.ts";
import type {
  BatchState,
  BatchStateStore,
  BatchTotals,
  Course,
  SnapshotStore,
} from "../ports/batch-state.ts";
import {
  type BatchRecord,
  type MailboxStore,
  type MailboxSummary,
  type Recovery,
  type Slot,
  slotCount,
} from "../ports/registry.ts";
import { type Clock, hour, type Log, minute } from "../runtime.ts";
import { standingOf, totalsOf } from "./batch-totals.ts";
import { courseOf } from "./course.ts";

/** What was read of a small batch is shown for so long from the end of the reading; in milliseconds. */
export const shownMs = 2_500;
/** A snapshot at work is written at most this often, in milliseconds. */
const snapshotMs = minute;
/** Clocks within the store may differ by this much, in milliseconds: so far back goes the look before each snapshot. */
const overlapMs = 2 * minute;
/** So far back goes every other look, in milliseconds: while one clock tells all times, changes are seen in their order. */
const nearMs = 5_000;
/** Recoveries are news for so long, in milliseconds: several looks at a batch. */
const recoveryMs = 10 * minute;
const maxRecoveries = 20;
/** Up to so many mailboxes are read page after page, within a second: side by side is faster, and costs more requests. */
const oneSlotUpTo = 10_000;
/** Pages of a whole batch read at once: each takes the process tens of milliseconds, in which it answers nobody. */
const pagesAtOnce = 4;
/** Mailboxes that a process keeps in parsed snapshots. */
const maxKept = 400_000;

interface Version {
  readonly version: string;
  readonly mailboxes: readonly MailboxSummary[];
}

const lruOfVersions = () =>
  new LRUCache<BatchName, Version>({
    maxSize: maxKept,
    sizeCalculation: ({ mailboxes }) => Math.min(maxKept, Math.max(1, mailboxes.length)),
  });

/** The mailboxes of a batch as they were at one moment. */
export interface BatchSnapshot {
  /** Milliseconds since 1970. */
  readonly asOf: number;
  readonly mailboxes: readonly MailboxSummary[];
}

/** Figures and lists of batches, none of which is read whole when somebody looks. */
export interface BatchStates {
  /**
   * Looks at a batch: reads what changed since the last time, and stores where it stands. Repeatable; of two at once one
   * stores.
   * @param whole true to read every mailbox, so that the figures are exact.
   * @returns where it stands, and its mailboxes.
   */
  refresh(batch: BatchRecord, whole?: boolean): Promise<BatchState & BatchSnapshot>;
  /** The figures to be shown: of a small batch at most five seconds old, of a large one as of the last look at it. */
  figures(batch: BatchRecord): Promise<Pick<BatchState, "asOf" | "totals" | "facets" | keyof Course>>;
  /** Where it stands for whoever acts on it: of a small batch as it is now, of a large one as of the last look at it. */
  standing(batch: BatchRecord): Promise<Standing>;
  /** Where a batch stood at the last look, for {@link snapshot}. */
  stored(name: BatchName): Promise<BatchState | undefined>;
  /**
   * The mailboxes to be shown: of a small batch as they are now, of a large one as of its last snapshot.
   * @param stored read beside the batch.
   */
  snapshot(batch: BatchRecord, stored?: BatchState): Promise<BatchSnapshot & { readonly facets: Facets }>;
  /** How many mailboxes a batch has, as far as that is known. */
  sizeOf(name: BatchName): Promise<number | undefined>;
  /** The recoveries of all batches. */
  recoveries(): Promise<readonly Recovery[]>;
  /** Repeatable. */
  forget(name: BatchName): Promise<void>;
}

export function createBatchStates(parts: {
  readonly states: BatchStateStore;
  readonly snapshots: SnapshotStore;
  readonly mailboxes: Pick<MailboxStore, "summaries" | "changes">;
  readonly endpoints: Endpoints;
  readonly clock: Clock;
  readonly log: Log;
}): BatchStates {
  const { states, snapshots, mailboxes, endpoints, clock, log } = parts;
  /** Snapshots as they are stored, and what became of their mailboxes until this process looked last. */
  const [kept, followed] = [lruOfVersions(), lruOfVersions()];
  const shown = new Map<
    BatchName,
    { readonly of: string; readonly until: () => number; readonly state: Promise<BatchState & BatchSnapshot> }
  >();

  async function readAll(name: BatchName, slots: number, since?: number): Promise<readonly MailboxSummary[]> {
    const concurrency = since === undefined ? pagesAtOnce : slots;
    const read = await pMap(slotsOf(slots), (slot) => mailboxes.summaries(name, slot, since), {
      concurrency,
    });
    return read.flat();
  }

  /**
   * Mailboxes with what became of them since.
   * @param isWide true to find those as well that were changed by a clock that is behind: by their times first, since most of
   * what was changed in the last minutes is known.
   */
  async function follow(
    name: BatchName,
    slots: number,
    known: readonly MailboxSummary[],
    isWide: boolean,
  ): Promise<readonly MailboxSummary[]> {
    const latest = latestChange(known);
    if (!isWide) return folding(known, await readAll(name, slots, latest - nearMs));
    const found = await pMap(slotsOf(slots), (slot) => mailboxes.changes(name, slot, latest - overlapMs), {
      concurrency: slots,
    });
    const times = new Map(known.map(({ id, changedAt }) => [id, changedAt]));
    const news = found.flat().filter(({ id, changedAt }) => times.get(id) !== changedAt);
    if (news.length === 0) return known;
    const since = news.reduce(
      (earliest, { changedAt }) => Math.min(earliest, changedAt),
      Number.POSITIVE_INFINITY,
    );
    return folding(known, await readAll(name, slots, since));
  }

  /** The snapshot, from memory if it is this version. */
  async function load(name: BatchName, version: string) {
    const known = kept.get(name);
    if (known?.version === version) return known;
    const read = await snapshots.read(name);
    if (read) kept.set(name, read);
    return read;
  }

  /** The same as far as this process has followed it. */
  async function loadFollowed(name: BatchName, version: string) {
    const stored = await load(name, version);
    const further = followed.get(name);
    return further && further.version === stored?.version ? further : stored;
  }

  async function refresh(batch: BatchRecord, whole = false): Promise<BatchState & BatchSnapshot> {
    const { name } = batch;
    const prior = await states.get(name);
    const asOf = clock();
    const size = Math.max(prior?.value.totals.counts.total ?? 0, batch.largestFile ?? 0);
    const isSmall = size <= smallBatch;
    const slots = size <= oneSlotUpTo ? 1 : slotCount;
    const old = prior?.value.snapshot;
    const isHourly = asOf - (prior?.value.rebuiltAt ?? 0) >= hour;
    const isDue = isHourly || old === undefined || asOf - old.at >= snapshotMs;
    const base = !isSmall && old ? await loadFollowed(name, old.version) : undefined;
    // Whoever reads the whole for exact figures has no use for what changed.
    const folded = base && !whole ? await follow(name, slots, base.mailboxes, isDue) : undefined;
    const rebuilds = folded === undefined || isHourly;
    let all = rebuilds ? await readAll(name, slots) : folded;
    if (rebuilds && base && folded) tellDifference(name, folded, all, latestChange(base.mailboxes));

    const pause = await endpointPause(endpoints, batch.endpoint, asOf);
    const figuresOf = () => foldState(batch, all, asOf, pause?.until);
    let figures = figuresOf();
    if (figures.atRest && !rebuilds && !isDue) {
      // Nobody looks again soon.
      all = await follow(name, slots, all, true);
      figures = figuresOf();
    }
    const rebuiltAt = rebuilds ? asOf : (prior?.value.rebuiltAt ?? asOf);
    const takes = all.length > smallBatch && (rebuilds || figures.atRest || isDue);
    const written = takes ? await snapshots.write(name, all, base?.version) : old?.version;
    if (takes && written !== undefined) kept.set(name, { version: written, mailboxes: all });
    const now = written ?? base?.version;
    if (!isSmall && now !== undefined) followed.set(name, { version: now, mailboxes: all });
    const snapshot = written === undefined ? old : { version: written, at: takes ? asOf : (old?.at ?? asOf) };
    const course = courseOf(prior?.value, figures.totals, asOf);
    const state: BatchState = {
      ...figures,
      ...course,
      rebuiltAt,
      ...(all.length > smallBatch ? { snapshot } : {}),
    };
    // Whoever was faster saw the same.
    await states.replace({ value: state, version: prior?.version ?? "" });
    return { ...state, mailboxes: all };
  }

  function tellDifference(
    name: BatchName,
    folded: readonly MailboxSummary[],
    read: readonly MailboxSummary[],
    knownUntil: number,
  ): void {
    const before = new Map(folded.map((mailbox) => [mailbox.id, mailbox.changedAt]));
    const there = new Set(read.map(({ id }) => id));
    const differing =
      read.filter(({ id, changedAt }) => changedAt <= knownUntil && before.get(id) !== changedAt).length +
      folded.filter(({ id }) => !there.has(id)).length;
    if (differing > 0) log("state.differed", { batch: name, mailboxes: differing });
  }

  /** Of a small batch, or one that nobody has looked at: read now, once for all who ask meanwhile. */
  function look(batch: BatchRecord): Promise<BatchState & BatchSnapshot> {
    const current = shown.get(batch.name);
    const { intent, lastOperation, operations } = batch;
    // What an operation has done is seen at once.
    const of = `${intent} ${lastOperation} ${operations.length}`;
    if (current?.of === of && clock() < current.until()) return current.state;
    let until = Number.POSITIVE_INFINITY;
    const state = refresh(batch).finally(() => {
      until = clock() + shownMs;
    });
    shown.set(batch.name, { of, until: () => until, state });
    state.catch(() => shown.delete(batch.name));
    return state;
  }

  async function stored(name: BatchName): Promise<BatchState | undefined> {
    return (await states.get(name))?.value;
  }

  async function known(batch: BatchRecord): Promise<BatchState | undefined> {
    return ofLarge(await stored(batch.name));
  }

  /** Where everything rests nothing has changed since. */
  function asOfNow({ atRest, asOf }: BatchState, batch: BatchRecord): number {
    return atRest && batch.operations.length === 0 ? Math.max(asOf, clock()) : asOf;
  }

  return {
    refresh,
    async figures(batch) {
      const state = await known(batch);
      return state ? { ...state, asOf: asOfNow(state, batch) } : look(batch);
    },
    async standing(batch) {
      const { totals } = (await known(batch)) ?? (await refresh(batch));
      return standingOf(batch, totals, clock());
    },
    stored,
    async snapshot(batch, before) {
      const state = before ? ofLarge(before) : await known(batch);
      const loaded = state?.snapshot && (await load(batch.name, state.snapshot.version));
      if (state === undefined && (batch.largestFile ?? 0) <= smallBatch) {
        const asOf = clock();
        const mailboxes = await readAll(batch.name, 1);
        return { asOf, mailboxes, facets: foldState(batch, mailboxes, asOf).facets };
      }
      if (state === undefined || loaded === undefined) return look(batch);
      const isLast = loaded.version === state.snapshot?.version;
      const asOf =
        isLast && state.snapshot?.at === state.asOf ? asOfNow(state, batch) : (state.snapshot?.at ?? 0);
      return { asOf, mailboxes: loaded.mailboxes, facets: state.facets };
    },
    async sizeOf(name) {
      return (await states.get(name))?.value.totals.counts.total;
    },
    async recoveries() {
      const now = clock();
      return (await states.list())
        .flatMap((state) => state.recoveries)
        .filter(({ at }) => now - at < recoveryMs);
    },
    async forget(name) {
      kept.delete(name);
      followed.delete(name);
      shown.delete(name);
      await snapshots.delete(name);
      await states.delete(name);
    },
  };
}

/** Of a small batch all is read whenever it is shown. */
function ofLarge(state: BatchState | undefined): BatchState | undefined {
  return state && state.totals.counts.total > smallBatch ? state : undefined;
}

function slotsOf(slots: number): readonly Slot[] {
  return Array.from({ length: slots }, (_, slot) => ({ slot, of: slots }));
}

/** Mailboxes with those that changed in their places. Pure. */
function folding(
  before: readonly MailboxSummary[],
  changed: readonly MailboxSummary[],
): readonly MailboxSummary[] {
  const byId = new Map(before.map((mailbox) => [mailbox.id, mailbox]));
  for (const mailbox of changed) byId.set(mailbox.id, mailbox);
  return byId.size === before.length
    ? [...byId.values()]
    : [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function latestChange(mailboxes: readonly MailboxSummary[]): number {
  let latest = 0;
  for (const { changedAt } of mailboxes) latest = Math.max(latest, changedAt);
  return latest;
}

/**
 * Where a batch stands by its mailboxes. Pure.
 * @param now milliseconds since 1970. @param opensAt when its endpoint may be read again, if not now.
 */
export function foldState(
  batch: BatchRecord,
  mailboxes: readonly MailboxSummary[],
  now: number,
  opensAt: number = now,
): Omit<BatchState, "rebuiltAt" | "snapshot" | keyof Course> {
  const totals: BatchTotals = totalsOf(mailboxes);
  const window = dailyWindow(batch, mailboxes.length);
  const hash = createHash("sha256");
  const status: Record<string, number> = {};
  const errorCode: Record<string, number> = {};
  const recoveries: Recovery[] = [];
  let nextAt = Number.POSITIVE_INFINITY;
  for (const mailbox of mailboxes) {
    hash.update(`${mailbox.id} ${mailbox.round} ${mailbox.status}${approvalsOf(mailbox)}\n`);
    status[mailbox.status] = (status[mailbox.status] ?? 0) + 1;
    const code = mailbox.error?.code;
    if (code !== undefined) errorCode[code] = (errorCode[code] ?? 0) + 1;
    if (mailbox.recovery && now - mailbox.recovery.at < recoveryMs) recoveries.push(mailbox.recovery);
    if (isAtWork(batch)) nextAt = Math.min(nextAt, nextLookAt(mailbox, window, now, opensAt) ?? nextAt);
  }
  const isBusy = batch.operations.length > 0 || isRemoving(batch);
  const startAt = awaitsStart(batch) ? (batch.options.startAfter ?? now) : Number.POSITIVE_INFINITY;
  const completesAt = completionAt(batch) ?? Number.POSITIVE_INFINITY;
  // What stands against it is mended by somebody, and then there is something to look at.
  const completes = completesAt > now || (totals.counts.failed === 0 && totals.lostItemCount === 0);
  const next = isBusy ? now : Math.min(nextAt, startAt, completes ? completesAt : Number.POSITIVE_INFINITY);
  return {
    batch: batch.name,
    asOf: now,
    totals,
    facets: { status, errorCode },
    atRest: !isBusy && !mailboxes.some(hasWork) && !Number.isFinite(nextAt),
    nextAt: Number.isFinite(next) ? next : undefined,
    digest: hash.digest("base64url"),
    recoveries: recoveries.sort((a, b) => b.at - a.at).slice(0, maxRecoveries),
  };
}

function approvalsOf({ approved = {} }: MailboxSummary): string {
  return Object.values(approved)
    .map(({ at }) => ` ${at}`)
    .join("");
}

/**
 * When the mailbox needs another look, milliseconds since 1970: `now` while it is at work, undefined if nothing is planned.
 * Pure.
 * @param opensAt when its endpoint may be read again, milliseconds since 1970.
 */
export function nextLookAt(
  mailbox: MailboxSummary,
  window: ReturnType<typeof dailyWindow>,
  now: number,
  opensAt: number = now,
): number | undefined {
  if (hasWork(mailbox)) return isQueued(mailbox) ? (mailbox.notBefore ?? opensAt) : now;
  return dueAt(mailbox, window);
}

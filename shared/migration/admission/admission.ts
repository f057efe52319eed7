import pMap from "p-map";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { BatchName, EndpointName, MailboxId } from "../../domain/names.ts";
import type { SyncKind } from "../../domain/states.ts";
import { isAtWork } from "../batch/life.ts";
import { type Endpoints, endpointPause } from "../endpoints/endpoint-settings.ts";
import { isWaiting } from "../mailbox/life.ts";
import { isPassing, persistently } from "../patience.ts";
import type { AdmissionStore, Gate, Permit, WaitEntry } from "../ports/admission-store.ts";
import type { BatchRecord, BatchStore, MailboxStore } from "../ports/registry.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import { type Clock, type Log, minute } from "../runtime.ts";
import {
  type Candidate,
  countShares,
  freePermits,
  grant,
  type Limits,
  maxGrants,
  turnsOf,
  withPermits,
} from "./grant.ts";
import { Turns } from "./turns.ts";

/** A permit lives this long without a heartbeat. */
export const permitMs = 10 * minute;
/** Clocks of two workers may differ by this much before a permit counts as expired. */
export const clockSkewMs = minute;
const kinds: readonly SyncKind[] = ["initial", "incremental"];
/** Rows that one transaction changes beside the gate. */
const maxChanges = 99;
/** Permits that one transaction takes back. */
const maxReleases = 30;
/** Rows read at once. */
const concurrency = 16;

export interface Admission {
  /** Why no mailbox of the endpoint can be worked on: its file is gone, or needs attention. */
  problemOf(endpoint: EndpointName): Promise<MigrationError | undefined>;
  /** When mailboxes of the endpoint are admitted again, milliseconds since 1970; undefined if its reading hours let them in now. */
  opensAt(endpoint: EndpointName): Promise<number | undefined>;
  /** Mailboxes join the endpoint's wait list. Whoever calls it calls `admit` as well. Repeatable. */
  join(endpoint: EndpointName, entries: readonly WaitEntry[]): Promise<void>;
  /**
   * Gives a permit back and hands it on in the same transaction. Repeatable.
   * @param round the last one the caller knows of: the permit of a later one belongs to somebody else.
   */
  release(endpoint: EndpointName, mailboxId: MailboxId, round: number): Promise<void>;
  /** Fills free permits from the wait list. Repeatable; whoever frees or wants a permit calls it. */
  admit(endpoint: EndpointName): Promise<void>;
  /** From then on a batch that was written as stopped or removed before gets no permit. Repeatable. */
  fence(endpoint: EndpointName): Promise<void>;
  /** The mailbox's permit, however old. */
  permit(endpoint: EndpointName, mailboxId: MailboxId): Promise<Permit | undefined>;
  /** How many permits a batch has. */
  permitsOf(endpoint: EndpointName, batch: BatchName): Promise<number>;
  /** Prolongs a permit by heartbeat. @returns false if the mailbox no longer has one. */
  extend(endpoint: EndpointName, mailboxId: MailboxId): Promise<boolean>;
  /** Counts the permits anew, and corrects the gate. @returns the permits. Repeatable. */
  recount(endpoint: EndpointName): Promise<readonly Permit[]>;
}

/** Who gets a permit, and who waits for nothing. */
interface Choice {
  readonly granted: readonly Candidate[];
  readonly dead: readonly WaitEntry[];
  /** True if there may be more to grant. */
  readonly more: boolean;
}

/** Who of those that wait can be let in. */
interface Waiting extends Pick<Choice, "granted" | "dead"> {
  /** True if there may be more on a list than was read of it. */
  readonly full: boolean;
}

/** A permit to be given back. */
interface Release {
  readonly mailboxId: MailboxId;
  readonly round: number;
}

/**
 * Decides how many mailboxes of an endpoint are worked on at once, and sends each one its own message when its turn comes.
 * Only batches that are at work are looked at, so that what a stopped one has left on the list holds up nobody.
 * A permit without its message (the process ended between the transaction and the send) is found by the janitor when it expires.
 */
export function createAdmission(parts: {
  readonly store: AdmissionStore;
  readonly batches: Pick<BatchStore, "list">;
  readonly mailboxes: Pick<MailboxStore, "get">;
  readonly endpoints: Endpoints;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the process is about to end. */
  readonly ending: AbortSignal;
}): Admission {
  const { store, batches, mailboxes, endpoints, queue, clock, log } = parts;
  /** Mailboxes with a permit whose message could not be sent yet. */
  const unsent = new Map<MailboxId, WaitEntry>();
  /** True while they are sent beside everything else. */
  let isSending = false;

  async function problemOf(endpoint: EndpointName): Promise<MigrationError | undefined> {
    try {
      await endpoints.get(endpoint);
      return undefined;
    } catch (error) {
      if (isMigrationError(error) && error.kind === "mailbox") return error;
      throw error;
    }
  }

  const opensAt = async (endpoint: EndpointName) =>
    (await endpointPause(endpoints, endpoint, clock()))?.until;

  /** Where the endpoint's file is gone, or it may not be read now, a permit can still be given back; then nobody else gets it. */
  async function limitsOf(endpoint: EndpointName): Promise<Limits> {
    if ((await problemOf(endpoint)) || (await opensAt(endpoint)) !== undefined)
      return { maxConcurrentMigrations: 0, maxConcurrentIncrementalSyncs: 0 };
    return endpoints.get(endpoint);
  }

  async function atWork(endpoint: EndpointName): Promise<readonly BatchRecord[]> {
    return (await batches.list()).filter((batch) => batch.endpoint === endpoint && isAtWork(batch));
  }

  async function recount(endpoint: EndpointName): Promise<readonly Permit[]> {
    const gate = await store.gate(endpoint);
    const permits = await store.permits(endpoint);
    const shares = countShares(permits, gate.shares);
    if (!gate.uncounted && sameCounts(shares, gate.shares)) return permits;
    if ((await store.apply(endpoint, gate.version, { shares })) && !gate.uncounted)
      log("admission.recounted", { endpoint, permits: permits.length });
    if (gate.uncounted) await store.forgetEarlierFormat(endpoint);
    return permits;
  }

  /**
   * An entry is dead if its mailbox is gone, waits no longer, or waits in a later round.
   * @param looks false to take it that the mailbox has no permit: the store refuses to add a second one.
   */
  async function stateOf(
    endpoint: EndpointName,
    entry: WaitEntry,
    looks: boolean,
  ): Promise<"dead" | "tooEarly" | { readonly held: Permit | undefined }> {
    const [stored, held] = await Promise.all([
      mailboxes.get(entry.batch, entry.mailboxId),
      looks ? store.permit(endpoint, entry.mailboxId) : undefined,
    ]);
    if (stored === undefined || stored.value.round > entry.round) return "dead";
    // Who joins does so before the mailbox is changed, so that none is changed and does not wait.
    if (stored.value.round < entry.round) return "tooEarly";
    return isWaiting(stored.value) ? { held } : "dead";
  }

  async function choose({
    endpoint,
    shares,
    limits,
    kind,
    running,
    leaving,
    looks,
  }: {
    readonly endpoint: EndpointName;
    readonly shares: Gate["shares"];
    readonly limits: Limits;
    readonly kind: SyncKind;
    readonly running: readonly BatchRecord[];
    readonly leaving: readonly Permit[];
    /** Whether those who wait may have a permit of an earlier round: that is rare. */
    readonly looks: boolean;
  }): Promise<Choice> {
    const free = freePermits(shares, limits, kind);
    if (free <= 0) return { granted: [], dead: [], more: false };
    const limit = Math.min(free, maxGrants);
    const given = new Set(leaving.map(({ mailboxId }) => mailboxId));
    const room = maxChanges - leaving.length;

    /** @param counts how many are wanted of each batch; more are read where all of these are dead, or come too early. */
    async function waitingIn(counts: ReadonlyMap<BatchName, number>): Promise<Waiting> {
      const dead: WaitEntry[] = [];
      let full = false;
      const lists = await pMap(
        running.filter(({ name }) => counts.has(name)),
        async ({ name, admitsFrom }) => {
          for (let wanted = counts.get(name) ?? limit; ; wanted *= 4) {
            const entries = await store.waiting(endpoint, kind, name, admitsFrom, wanted);
            const states = await pMap(entries, (entry) => stateOf(endpoint, entry, looks), { concurrency });
            const seen = new Set<MailboxId>();
            const gone: WaitEntry[] = [];
            const candidates: Candidate[] = [];
            for (const [index, entry] of entries.entries()) {
              const state = states[index];
              // One that joined twice is served once.
              if (state === "dead" || seen.has(entry.mailboxId)) gone.push(entry);
              else if (state !== undefined && state !== "tooEarly") {
                seen.add(entry.mailboxId);
                candidates.push({ entry, held: given.has(entry.mailboxId) ? undefined : state.held });
              }
            }
            // Whoever is behind those that are dead, or come too early, need not wait for them.
            if (candidates.length === 0 && entries.length === wanted && gone.length < room) continue;
            full ||= entries.length === wanted;
            dead.push(...gone);
            return [name, candidates] as const;
          }
        },
        { concurrency },
      );
      return { granted: grant(kind, shares, limits, new Map(lists)), dead, full };
    }

    const names = running.map(({ name }) => name);
    let found = await waitingIn(turnsOf(kind, shares, limits, names));
    // In a batch whose turn it is too few may wait, or nobody: then all are asked.
    if (found.granted.length < limit && names.length > 1)
      found = await waitingIn(new Map(names.map((name) => [name, limit])));
    const { granted, dead, full } = found;
    // Who takes over a permit of their own takes none of the free ones.
    const tookOver = granted.some(({ held }) => held !== undefined);
    return {
      granted,
      dead: dead.slice(0, room - 2 * granted.length),
      more: dead.length > 0 || (full && (tookOver || granted.length === maxGrants)),
    };
  }

  /** @param asks undefined to fill what is free, or permits to be given back first. */
  async function admit(endpoint: EndpointName, asks: readonly (Release | undefined)[]): Promise<void> {
    const limits = await limitsOf(endpoint);
    let ending = asks.filter((ask) => ask !== undefined);
    const open = new Set(ending.length < asks.length ? kinds : []);
    for (let lostRaces = 0; lostRaces < 50; ) {
      const some = ending.slice(0, maxReleases);
      // Before the batches: one that is stopped after they were read changes the gate.
      const gate = await store.gate(endpoint);
      const [found, running] = await Promise.all([
        pMap(some, ({ mailboxId }) => store.permit(endpoint, mailboxId), { concurrency }),
        atWork(endpoint),
      ]);
      if (gate.uncounted) {
        await recount(endpoint);
        continue;
      }
      const held = new Map(found.flatMap((permit) => (permit ? [[permit.mailboxId, permit]] : [])));
      const leaving = new Set<Permit>();
      for (const { mailboxId, round } of some) {
        const permit = held.get(mailboxId);
        if (permit !== undefined && permit.round <= round) leaving.add(permit);
      }
      let shares = gate.shares;
      for (const permit of leaving) {
        shares = withPermits(shares, permit, -1);
        // Whoever wanted one of the other kind has asked for it already.
        open.add(permit.kind);
      }
      const looked = new Map<SyncKind, Choice>();
      for (const kind of open) {
        const choice = await choose({
          endpoint,
          shares,
          limits,
          kind,
          running,
          leaving: [...leaving],
          looks: lostRaces > 0,
        });
        looked.set(kind, choice);
        for (const { entry, held } of choice.granted) {
          if (held) shares = withPermits(shares, held, -1);
          shares = withPermits(shares, entry, 1, clock());
        }
        // A transaction holds those of one kind.
        if (choice.granted.length + choice.dead.length > 0) break;
      }
      const choices = [...looked.values()];
      const granted = choices.flatMap((choice) => choice.granted);
      const served = [...granted.map(({ entry }) => entry), ...choices.flatMap((choice) => choice.dead)];
      if (served.length + leaving.size > 0) {
        const names = new Set(running.map(({ name }) => name));
        const releasedPermits = [...leaving].map(({ mailboxId }) => mailboxId);
        const permitsOf = (candidates: readonly Candidate[]) =>
          candidates.map(({ entry }) => permitFor(entry, clock() + permitMs));
        // The mailbox whose permit ends may be the next one.
        const holdsOne = ({ entry, held }: Candidate) =>
          held !== undefined || releasedPermits.includes(entry.mailboxId);
        const changed = await store.apply(endpoint, gate.version, {
          shares: withoutIdle(shares, names),
          permits: permitsOf(granted.filter(holdsOne)),
          newPermits: permitsOf(granted.filter((candidate) => !holdsOne(candidate))),
          served,
          releasedPermits,
        });
        if (!changed) {
          lostRaces++;
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * lostRaces));
          continue;
        }
      }
      await sendTo(granted.map(({ entry }) => entry));
      ending = ending.slice(maxReleases);
      for (const [kind, { more }] of looked) if (!more) open.delete(kind);
      if (ending.length === 0 && open.size === 0) return;
    }
    throw new MigrationError("transient", "AdmissionContended", "Too many workers admit mailboxes at once.");
  }

  const turns = new Map<EndpointName, Turns<Release | undefined>>();

  /** The gate of an endpoint takes one change after another: those of one process go together. */
  function inTurn(endpoint: EndpointName, ask: Release | undefined): Promise<void> {
    const known = turns.get(endpoint) ?? new Turns((asks) => admit(endpoint, asks));
    turns.set(endpoint, known);
    return known.ask(ask);
  }

  /** Sends each mailbox its message. Where the queue is away that goes on by itself: their permits would last for minutes. */
  async function sendTo(entries: readonly WaitEntry[]): Promise<void> {
    for (const entry of entries) unsent.set(entry.mailboxId, entry);
    try {
      await sendAll();
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (isSending) return;
      isSending = true;
      void persistently(sendAll, parts.ending).then(() => {
        isSending = false;
      });
    }
  }

  async function sendAll(): Promise<void> {
    for (const [id, entry] of unsent) {
      unsent.delete(id);
      const { batch, mailboxId, round, kind } = entry;
      try {
        await queue.sendFolderSync({ batch, mailboxId, round, step: 0 });
      } catch (error) {
        // Meanwhile it may have got a permit for a later round.
        if (!unsent.has(id)) unsent.set(id, entry);
        throw error;
      }
      log("mailbox.admitted", { batch, mailbox: mailboxId, kind, round });
    }
  }

  return {
    problemOf,
    opensAt,
    recount,
    join: (endpoint, entries) => store.join(endpoint, entries),
    release: (endpoint, mailboxId, round) => inTurn(endpoint, { mailboxId, round }),
    admit: (endpoint) => inTurn(endpoint, undefined),
    fence: (endpoint) => store.fence(endpoint),
    permit: (endpoint, mailboxId) => store.permit(endpoint, mailboxId),
    async permitsOf(endpoint, batch) {
      const gate = await store.gate(endpoint);
      if (gate.uncounted) return (await recount(endpoint)).filter((permit) => permit.batch === batch).length;
      const share = gate.shares[batch];
      return share === undefined ? 0 : share.initial + share.incremental;
    },
    extend: (endpoint, mailboxId) => store.extend(endpoint, mailboxId, clock() + permitMs),
  };
}

function permitFor({ mailboxId, batch, kind, round }: WaitEntry, until: number): Permit {
  return { mailboxId, batch, kind, round, until };
}

function sameCounts(a: Gate["shares"], b: Gate["shares"]): boolean {
  const counted = (shares: Gate["shares"]) =>
    Object.entries(shares)
      .map(([batch, { initial, incremental }]) => `${batch} ${initial} ${incremental}`)
      .filter((text) => !text.endsWith(" 0 0"))
      .sort()
      .join();
  return counted(a) === counted(b);
}

/** Without batches that have no permit and are not at work. */
function withoutIdle(shares: Gate["shares"], running: ReadonlySet<string>): Gate["shares"] {
  const kept = Object.entries(shares).filter(
    ([batch, { initial, incremental }]) => initial + incremental > 0 || running.has(batch),
  );
  return Object.fromEntries(kept) as Gate["shares"];
}

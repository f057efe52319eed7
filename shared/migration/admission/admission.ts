import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { EndpointName, MailboxId } from "../../domain/names.ts";
import type { Endpoints } from "../endpoints/endpoint-settings.ts";
import type { AdmissionStore, Permit, WaitEntry } from "../ports/admission-store.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import { type Clock, type Log, minute } from "../runtime.ts";
import { grant, type Limits } from "./grant.ts";

/** A permit lives this long without a heartbeat. */
export const permitMs = 10 * minute;
/** Clocks of two workers may differ by this much before a permit counts as expired. */
export const clockSkewMs = minute;

export interface Admission {
  /** Joins the endpoint's wait list and admits whoever can be admitted. Repeatable. */
  request(endpoint: EndpointName, entry: WaitEntry): Promise<void>;
  /**
   * Gives a permit back and hands it on in the same transaction. Repeatable.
   * @param round the last one the caller knows of: the permit of a later one belongs to somebody else.
   */
  release(endpoint: EndpointName, mailboxId: MailboxId, round: number): Promise<void>;
  /** Fills free permits from the wait list. Repeatable; whoever frees or wants a permit calls it. */
  admit(endpoint: EndpointName): Promise<void>;
  /** The mailbox's permit, however old. */
  permit(endpoint: EndpointName, mailboxId: MailboxId): Promise<Permit | undefined>;
  /** Prolongs a permit by heartbeat. @returns false if the mailbox no longer has one. */
  extend(endpoint: EndpointName, mailboxId: MailboxId): Promise<boolean>;
}

/**
 * Decides how many mailboxes of an endpoint are worked on at once.
 * A permit without its message (crash between the transaction and the send) is found by the janitor when it expires.
 */
export function createAdmission(parts: {
  readonly store: AdmissionStore;
  readonly endpoints: Endpoints;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly log: Log;
}): Admission {
  const { store, endpoints, queue, clock, log } = parts;

  /** Where the endpoint's file is gone a permit can still be given back; then nobody else gets it. */
  async function limitsOf(endpoint: EndpointName, releases: boolean): Promise<Limits> {
    try {
      return await endpoints.get(endpoint);
    } catch (error) {
      if (!releases || !isMigrationError(error) || error.kind !== "mailbox") throw error;
      return { maxConcurrentMigrations: 0, maxConcurrentIncrementalSyncs: 0 };
    }
  }

  async function admit(
    endpoint: EndpointName,
    released?: Pick<Permit, "mailboxId" | "round">,
  ): Promise<void> {
    const limits = await limitsOf(endpoint, released !== undefined);
    const isReleased = ({ mailboxId, round }: Permit) =>
      mailboxId === released?.mailboxId && round <= released.round;
    for (let lostRaces = 0; lostRaces < 50; ) {
      const state = await store.read(
        endpoint,
        limits.maxConcurrentMigrations + limits.maxConcurrentIncrementalSyncs,
      );
      const leaving = state.permits.find(isReleased)?.mailboxId;
      const granted = grant(state, limits, clock() + permitMs, leaving);
      if (granted.length === 0 && leaving === undefined) return;
      const changed = await store.apply(endpoint, state.version, {
        permits: granted,
        served: granted.map((permit) => permit.mailboxId),
        ...(leaving === undefined ? {} : { releasedPermits: [leaving] }),
      });
      if (!changed) {
        lostRaces++;
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * lostRaces));
        continue;
      }
      for (const { batch, mailboxId, round, kind } of granted) {
        await queue.sendFolderSync({ batch, mailboxId, round, step: 0 });
        log("mailbox.admitted", { batch, mailbox: mailboxId, kind, round });
      }
    }
    throw new MigrationError("transient", "AdmissionContended", "Too many workers admit mailboxes at once.");
  }

  return {
    async request(endpoint, entry) {
      await store.join(endpoint, entry);
      await admit(endpoint);
    },
    async release(endpoint, mailboxId, round) {
      const { permit } = await store.find(endpoint, mailboxId);
      if (permit) await admit(endpoint, { mailboxId, round });
    },
    admit: (endpoint) => admit(endpoint),
    async permit(endpoint, mailboxId) {
      return (await store.find(endpoint, mailboxId)).permit;
    },
    extend: (endpoint, mailboxId) => store.extend(endpoint, mailboxId, clock() + permitMs),
  };
}

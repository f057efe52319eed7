import { isSameServer, sourceServer } from "../../domain/credentials.ts";
import type { Endpoints } from "../endpoints/endpoint-settings.ts";
import type { MailboxRecord } from "../ports/registry.ts";
import type { SourceConnector, SourceMailbox } from "../ports/source.ts";
import type { TargetConnector, TargetMailbox } from "../ports/target.ts";
import type { Vault } from "../ports/vault.ts";
import type { Clock } from "../runtime.ts";
import { minute } from "../runtime.ts";
import type { UnfinishedPlan } from "./run.ts";
import { ownerOf, serverChanged } from "./source-server.ts";

/** Connections without a step for this long are closed. */
const idleMs = 30_000;
/** Through a longer pause no session is kept, in milliseconds: the source could use its connections for others. */
export const longestKeptMs = minute;
/** Steps of one mailbox go on in the same process for so long: the host renews its lock for a limited time only. */
export const holdMs = 4 * minute;

/** For how long a mailbox has been with this process. */
export interface Hold {
  /** True if it has been here so long that it has to be let go. */
  tooLong(): boolean;
}

export interface MailboxSession {
  readonly source: SourceMailbox;
  readonly target: TargetMailbox;
  readonly unfinished: UnfinishedPlan;
}

interface Kept {
  readonly session: MailboxSession;
  readonly epoch: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Logged-in sessions between two steps of the same mailbox. A step takes its session out, so that no two ever share
 * one, and gives it back if it is still good.
 */
export class SessionPool {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  readonly #held = new Map<string, { readonly since: number; readonly last: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * The session kept for a mailbox, if it is still good and nobody else has held the ledger's lease since: another batch
   * over the same mailboxes plans by its own options.
   * @param epoch of the lease under which the session is going to be used.
   */
  take(key: string, epoch: number): MailboxSession | undefined {
    const kept = this.#kept.get(key);
    if (kept === undefined) return undefined;
    clearTimeout(kept.timer);
    this.#kept.delete(key);
    const { source, target } = kept.session;
    if (source.usable && target.usable && epoch === kept.epoch + 1) return kept.session;
    void closeSession(kept.session);
    return undefined;
  }

  /**
   * @param epoch of the lease under which the session was used.
   * @param pauseMs milliseconds until the next step, {@link longestKeptMs} at most.
   */
  give(key: string, session: MailboxSession, epoch: number, pauseMs: number): void {
    void this.discard(key);
    const timer = setTimeout(() => void this.discard(key), pauseMs + idleMs);
    timer.unref();
    this.#kept.set(key, { session, epoch, timer });
  }

  async discard(key: string): Promise<void> {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    clearTimeout(kept.timer);
    this.#kept.delete(key);
    await closeSession(kept.session);
  }

  /** Notes that a message of this mailbox was delivered here. */
  hold(key: string): Hold {
    const now = this.#clock();
    for (const [other, { last }] of this.#held) if (now - last > idleMs * 2) this.#held.delete(other);
    const since = this.#held.get(key)?.since ?? now;
    this.#held.set(key, { since, last: now });
    return {
      tooLong: () => {
        const ended = this.#clock();
        const tooLong = ended - since > holdMs;
        if (tooLong) this.#held.delete(key);
        else this.#held.set(key, { since, last: ended });
        return tooLong;
      },
    };
  }
}

export interface SourceParts {
  readonly endpoints: Endpoints;
  readonly vault: Vault;
  readonly source: SourceConnector;
}

/**
 * Logs in at the source with the mailbox's own credentials.
 * @throws MigrationError, `EndpointHostChanged` if they are for another server than the endpoint's.
 */
export async function openSource(parts: SourceParts, mailbox: MailboxRecord): Promise<SourceMailbox> {
  const endpoint = await parts.endpoints.get(mailbox.endpoint);
  const server = sourceServer(endpoint);
  if (!isSameServer(mailbox.sealedFor, server)) throw serverChanged();
  return parts.source.open({
    endpoint,
    userName: mailbox.userName,
    password: await parts.vault.open(ownerOf(mailbox, server), mailbox.sealedPassword),
    userRoot: mailbox.userRoot,
  });
}

/**
 * Logs in at the source, and opens the target of a mailbox whose target is known.
 * @throws MigrationError as {@link openSource}, and what the target cannot be opened for.
 */
export async function openSession(
  parts: SourceParts & { readonly target: Pick<TargetConnector, "open"> },
  mailbox: MailboxRecord,
): Promise<MailboxSession> {
  const { targetId, emailAddress } = mailbox;
  const [source, target] = await Promise.allSettled([
    openSource(parts, mailbox),
    parts.target.open({ id: targetId as string, emailAddress }),
  ]);
  if (source.status === "fulfilled" && target.status === "fulfilled")
    return { source: source.value, target: target.value, unfinished: {} };
  for (const opened of [source, target]) if (opened.status === "fulfilled") await opened.value.close();
  throw source.status === "rejected" ? source.reason : (target as PromiseRejectedResult).reason;
}

/** Closes both sides; never throws. */
export async function closeSession(session: Pick<MailboxSession, "source" | "target">): Promise<void> {
  await Promise.allSettled([session.source.close(), session.target.close()]);
}

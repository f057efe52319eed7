import { isMigrationError } from "../../domain/errors.ts";
import type { BatchName } from "../../domain/names.ts";
import { type SweepMessage, tickMs } from "../../domain/queue-messages.ts";
import type { SweepRecord } from "../ports/sweep-record.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import { type Clock, type Log, minute } from "../runtime.ts";

/** At rest the timer comes so often; what is due sooner gets a message. */
const restIntervalMs = 5 * minute;
/** A message handed out twice, or one beside the timer, sweeps once. */
const doubleMs = 30_000;
/** The timer has missed its time. */
const overdueMs = restIntervalMs + doubleMs;
/** How often a process looks whether it has. */
const lookIntervalMs = minute;

/**
 * When the janitor sweeps. At rest a timer is enough. While anything is at work or due, each sweep sends the message that
 * brings the next one: message ids name the minute, so that however many begin a chain, one lives.
 */
export interface Sweeps {
  /** The timer: sweeps, whatever there is. @throws what is no MigrationError. */
  onTimer(): Promise<void>;
  /** A message of the chain: sweeps unless another did so just now, and goes on with the chain. @throws as `onTimer`. */
  onMessage(message: SweepMessage): Promise<void>;
  /**
   * Every other trigger, after its work: sweeps if the timer has missed its time, as timers that stopped for good do. Asks
   * the store once a minute at most. Never throws: what failed is an event.
   */
  ifOverdue(): Promise<void>;
  /** As `ifOverdue`, for a trigger somebody waits for: has a sweep begin by a message. */
  wakeIfOverdue(): Promise<void>;
}

/** Wakes the janitor in the next minute, where its chain ends or something new begins. Repeatable. @throws MigrationError */
export function wakeJanitor(queue: WorkQueue, now: number): Promise<void> {
  return queue.sendSweep({ minute: minuteAfter(now) });
}

/** Has a batch looked at soon, and the janitor come as long as it is at work. Repeatable. @throws MigrationError */
export async function wakeTending(queue: WorkQueue, batch: BatchName, now: number): Promise<void> {
  const tick = Math.floor(now / tickMs) + 1;
  await queue.sendOperations([{ kind: "tend", batch, tick }], tick * tickMs);
  await wakeJanitor(queue, now);
}

/**
 * @param sweep does the janitor's work; returns when the next sweep is due, milliseconds since 1970, or undefined at rest.
 */
export function createSweeps(parts: {
  readonly sweep: () => Promise<number | undefined>;
  readonly record: SweepRecord;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly log: Log;
}): Sweeps {
  const { sweep, record, queue, clock, log } = parts;
  let lookedAt = Number.NEGATIVE_INFINITY;

  /** @param after the next message is for a later minute than this one, though this process's clock may be slow. */
  async function run(minAgeMs: number, after = 0): Promise<void> {
    const dueAt = await attempt("sweep", async () => ((await record.begin(minAgeMs)) ? sweep() : clock()));
    const now = clock();
    if (dueAt === undefined || dueAt > now + restIntervalMs) return;
    const next = Math.max(minuteAfter(now), Math.ceil(dueAt / minute), after + 1);
    await attempt("message", () => queue.sendSweep({ minute: next }));
  }

  /** After a failure the next minute is due: the chain outlives an outage. @throws what is no MigrationError. */
  async function attempt<T>(duty: string, work: () => Promise<T>): Promise<T | number> {
    try {
      return await work();
    } catch (error) {
      if (!isMigrationError(error)) throw error;
      log("janitor.failed", { duty, code: error.code });
      return clock();
    }
  }

  async function whenOverdue(work: () => Promise<void>): Promise<void> {
    const now = clock();
    if (now - lookedAt < lookIntervalMs) return;
    lookedAt = now;
    try {
      if (((await record.age()) ?? Number.POSITIVE_INFINITY) > overdueMs) await work();
    } catch (error) {
      log("janitor.failed", {
        duty: "overdue",
        code: isMigrationError(error) ? error.code : "InternalError",
      });
    }
  }

  return {
    onTimer: () => run(0),
    onMessage: (message) => run(doubleMs, message.minute),
    ifOverdue: () => whenOverdue(() => run(overdueMs)),
    wakeIfOverdue: () => whenOverdue(() => wakeJanitor(queue, clock())),
  };
}

function minuteAfter(now: number): number {
  return Math.floor(now / minute) + 1;
}

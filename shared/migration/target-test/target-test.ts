import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { type TargetTest, type TargetTestRequest, targetTestSchema } from "../../domain/api/target-test.ts";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { Lease, Leases } from "../ports/leases.ts";
import type { TargetCheck } from "../ports/target-check.ts";
import type { TargetTestRecords } from "../ports/target-test-records.ts";
import type { TargetTestQueue } from "../ports/work-queue.ts";
import type { Clock, Log } from "../runtime.ts";

export interface TargetTests {
  /** Has a test begin. @throws MigrationError if it cannot be stored or sent. */
  start(request: TargetTestRequest): Promise<TargetTest>;
  /**
   * Also has a test go on that has said nothing for minutes: with its process its message may be gone.
   * @returns undefined if there is no such test.
   */
  get(id: string): Promise<TargetTest | undefined>;
  /**
   * Does a test, at its message. One that a process left in the middle is done again from its beginning; one that has ended
   * is left as it is. @throws MigrationError `transient` while another test of the mailbox goes on.
   */
  run(id: string): Promise<void>;
}

/** A lease ends by itself within a minute, and is renewed well before. */
const renewMs = 20_000;
/** How long the lease of a process that died is waited for. */
const leasePatienceMs = 90_000;
const askAgainMs = 3_000;
/** A test that says nothing for so long is sent again: longer than its lease lasts. */
const wakeMs = 2 * 60_000;
/** A test that says nothing for so long is not at work any more: longer than the slowest step. */
const silentMs = 15 * 60_000;

export function createTargetTests(parts: {
  readonly check: TargetCheck;
  readonly records: TargetTestRecords;
  readonly leases: Leases;
  readonly queue: TargetTestQueue;
  readonly clock: Clock;
  readonly log: Log;
}): TargetTests {
  const { check, records, leases, queue, clock, log } = parts;
  const now = () => new Date(clock()).toISOString();
  const store = (test: TargetTest) => records.write(test.id, JSON.stringify({ ...test, touchedAt: now() }));

  async function read(id: string): Promise<(TargetTest & { readonly touchedAt: string }) | undefined> {
    const text = await records.read(id);
    return text === undefined
      ? undefined
      : targetTestSchema.extend({ touchedAt: z.string() }).parse(JSON.parse(text));
  }

  async function leaseOf(mailbox: string): Promise<Lease> {
    const until = performance.now() + leasePatienceMs;
    for (;;) {
      const lease = await leases.acquire(`target test of ${mailbox.toLowerCase()}`);
      if (lease !== undefined) return lease;
      if (performance.now() > until)
        throw new MigrationError(
          "transient",
          "TargetTestRunning",
          "Another test of this mailbox goes on; it is waited for.",
        );
      await sleep(askAgainMs);
    }
  }

  async function perform(begun: TargetTest, lease: Lease): Promise<void> {
    let test: TargetTest = { ...begun, status: "Running", startedAt: now(), steps: [] };
    let lost: unknown;
    const renewing = setInterval(() => {
      lease.renew().catch((error: unknown) => {
        lost ??= error;
      });
    }, renewMs);
    try {
      await store(test);
      await check.check(test.request, async (step) => {
        if (lost !== undefined) throw lost;
        test = { ...test, steps: [...test.steps, step] };
        await store(test);
      });
      const passed = test.steps.every(({ outcome }) => outcome !== "failed");
      await store({ ...test, status: passed ? "Passed" : "Failed", endedAt: now() });
      log("preflight.ended", { steps: test.steps.length, passed });
    } finally {
      clearInterval(renewing);
    }
  }

  return {
    async start(request) {
      const test: TargetTest = {
        id: randomUUID(),
        status: "Waiting",
        request,
        createdAt: now(),
        startedAt: null,
        endedAt: null,
        steps: [],
      };
      await store(test);
      await queue.sendTargetTest({ targetTest: test.id });
      return test;
    },

    async get(id) {
      const found = await read(id);
      if (found === undefined) return undefined;
      const { touchedAt, ...test } = found;
      if (test.endedAt !== null) return test;
      const silence = clock() - Date.parse(touchedAt);
      if (silence > silentMs) return { ...test, status: "Interrupted" };
      if (silence > wakeMs)
        await queue.sendTargetTest({ targetTest: id, attempt: Math.floor(clock() / wakeMs) });
      return test;
    },

    async run(id) {
      const found = await read(id);
      if (found === undefined || found.endedAt !== null) return;
      const { touchedAt: _, ...test } = found;
      const lease = await leaseOf(test.request.mailbox);
      try {
        // Another delivery of the message may have done it meanwhile.
        if ((await read(id))?.endedAt !== null) return;
        await perform(test, lease);
      } catch (error) {
        log("preflight.failed", { code: isMigrationError(error) ? error.code : "InternalError" });
        throw error;
      } finally {
        await lease.release();
      }
    },
  };
}

import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { defaultTimeouts } from "../../shared/adapters/imap/connection.ts";
import { maxStepSeconds } from "../../shared/domain/times.ts";
import { shownMs } from "../../shared/migration/status/batch-states.ts";
import { leaseMs } from "../../shared/migration/sync/lease-holder.ts";
import { streamedSize } from "../../shared/migration/sync/limits.ts";
import { progressMs } from "../../shared/migration/sync/progress.ts";
import { holdMs } from "../../shared/migration/sync/sessions.ts";
import { writeTimeoutMs } from "../../shared/migration/sync/write-chunk.ts";
import { parseHostConfig } from "../stack/functions-host/host-config.ts";

const minute = 60_000;
const megabyte = 1024 * 1024;
/** What a step may take from its start. */
const stepMs = 5 * minute;

it("the times of a step, of a lock and of the host fit into one another", async () => {
  const { functionTimeout, extensions } = parseHostConfig(await readFile("host.json", "utf8"));
  const renewalMs = extensions.serviceBus.maxAutoLockRenewalDuration;
  const { commandMs, transferMs, loginMs } = defaultTimeouts;
  expect(renewalMs).toBe(10 * minute);
  expect(functionTimeout).toBe(30 * minute);
  // A step that begins at the end of the hold still ends under the lock of its session.
  expect(holdMs + stepMs).toBeLessThanOrEqual(renewalMs);
  // The clock is looked at between two commands: the last one may begin when the time is over.
  for (const ms of [commandMs, transferMs, loginMs]) expect(ms).toBeLessThanOrEqual(4 * minute);
  expect(maxStepSeconds * 1000 + Math.max(commandMs, transferMs)).toBeLessThanOrEqual(stepMs);
  // So does the write of what a tenant takes that was not set to take more; the largest one fits under a new lock.
  expect(maxStepSeconds * 1000 + writeTimeoutMs(35 * 1.4 * megabyte)).toBeLessThanOrEqual(stepMs);
  expect(maxStepSeconds * 1000 + writeTimeoutMs(150 * 1.4 * megabyte)).toBeLessThan(renewalMs);
  expect(writeTimeoutMs(streamedSize)).toBeLessThan(leaseMs);
  // What a worker does of one message ends before the host ends the worker for it.
  expect(2 * renewalMs).toBeLessThan(functionTimeout);
});

it("a mailbox that is through gives its place in the host to another one within a tenth of a second", async () => {
  const { extensions } = parseHostConfig(await readFile("host.json", "utf8"));
  expect(extensions.serviceBus.sessionIdleTimeout).toBe(100);
});

it("a count that the API tells is at most five seconds late", () => {
  expect(progressMs + shownMs).toBeLessThan(5_000);
});

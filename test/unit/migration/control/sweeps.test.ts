import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MigrationError } from "../../../../shared/domain/errors.ts";
import { createSweeps, type Sweeps, wakeJanitor } from "../../../../shared/migration/control/sweeps.ts";
import { MemoryBlobs } from "../../../stack/memory/memory-blobs.ts";
import { MemoryQueues } from "../../../stack/memory/memory-queues.ts";

const minute = 60_000;
/** The beginning of a minute. */
const start = Date.UTC(2026, 0, 5, 9);
const minuteOf = (at: number): number => at / minute;
const outage = new MigrationError("transient", "StorageUnreachable", "Table Storage did not answer.");

let queues: MemoryQueues;
let blobs: MemoryBlobs;
let swept: number;
/** When the sweep finds that something is due, or what it throws. */
let found: number | undefined | Error;
let events: string[];

beforeEach(() => {
  vi.useFakeTimers({ now: start + 15_000, toFake: ["Date"] });
  queues = new MemoryQueues();
  blobs = new MemoryBlobs();
  swept = 0;
  found = undefined;
  events = [];
});
afterEach(() => vi.useRealTimers());

const atWork = (): void => {
  found = 0;
};
/** @param slowMs by how much the clock of the process is behind. */
function newProcess(slowMs = 0): Sweeps {
  return createSweeps({
    sweep: async () => {
      swept++;
      if (found instanceof Error) throw found;
      return found;
    },
    record: blobs.sweeps,
    queue: queues,
    clock: () => Date.now() - slowMs,
    log: (event, fields) => events.push(`${event} ${fields.duty} ${fields.code}`),
  });
}
/** Takes what waits out of the queue. */
function received(): readonly number[] {
  const minutes: number[] = [];
  for (let message = queues.janitor.lockNext(); message; message = queues.janitor.lockNext()) {
    minutes.push(message.content.minute);
    queues.janitor.complete(message.lock.token);
  }
  return minutes;
}
const pass = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

describe("the janitor's chain", () => {
  it("ends at rest", async () => {
    await newProcess().onTimer();
    expect([swept, queues.pending]).toEqual([1, 0]);
  });

  it("brings a sweep a minute while anything is at work, however many begin it", async () => {
    atWork();
    await newProcess().onTimer();
    await wakeJanitor(queues, Date.now());
    await newProcess().onTimer();
    expect(queues.pending).toBe(1);
    expect(received()).toEqual([]);
    for (const round of [1, 2, 3]) {
      vi.setSystemTime(start + round * minute);
      expect(received()).toEqual([minuteOf(start) + round]);
      await newProcess().onMessage({ minute: minuteOf(start) + round });
      await wakeJanitor(queues, Date.now());
      expect(queues.pending).toBe(1);
    }
    expect(swept).toBe(5);
  });

  it.each([
    ["in the minute after something is due", 2.5 * minute, 3],
    ["not before the timer, if nothing is due before it", 5.5 * minute, undefined],
  ])("goes on %s", async (_, later, expected) => {
    found = start + later;
    await newProcess().onTimer();
    vi.setSystemTime(start + 6 * minute);
    expect(received()).toEqual(expected === undefined ? [] : [minuteOf(start) + expected]);
  });

  it("does not sweep twice for a message that comes twice, and goes on", async () => {
    const message = { minute: minuteOf(start) };
    const sweeps = newProcess();
    await sweeps.onMessage(message);
    expect(queues.pending).toBe(0);
    pass(1_000);
    await newProcess().onMessage(message);
    expect([swept, queues.pending]).toEqual([1, 1]);
  });

  it("is not broken by a process whose clock is slow: its minute has been used", async () => {
    atWork();
    await wakeJanitor(queues, start - 2 * minute);
    expect(received()).toEqual([minuteOf(start) - 1]);
    await newProcess(3 * minute).onMessage({ minute: minuteOf(start) });
    pass(minute);
    expect(received()).toEqual([minuteOf(start) + 1]);
  });

  it("outlives an outage, and gives back a message that met an unknown fault", async () => {
    found = outage;
    await newProcess().onMessage({ minute: minuteOf(start) });
    expect(events).toEqual(["janitor.failed sweep StorageUnreachable"]);
    pass(minute);
    expect(received()).toEqual([minuteOf(start) + 1]);
    found = new TypeError("a bug");
    await expect(newProcess().onMessage({ minute: minuteOf(start) + 1 })).rejects.toThrow("a bug");
    found = undefined;
    await newProcess().onMessage({ minute: minuteOf(start) + 1 });
    pass(minute);
    expect(received()).toEqual([minuteOf(start) + 2]);
  });
});

describe("any other trigger", () => {
  it("leaves the sweeping to a timer that works", async () => {
    await newProcess().onTimer();
    pass(5 * minute);
    await newProcess().ifOverdue();
    await newProcess().wakeIfOverdue();
    expect([swept, queues.pending]).toEqual([1, 0]);
  });

  it("sweeps in the place of one that has stopped, one of many that come at once", async () => {
    await newProcess().onTimer();
    pass(6 * minute);
    await Promise.all([newProcess(), newProcess(), newProcess()].map((sweeps) => sweeps.ifOverdue()));
    expect(swept).toBe(2);
  });

  it("has a message sweep where somebody waits for its answer", async () => {
    await newProcess().wakeIfOverdue();
    expect([swept, queues.pending]).toEqual([0, 1]);
  });

  it("asks for the age once a minute, and never fails", async () => {
    const age = vi.spyOn(blobs.sweeps, "age").mockRejectedValue(outage);
    const sweeps = newProcess();
    await sweeps.ifOverdue();
    await sweeps.wakeIfOverdue();
    expect(age).toHaveBeenCalledTimes(1);
    pass(minute);
    age.mockRestore();
    found = new TypeError("a bug");
    await sweeps.ifOverdue();
    expect(events).toEqual([
      "janitor.failed overdue StorageUnreachable",
      "janitor.failed overdue InternalError",
    ]);
  });
});

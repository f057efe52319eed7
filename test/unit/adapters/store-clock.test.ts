import { describe, expect, it } from "vitest";
import { StoreClock } from "../../../shared/adapters/store-clock.ts";

const minute = 60_000;
const start = Date.UTC(2026, 0, 2, 3, 4, 5, 600);

/** A store whose clock is right, and a machine whose clock is `aheadMs` ahead of it. */
function machine(aheadMs: number) {
  let time = start;
  const clock = new StoreClock(() => time + aheadMs);
  return {
    clock,
    /** A request that takes `latencyMs`, half of it on the way there. */
    ask(latencyMs: number) {
      const sentAt = time + aheadMs;
      time += latencyMs / 2;
      const date = new Date(time).toUTCString();
      time += latencyMs / 2;
      clock.noteAnswer(date, sentAt);
    },
    get error() {
      return clock.now() - time;
    },
    pass: (ms: number) => {
      time += ms;
    },
  };
}

describe("the store's clock", () => {
  it.each([
    ["ten minutes ahead", 10 * minute],
    ["ten minutes behind", -10 * minute],
    ["hours ahead", 300 * minute],
  ])("is followed by a machine whose own is %s", (_, ahead) => {
    const one = machine(ahead);
    expect(one.error).toBe(ahead);
    for (const latency of [20, 400, 3_000, 50]) {
      one.ask(latency);
      expect(Math.abs(one.error)).toBeLessThanOrEqual(2_500);
    }
  });

  it("is not followed where the machine's own is right, however slow an answer is", () => {
    const one = machine(0);
    for (const latency of [1, 25, 900, 20_000, 5]) {
      one.ask(latency);
      expect(one.error).toBe(0);
      one.pass(333);
    }
  });

  it("is followed again after the machine's own was set right", () => {
    let ahead = 10 * minute;
    let time = start;
    const clock = new StoreClock(() => time + ahead);
    clock.noteAnswer(new Date(time).toUTCString(), time + ahead);
    ahead = 0;
    time += 1_000;
    clock.noteAnswer(new Date(time).toUTCString(), time + ahead);
    expect(Math.abs(clock.now() - time)).toBeLessThanOrEqual(2_500);
  });

  it("takes no notice of an answer without a date", () => {
    const one = machine(10 * minute);
    one.clock.noteAnswer(undefined, start);
    one.clock.noteAnswer("yesterday", start);
    expect(one.error).toBe(10 * minute);
  });
});

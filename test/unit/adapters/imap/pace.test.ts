import { describe, expect, test } from "vitest";
import { Pace, type Verdict } from "../../../../shared/adapters/imap/pace.ts";

const limits = { limitMs: 10_000, stallMs: 1_000, floorBytes: 100 };

/** The verdicts of a look every 100 ms, up to the first that is not good. */
function verdict(received: (now: number) => number, pace = new Pace(limits, 0, 0)): [Verdict, number] {
  for (let now = 100; now <= 20_000; now += 100) {
    const one = pace.judge(received(now), now);
    if (one !== "good") return [one, now];
  }
  return ["good", 20_000];
}

describe("the pace of an answer", () => {
  test("a silent server is given the time of a stall", () => {
    expect(verdict(() => 0)).toEqual(["silent", 1_000]);
  });

  test("a server that falls silent in the middle is found so within two such times", () => {
    expect(verdict((now) => Math.min(now, 150))).toEqual(["silent", 2_000]);
  });

  test("a byte now and then does not make it longer", () => {
    expect(verdict((now) => Math.floor(now / 100))).toEqual(["slow", 1_000]);
  });

  test("a server that keeps up has the time of the whole, and no more", () => {
    expect(verdict((now) => now)).toEqual(["late", 10_000]);
  });

  test("time in which the server is held back does not count", async () => {
    let now = 0;
    const pace = new Pace(limits, 0, 0);
    const slowTarget = async () => {
      now = 50_000;
    };
    await pace.held(slowTarget, () => now);
    expect(pace.judge(0, 50_900)).toBe("good");
    expect(pace.judge(0, 51_000)).toBe("silent");
  });
});

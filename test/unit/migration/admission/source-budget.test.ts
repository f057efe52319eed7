import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EndpointName } from "../../../../shared/domain/names.ts";
import { createSourceBudget } from "../../../../shared/migration/admission/source-budget.ts";
import {
  charged,
  debtAt,
  paidAt,
  reserved,
  type SourceRates,
} from "../../../../shared/migration/admission/source-debt.ts";
import type { SourceDebt } from "../../../../shared/migration/ports/source-debt-store.ts";
import { sampleEndpoint } from "./sample-endpoint.ts";

const always = Number.POSITIVE_INFINITY;
const rates: SourceRates = { maxBytesPerSecond: 10_000, maxMessagesPerSecond: 5 };

describe("the debt of an endpoint", () => {
  it("lets the first one read at once, and the next when the rates have made up for that", () => {
    const first = reserved(undefined, rates, { bytes: 20_000, messages: 1 }, 1_000, always);
    expect(first).toEqual({ at: 1_000, debt: { bytes: 20_000, messages: 1, asOf: 1_000 } });
    // Two seconds' worth of bytes were reserved, a fifth of messages.
    const second = reserved(first.debt, rates, { bytes: 10, messages: 10 }, 1_500, always);
    expect(second.at).toBe(3_000);
    const third = reserved(second.debt, rates, { bytes: 10, messages: 1 }, 1_500, always);
    expect(third.at).toBe(5_000);
  });

  it("has a message larger than any budget read as a whole, and everybody wait until it is made up for", () => {
    const { at, debt } = reserved(undefined, rates, { bytes: 150_000_000, messages: 1 }, 0, always);
    expect(at).toBe(0);
    expect(paidAt(debt, rates)).toBe(15_000_000);
    expect(reserved(debt, rates, { bytes: 1, messages: 1 }, 60_000, 120_000)).toEqual({
      at: 15_000_000,
      debt: debtAt(debt, rates, 60_000),
    });
  });

  it("makes up for no time twice, however far apart the clocks of two processes are", () => {
    let debt: SourceDebt | undefined;
    let last = 0;
    for (let n = 0; n < 100; n++) {
      const ahead = n % 2 === 0 ? 2_000 : 0;
      const next = reserved(debt, rates, { bytes: 10_000, messages: 0 }, 10 * n + ahead, always);
      debt = next.debt;
      last = next.at;
    }
    // A second each, all but the last one, from the clock that is ahead.
    expect(last).toBeGreaterThanOrEqual(99_000);
    expect(last).toBeLessThanOrEqual(99_000 + 2_000);
  });

  it("shrinks at once by the rates that an operator sets anew", () => {
    const { debt } = reserved(undefined, rates, { bytes: 150_000_000, messages: 1 }, 0, always);
    const more = charged(debt, rates, { bytes: 10_000, messages: 0 }, 500);
    expect(paidAt(more, rates)).toBe(15_001_000);
    expect(paidAt(more, { maxBytesPerSecond: 150_000_000 })).toBeLessThan(1_600);
    expect(paidAt(debtAt(more, {}, 500), {})).toBe(500);
  });

  it("keeps every stretch of time within the rates, but for what was reserved at once", () => {
    const wish = fc.record({ after: fc.nat(3_000), bytes: fc.nat(60_000), messages: fc.nat(8) });
    fc.assert(
      fc.property(fc.array(wish, { maxLength: 40 }), (wishes) => {
        let debt: SourceDebt | undefined;
        let now = 0;
        const reads: { at: number; bytes: number; messages: number }[] = [];
        for (const { after, bytes, messages } of wishes) {
          now += after;
          const next = reserved(debt, rates, { bytes, messages }, now, always);
          debt = next.debt;
          expect(next.at).toBeGreaterThanOrEqual(reads.at(-1)?.at ?? now);
          reads.push({ at: next.at, bytes, messages });
        }
        for (let from = 0; from < reads.length; from++) {
          let bytes = 0;
          let messages = 0;
          for (const read of reads.slice(from)) {
            const seconds = (read.at - (reads[from]?.at ?? 0)) / 1000;
            // Whatever was reserved before this read is made up for by the time it begins.
            expect(bytes).toBeLessThanOrEqual(10_000 * seconds + 1);
            expect(messages).toBeLessThanOrEqual(5 * seconds + 0.01);
            bytes += read.bytes;
            messages += read.messages;
          }
        }
      }),
    );
  });
});

describe("the budget of an endpoint", () => {
  const endpoint = "old" as EndpointName;
  const limits = { maxMessagesPerSecond: 1 };
  const one = { bytes: 100, messages: 1 };

  it("is one for any number of processes", async () => {
    const { stores, clock } = await sampleEndpoint(1);
    const processes = Array.from({ length: 4 }, () => createSourceBudget(stores.sourceDebts, clock));
    const asked = processes.flatMap((budget) =>
      Array.from({ length: 5 }, () => budget.reserve(endpoint, limits, one, always)),
    );
    const turns = (await Promise.all(asked)).sort((a, b) => a - b);
    expect(turns).toEqual(Array.from({ length: 20 }, (_, n) => n * 1_000));
  });

  it("asks the store once for all of a process that ask together", async () => {
    const { stores, clock } = await sampleEndpoint(1);
    let requests = 0;
    const budget = createSourceBudget(
      {
        get: (name) => {
          requests++;
          return stores.sourceDebts.get(name);
        },
        replace: (name, debt) => {
          requests++;
          return stores.sourceDebts.replace(name, debt);
        },
      },
      clock,
    );
    await Promise.all(Array.from({ length: 20 }, () => budget.reserve(endpoint, limits, one, always)));
    expect(requests).toBeLessThanOrEqual(4);
  });

  it("reserves nothing for who cannot wait so long, and another endpoint has one of its own", async () => {
    const { stores, clock } = await sampleEndpoint(1);
    const budget = createSourceBudget(stores.sourceDebts, clock);
    expect(await budget.reserve(endpoint, limits, { bytes: 0, messages: 90 }, 0)).toBe(0);
    expect(await budget.reserve(endpoint, limits, one, 60_000)).toBe(90_000);
    expect(await budget.reserve(endpoint, limits, one, always)).toBe(90_000);
    expect(await budget.reserve("other" as EndpointName, limits, one, 0)).toBe(0);
  });
});

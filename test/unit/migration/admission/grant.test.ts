import { describe, expect, it } from "vitest";
import type { BatchName, MailboxId } from "../../../../shared/domain/names.ts";
import {
  type Candidate,
  countShares,
  freePermits,
  grant,
  withPermits,
} from "../../../../shared/migration/admission/grant.ts";
import type { Gate, Permit, WaitEntry } from "../../../../shared/migration/ports/admission-store.ts";

const spring = "spring" as BatchName;
const autumn = "autumn" as BatchName;
const id = (n: number): MailboxId => n.toString(16).padStart(32, "0") as MailboxId;
const entry = (batch: BatchName, n: number): WaitEntry => ({
  mailboxId: id(n),
  batch,
  kind: "initial",
  round: 2,
  operation: 1,
  since: n,
});
const permit = (batch: BatchName, n: number, kind: Permit["kind"] = "initial"): Permit => ({
  mailboxId: id(n),
  batch,
  kind,
  round: 1,
  until: 100,
});
const limits = (most: number) => ({ maxConcurrentMigrations: most, maxConcurrentIncrementalSyncs: 1 });
const sharesOf = (counts: Readonly<Record<string, readonly [number, number]>>): Gate["shares"] =>
  Object.fromEntries(
    Object.entries(counts).map(([batch, [initial, servedAt]]) => [
      batch,
      { initial, incremental: 0, servedAt },
    ]),
  ) as Gate["shares"];
const list = (
  batch: BatchName,
  ...numbers: readonly number[]
): readonly [BatchName, readonly Candidate[]] => [batch, numbers.map((n) => ({ entry: entry(batch, n) }))];
const granted = (candidates: readonly Candidate[]) => candidates.map(({ entry: { since } }) => since);

describe("granting permits", () => {
  it("gives them to those that wait the longest, up to the limit", () => {
    expect(granted(grant("initial", {}, limits(2), new Map([list(spring, 1, 2, 3)])))).toEqual([1, 2]);
    const full = sharesOf({ spring: [2, 0] });
    expect(grant("initial", full, limits(2), new Map([list(spring, 1)]))).toEqual([]);
  });

  it("evens out what batches have at one endpoint, however long their lists are", () => {
    const candidates = new Map([list(spring, 1, 2, 3, 4, 5, 6), list(autumn, 11, 12)]);
    expect(granted(grant("initial", {}, limits(6), candidates))).toEqual([11, 1, 12, 2, 3, 4]);
    const uneven = sharesOf({ spring: [4, 9], autumn: [1, 9] });
    expect(granted(grant("initial", uneven, limits(7), candidates))).toEqual([11, 12]);
  });

  it("takes turns where one permit is free at a time", () => {
    const candidates = new Map([list(spring, 1, 2), list(autumn, 11, 12)]);
    const served = sharesOf({ spring: [0, 5], autumn: [0, 9] });
    expect(granted(grant("initial", served, limits(1), candidates))).toEqual([1]);
    const after = sharesOf({ spring: [0, 12], autumn: [0, 9] });
    expect(granted(grant("initial", after, limits(1), candidates))).toEqual([11]);
  });

  it("lets a mailbox take over the permit it still has, beyond those that are free", () => {
    const held = { entry: entry(spring, 1), held: permit(spring, 1) };
    const candidates = new Map([[spring, [held, { entry: entry(spring, 2) }]]] as const);
    expect(granted(grant("initial", sharesOf({ spring: [1, 0] }), limits(2), candidates))).toEqual([1, 2]);
  });

  it("changes no more rows than fit a transaction", () => {
    const many = list(spring, ...Array.from({ length: 200 }, (_, n) => n));
    expect(grant("initial", {}, limits(200), new Map([many]))).toHaveLength(30);
  });
});

it("counts what each batch has, and remembers when it was served", () => {
  const permits = [permit(spring, 1), permit(spring, 2), permit(autumn, 3, "incremental")];
  const shares = countShares(permits, sharesOf({ spring: [9, 7] }));
  expect(shares).toEqual({
    spring: { initial: 2, incremental: 0, servedAt: 7 },
    autumn: { initial: 0, incremental: 1, servedAt: 0 },
  });
  expect(freePermits(shares, limits(5), "initial")).toBe(3);
  expect(freePermits(shares, limits(5), "incremental")).toBe(0);
  const fewer = withPermits(shares, permit(spring, 1), -1);
  expect(fewer[spring]).toEqual({ initial: 1, incremental: 0, servedAt: 7 });
});

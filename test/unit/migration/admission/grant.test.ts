import { describe, expect, it } from "vitest";
import type { BatchName, MailboxId } from "../../../../shared/domain/names.ts";
import type { SyncKind } from "../../../../shared/domain/states.ts";
import { grant } from "../../../../shared/migration/admission/grant.ts";

const batch = "spring" as BatchName;
const id = (n: number): MailboxId => n.toString(16).padStart(32, "0") as MailboxId;
const permit = (n: number, kind: SyncKind = "initial") => ({
  mailboxId: id(n),
  batch,
  kind,
  round: 1,
  until: 100,
});
const waiting = (n: number, kind: SyncKind = "initial") => ({
  mailboxId: id(n),
  batch,
  kind,
  round: 2,
  since: n,
});
const limits = { maxConcurrentMigrations: 2, maxConcurrentIncrementalSyncs: 1 };

describe("granting permits", () => {
  it.each([
    ["up to each kind's limit, oldest first", [], [1, 2, 3], ["i4", "i5"], undefined, [1, 2, 4]],
    ["nothing when all are taken", [1, 2], [3], [], undefined, []],
    ["the place of a mailbox that ends", [1, 2], [3, 4], [], 1, [3]],
    ["a mailbox that still holds one its own again, even above the limit", [1, 2], [2], [], undefined, [2]],
  ] as const)("gives %s", (_, held, initial, incremental, released, expected) => {
    const state = {
      permits: held.map((n) => permit(n)),
      waiting: [
        ...initial.map((n) => waiting(n)),
        ...incremental.map((text) => waiting(Number(text.slice(1)), "incremental")),
      ],
      version: "1",
    };
    const granted = grant(state, limits, 500, released === undefined ? undefined : id(released));
    expect(granted.map(({ mailboxId }) => mailboxId)).toEqual(expected.map((n) => id(n)));
    for (const one of granted) expect(one).toMatchObject({ round: 2, until: 500 });
  });

  it("changes no more rows than fit a transaction", () => {
    const state = { permits: [], waiting: Array.from({ length: 200 }, (_, n) => waiting(n)), version: "1" };
    const many = { maxConcurrentMigrations: 200, maxConcurrentIncrementalSyncs: 1 };
    expect(grant(state, many, 500)).toHaveLength(45);
  });
});

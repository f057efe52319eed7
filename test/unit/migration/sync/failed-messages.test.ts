import { describe, expect, it } from "vitest";
import { MigrationError } from "../../../../shared/domain/errors.ts";
import type { Uid } from "../../../../shared/domain/names.ts";
import { afterTries, withDoubtsAside } from "../../../../shared/migration/sync/failed-messages.ts";
import { createReopened } from "../../../../shared/migration/sync/folder-record.ts";
import { maxSetAside, uidsAside } from "../../../../shared/migration/sync/set-aside.ts";
import { folder, uids } from "./sample-folder.ts";

const error = new MigrationError("transient", "GraphUnreachable", "No answer came.", { inDoubt: true });
const chunk = { token: "c", mark: "m", uids: uids(6, 7, 8) };
const create = { token: "c", mark: "m" };
const message = (uid: number) => ({ uid: uid as Uid, size: 1, internalDate: new Date(0), flags: [] });
const doubt = (uid: number) => ({ message: message(uid), error });
const tried = (uid: number) => ({ ...doubt(uid), side: "target", telling: true, chunk: create }) as const;

describe("creates in doubt of a chunk that failed", () => {
  it("are set aside in one entry, each to be looked for in its own time", () => {
    const { record, left } = withDoubtsAside(folder(), [doubt(6), doubt(7)], chunk, 1_000);
    expect(record.setAside).toEqual([
      {
        uids: uids(6, 7),
        chunk: create,
        code: "GraphUnreachable",
        tries: 0,
        since: 1_000,
        lookAgainAt: 36_000,
        blameless: true,
      },
    ]);
    expect(left).toEqual([]);
  });

  it("are as if never tried once they have been looked for, but for those that had failed before", () => {
    const before = afterTries(folder(), [tried(7)], 0).record;
    const known = createReopened(before, { ...create, uids: uids(7) });
    const { record: failed } = withDoubtsAside(known, [doubt(6), doubt(7)], chunk, 40_000);
    const looked = createReopened(failed, chunk);
    expect(looked.setAside).toMatchObject([{ uids: uids(7), tries: 1, since: 0 }]);
    expect(looked.setAside[0]).not.toHaveProperty("chunk");
  });

  it("for which there is no room stay in doubt with their chunk", () => {
    const many = Array.from({ length: maxSetAside + 2 }, (_, index) => doubt(index + 1));
    const { record, left } = withDoubtsAside(folder(), many, chunk, 0);
    expect(uidsAside(record)).toEqual([[1, maxSetAside]]);
    expect(left).toEqual(uids(maxSetAside + 1, maxSetAside + 2));
  });
});

describe("a create in doubt", () => {
  it("is looked for 35 seconds later, a second one by chance as well, and then ever more seldom", () => {
    let record = folder();
    let now = 0;
    const looks: number[] = [];
    for (let times = 0; times < 4; times++) {
      record = afterTries(record, [tried(6)], now).record;
      const [entry] = record.setAside;
      looks.push(((entry?.lookAgainAt ?? 0) - now) / 1000);
      now = entry?.lookAgainAt ?? 0;
      record = createReopened(record, { ...create, uids: uids(6) });
    }
    expect(looks).toEqual([35, 35, 140, 420]);
  });

  it("for which there is no room is told, and costs none of the others", () => {
    const many = Array.from({ length: maxSetAside + 1 }, (_, index) => tried(index + 1));
    const { record, failure, skipped } = afterTries(folder(), many, 0);
    expect([failure, skipped]).toEqual([error, []]);
    expect(uidsAside(record)).toEqual([[1, maxSetAside]]);
  });
});

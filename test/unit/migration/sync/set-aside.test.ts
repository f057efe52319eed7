import { describe, expect, it } from "vitest";
import { uidSetOf } from "../../../../shared/domain/uid-set.ts";
import {
  createsAside,
  dueAside,
  isHopeless,
  maxSetAside,
  nextLook,
  setAside,
  takenBack,
  uidsAside,
} from "../../../../shared/migration/sync/set-aside.ts";
import { folder, uids } from "./sample-folder.ts";

const busy = { code: "SourceBusy", lookAgainAt: 200 };
const failed = { ...busy, telling: true };
const create = { token: "c", mark: "m" };
const one = setAside(folder(), { ...failed, uids: uids(6, 7) }, 100) ?? folder();

describe("a message set aside", () => {
  it("is noted with its reason, its first try and when to look again", () => {
    expect(one.setAside).toEqual([{ ...busy, uids: uids(6, 7), tries: 1, since: 100 }]);
    expect(one).toEqual({ ...folder(), setAside: one.setAside });
  });

  it("that is tried again counts its tries by itself", () => {
    const again = setAside(one, { uids: uids(7, 8), code: "Timeout", lookAgainAt: 900, telling: true }, 300);
    expect(again?.setAside).toEqual([
      { ...busy, uids: uids(6), tries: 1, since: 100 },
      { uids: uids(7), code: "Timeout", tries: 2, since: 100, lookAgainAt: 900 },
      { uids: uids(8), code: "Timeout", tries: 1, since: 300, lookAgainAt: 900 },
    ]);
  });

  it("is known by what it was written under until it is taken back", () => {
    const inDoubt = setAside(folder(), { ...failed, uids: uids(6), chunk: create }, 100) ?? folder();
    expect(createsAside(inDoubt)).toEqual([{ ...create, uids: uids(6), lookAgainAfter: 45_200 }]);
    const again = setAside(inDoubt, { ...failed, uids: uids(6) }, 300) ?? folder();
    expect(again.setAside[0]).toMatchObject({ chunk: create, tries: 2 });
    const other = setAside(again, { ...failed, uids: uids(6), chunk: { token: "d", mark: "n" } }, 300);
    expect(other?.setAside[0]?.chunk).toEqual({ token: "d", mark: "n" });
    expect(createsAside(one)).toEqual([]);
  });

  it("is tried again after pauses that triple, and given up after ten minutes", () => {
    let record = folder();
    const at: number[] = [];
    for (let now = 0; ; now = record.setAside[0]?.lookAgainAt ?? 0) {
      at.push(now / 1000);
      record = setAside(record, { uids: uids(6), code: "Away", telling: true }, now) ?? record;
      if (record.setAside[0] && isHopeless(record.setAside[0], now)) break;
    }
    expect(at).toEqual([0, 10, 30, 90, 270, 810]);
  });

  it.each([
    [20, 16],
    [60, 20],
    [150, 26],
  ])("is given up soon where each try comes %i s late: within %i minutes", (late, minutes) => {
    let record = folder();
    let now = 0;
    for (; ; now = (record.setAside[0]?.lookAgainAt ?? 0) + late * 1000) {
      record = setAside(record, { uids: uids(6), code: "Away", telling: true }, now) ?? record;
      if (record.setAside[0] && isHopeless(record.setAside[0], now)) break;
    }
    expect(now / 60_000).toBeLessThan(minutes);
  });

  it("is given up after a day where nothing else was given or taken", () => {
    let record = folder();
    let now = 0;
    for (let tries = 0; tries < 500; tries++) {
      record = setAside(record, { uids: uids(6), code: "Away", telling: false }, now) ?? record;
      if (record.setAside[0] && isHopeless(record.setAside[0], now)) break;
      now = record.setAside[0]?.lookAgainAt ?? 0;
    }
    expect(record.setAside).toMatchObject([{ tries: 0, since: 0 }]);
    expect(now / 3_600_000).toBeGreaterThanOrEqual(24);
    expect(now / 3_600_000).toBeLessThan(25);
  });

  it("is taken back without the others", () => {
    expect(takenBack(one, uids(6, 9)).setAside).toEqual([{ ...busy, uids: uids(7), tries: 1, since: 100 }]);
    expect(takenBack(one, uids(6, 7)).setAside).toEqual([]);
  });

  it("is due at its time, and the folder at the first of all", () => {
    const both =
      setAside(one, { uids: uids(8), code: "Timeout", lookAgainAt: 150, telling: true }, 100) ?? folder();
    expect(dueAside(both, 149)).toEqual([]);
    expect(dueAside(both, 150).map((entry) => entry.uids)).toEqual([uids(8)]);
    expect(dueAside(both, 200)).toHaveLength(2);
    expect([nextLook(both), nextLook(one), nextLook(folder())]).toEqual([150, 200, undefined]);
    expect(uidsAside(both)).toEqual(uids(6, 7, 8));
  });

  it("leaves room in the folder's row", () => {
    const many = uidSetOf(Array.from({ length: maxSetAside }, (_, n) => 2 * n + 10));
    const full = setAside(folder(), { ...failed, uids: many }, 100);
    expect(full).toBeDefined();
    expect(setAside(full ?? folder(), { ...failed, uids: uids(10) }, 300)).toBeDefined();
    expect(setAside(full ?? folder(), { ...failed, uids: uids(5) }, 300)).toBeUndefined();
  });

  it("fits the row where each of as many as may be has a record of its own", () => {
    const worst = {
      code: "SourceMessageUnreadable",
      tries: 99,
      since: 1_763_000_000_000,
      blameless: true,
    };
    const chunk = { token: "0".repeat(36), mark: "2026-01-01T00:00:00.000Z" };
    const entries = Array.from({ length: maxSetAside }, (_, n) => ({
      ...worst,
      chunk,
      uids: uids(4_000_000_000 + 2 * n),
      lookAgainAt: 1_763_000_000_000 + n,
    }));
    // UTF-16 in a row of 1 MiB.
    expect(JSON.stringify(entries).length * 2).toBeLessThan(300_000);
  });
});

import { join } from "node:path";
import { expect, it } from "vitest";
import { readRooms } from "../stack/rooms.ts";

const rooms = readRooms(join(import.meta.dirname, "..", ".."));

it("no room imports from one that imports from it", () => {
  expect(rooms.imports.size).toBeGreaterThan(15);
  expect(rooms.circles).toEqual([]);
});

it("the sync is seven floors high at most", () => {
  expect(rooms.floors[0]).toBe("shared/migration/sync/folder-sync.ts");
  expect(rooms.floors.length).toBeLessThanOrEqual(7);
});

it("the status of a mailbox is written in one place", () => {
  expect(rooms.statusWriters).toEqual(["shared/migration/mailbox/life.ts"]);
});

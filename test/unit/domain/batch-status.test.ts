import { describe, expect, it } from "vitest";
import { batchStatus } from "../../../shared/domain/states.ts";

const counts = { total: 4, created: 0, active: 0, synced: 4, failed: 0, stopped: 0, completed: 0 };

describe("the status of a batch", () => {
  it.each([
    ["running", {}, "Synced"],
    ["running", { synced: 3, active: 1 }, "Syncing"],
    ["running", { synced: 3, failed: 1 }, "SyncedWithErrors"],
    ["running", { synced: 0, failed: 4 }, "Failed"],
    ["completed", { synced: 0, completed: 4 }, "Completed"],
    ["completed", { synced: 1, completed: 3 }, "Synced"],
    ["stopped", { synced: 1, stopped: 3 }, "Stopped"],
    ["created", { synced: 0, created: 4 }, "Created"],
    ["removing", {}, "Removing"],
  ] as const)("%s with %o is %s", (intent, change, expected) => {
    expect(batchStatus(intent, { ...counts, ...change })).toBe(expected);
  });
});

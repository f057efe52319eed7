import { describe, expect, it } from "vitest";
import type { MailboxId } from "../../../../shared/domain/names.ts";
import { dueAt } from "../../../../shared/migration/control/daily-sync.ts";

describe("the place of a mailbox in a daily round", () => {
  it("is the same every day, and spreads a batch over its window", () => {
    const ids = Array.from({ length: 1000 }, (_, n) => n.toString(16).padStart(32, "0") as MailboxId);
    const places = ids.map((id) => dueAt(0, id, 1000));
    expect(ids.map((id) => dueAt(0, id, 1000))).toEqual(places);
    expect(Math.max(...places)).toBeLessThan(5_000_000);
    expect(places.filter((place) => place < 2_500_000).length).toBeGreaterThan(400);
    expect(places.filter((place) => place < 2_500_000).length).toBeLessThan(600);
  });
});

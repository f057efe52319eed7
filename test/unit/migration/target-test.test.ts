import { describe, expect, it } from "vitest";
import { MigrationError } from "../../../shared/domain/errors.ts";
import type { CheckStep, TargetCheck } from "../../../shared/migration/ports/target-check.ts";
import { createTargetTests } from "../../../shared/migration/target-test/target-test.ts";

const step = (outcome: CheckStep["outcome"]): CheckStep => ({
  step: "create",
  asked: "a message",
  outcome,
  answered: "It is there.",
  durationMs: 1,
});

function setUp(check: TargetCheck["check"]) {
  const texts = new Map<string, string>();
  const sent: string[] = [];
  let now = Date.parse("2026-12-01T00:00:00Z");
  let leased = false;
  const tests = createTargetTests({
    check: { check },
    records: {
      read: async (id) => texts.get(id),
      write: async (id, text) => void texts.set(id, text),
    },
    leases: {
      acquire: async () => {
        if (leased) return undefined;
        leased = true;
        const release = async () => {
          leased = false;
        };
        return { note: undefined, renew: async () => undefined, write: async () => undefined, release };
      },
    },
    queue: { sendTargetTest: async ({ targetTest }) => void sent.push(targetTest) },
    clock: () => now,
    log: () => undefined,
  });
  return { tests, sent, texts, pass: (ms: number) => (now += ms), isLeased: () => leased };
}

describe("a test of a target mailbox", () => {
  it("is queued, shows each step as it is done, and ends", async () => {
    const seen: unknown[] = [];
    const { tests, sent, isLeased } = setUp(async (request, note) => {
      expect(request).toEqual({ mailbox: "a@contoso.com" });
      await note(step("ok"));
      seen.push((await tests.get(sent[0] ?? ""))?.status, (await tests.get(sent[0] ?? ""))?.steps.length);
      await note(step("warning"));
    });
    const { id, status } = await tests.start({ mailbox: "a@contoso.com" });
    expect([status, sent]).toEqual(["Waiting", [id]]);
    await tests.run(id);
    expect(seen).toEqual(["Running", 1]);
    expect(await tests.get(id)).toMatchObject({ status: "Passed", steps: [step("ok"), step("warning")] });
    expect(isLeased()).toBe(false);
  });

  it("fails with any step, and is not done again for its message", async () => {
    let runs = 0;
    const { tests } = setUp(async (_, note) => {
      runs++;
      await note(step("failed"));
    });
    const { id } = await tests.start({ mailbox: "a@contoso.com" });
    await tests.run(id);
    await tests.run(id);
    expect([(await tests.get(id))?.status, runs]).toEqual(["Failed", 1]);
  });

  it("is done from its beginning after a process ended in the middle", async () => {
    let runs = 0;
    const { tests } = setUp(async (_, note) => {
      await note(step("ok"));
      if (++runs === 1) throw new MigrationError("transient", "GraphUnreachable", "gone");
      await note(step("ok"));
    });
    const { id } = await tests.start({ mailbox: "a@contoso.com" });
    await expect(tests.run(id)).rejects.toThrow("gone");
    await tests.run(id);
    expect((await tests.get(id))?.steps).toHaveLength(2);
  });

  it("is sent again when it is read and has said nothing for two minutes", async () => {
    const { tests, sent, pass } = setUp(async () => undefined);
    const { id } = await tests.start({ mailbox: "a@contoso.com" });
    pass(60_000);
    await tests.get(id);
    expect(sent).toEqual([id]);
    pass(61_000);
    expect((await tests.get(id))?.status).toBe("Waiting");
    expect(sent).toEqual([id, id]);
    await tests.run(id);
    pass(180_000);
    await tests.get(id);
    expect(sent).toHaveLength(2);
  });

  it("shows as interrupted when nobody goes on with it", async () => {
    const { tests, pass } = setUp(async () => undefined);
    const { id } = await tests.start({ mailbox: "a@contoso.com" });
    pass(16 * 60_000);
    expect((await tests.get(id))?.status).toBe("Interrupted");
    expect(await tests.get("none")).toBeUndefined();
  });
});

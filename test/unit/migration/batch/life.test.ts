import { describe, expect, it } from "vitest";
import { batchOptionsSchema } from "../../../../shared/domain/batch-options.ts";
import type { BatchName, EndpointName } from "../../../../shared/domain/names.ts";
import type { BatchIntent } from "../../../../shared/domain/states.ts";
import * as life from "../../../../shared/migration/batch/life.ts";
import type { BatchRecord } from "../../../../shared/migration/ports/registry.ts";

const now = 100;
const name = { batch: "b" as BatchName, displayName: "B", endpoint: "e" as EndpointName };
const intents: readonly BatchIntent[] = ["created", "running", "stopped", "completed", "removing"];

const batch = (intent: BatchIntent, change: Partial<BatchRecord> = {}): BatchRecord => ({
  ...life.newBatch(name, batchOptionsSchema.parse({}), 1),
  intent,
  ...change,
});
const withOptions = (options: object) => ({ options: batchOptionsSchema.parse(options) });

describe("what the operator intends", () => {
  it.each(intents)("is kept until a batch is removed (from %s)", (before) => {
    for (const intent of intents) {
      const after = life.intended(batch(before), intent, now);
      if (before === "removing" && intent !== "removing") expect(after).toBeUndefined();
      else expect(after?.intent).toBe(intent);
    }
  });

  it("is written only if it is new", () => {
    for (const intent of intents) {
      const before = batch(intent, { startedAt: 7 });
      expect(life.intended(before, intent, now)).toBe(before);
    }
  });

  it("starts the batch's clock once", () => {
    expect(life.intended(batch("created"), "running", now)?.startedAt).toBe(now);
    expect(life.intended(batch("stopped", { startedAt: 7 }), "running", now)?.startedAt).toBe(7);
    expect(life.intended(batch("created"), "stopped", now)?.startedAt).toBeUndefined();
    expect(life.intended(batch("running"), "running", now)?.startedAt).toBe(now);
  });
});

describe("an upload", () => {
  const rows = { valid: 2, invalid: 3 };

  it.each([
    ["starts its batch", batch("created"), rows, "running"],
    ["starts none without users", batch("created"), { valid: 0, invalid: 3 }, "created"],
    [
      "starts none that is to be started by hand",
      batch("created", withOptions({ autoStart: false })),
      rows,
      "created",
    ],
    ["starts none that an operator stopped", batch("stopped"), rows, "stopped"],
    [
      "starts one whose time has come",
      batch("created", { options: { ...batch("created").options, startAfter: 100 } }),
      rows,
      "running",
    ],
    [
      "starts none before its time",
      batch("created", { options: { ...batch("created").options, startAfter: 101 } }),
      rows,
      "created",
    ],
  ] as const)("%s", (_, before, counts, intent) => {
    const after = life.uploaded(before, counts, now);
    expect(after).toMatchObject({ intent, invalidRowCount: 3 });
    expect(after.startedAt).toBe(intent === "running" ? now : undefined);
  });

  it("gives a new batch its options, or the default ones", () => {
    const options = batchOptionsSchema.parse({ autoStart: false });
    expect(life.newBatch(name, options, 5)).toMatchObject({ intent: "created", createdAt: 5, options });
    expect(life.newBatch(name, undefined, 5).options.autoStart).toBe(true);
  });
});

describe("what a batch counts as", () => {
  const holding = (holds: (one: BatchRecord) => boolean) => intents.filter((intent) => holds(batch(intent)));

  it("follows from its intent", () => {
    expect(holding(life.isAtWork)).toEqual(["running", "completed"]);
    expect(holding(life.isSyncedDaily)).toEqual(["running"]);
    expect(holding(life.isFinal)).toEqual(["completed"]);
    expect(holding(life.isRemoving)).toEqual(["removing"]);
    expect(holding(life.wasStarted)).toEqual(["running", "stopped", "completed", "removing"]);
  });

  it("is due to start only if it waited for its time", () => {
    const waiting = (intent: BatchIntent) =>
      batch(intent, { options: { ...batch("created").options, startAfter: 100 } });
    expect(life.isStartDue(waiting("created"), 100)).toBe(true);
    expect(life.isStartDue(waiting("created"), 99)).toBe(false);
    expect(life.isStartDue(waiting("stopped"), 100)).toBe(false);
    expect(life.isStartDue(batch("created"), 100)).toBe(false);
  });
});

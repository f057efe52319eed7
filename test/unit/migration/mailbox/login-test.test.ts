import { describe, expect, it } from "vitest";
import { batchOptionsSchema, defaultBatchOptions } from "../../../../shared/domain/batch-options.ts";
import { isBeingTested, needsLoginTest } from "../../../../shared/migration/mailbox/life.ts";
import { mailbox } from "../sample-mailbox.ts";

describe("the test of a login before anything is copied", () => {
  const options = batchOptionsSchema.parse({ testLogins: true });
  const started = { startedAt: 1 };

  it.each([
    ["one that has not been tested", mailbox("Queued"), true],
    ["one that has not been asked for", mailbox("Created"), true],
    ["one that passed", mailbox("Queued", { loginTest: "passed" }), false],
    ["one that may be copied", mailbox("Queued", { loginTest: "released" }), false],
    ["one that is being copied", mailbox("Syncing", started), false],
    ["one that failed", mailbox("Failed"), false],
    ["one that was stopped", mailbox("Stopped"), false],
  ])("keeps others waiting: %s", (_, untested, expected) => {
    expect(isBeingTested(options, untested)).toBe(expected);
    expect(isBeingTested(defaultBatchOptions, untested)).toBe(false);
  });

  it.each(["Queued", "Failed", "Stopped"] as const)("is due for a %s mailbox until it passed", (status) => {
    expect(needsLoginTest(options, mailbox(status))).toBe(true);
    expect(needsLoginTest(options, mailbox(status, { loginTest: "passed" }))).toBe(false);
    expect(needsLoginTest(options, mailbox(status, started))).toBe(false);
    expect(needsLoginTest(defaultBatchOptions, mailbox(status))).toBe(false);
  });
});

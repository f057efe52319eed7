import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { classifyLostAnswer, classifyRefusal } from "../../../../shared/adapters/graph/classify.ts";
import { MailboxGate } from "../../../../shared/adapters/graph/gate.ts";
import { folderNaming } from "../../../../shared/adapters/graph/naming.ts";

describe("classifyRefusal", () => {
  it.each([
    [
      { status: 429, code: "", retryAfterMs: 5 },
      { kind: "throttled", retryAfterMs: 5, inDoubt: false },
    ],
    [
      { status: 429, code: "" },
      { kind: "throttled", inDoubt: false },
    ],
    [
      { status: 503, code: "", retryAfterMs: 5 },
      { kind: "throttled", inDoubt: false },
    ],
    [
      { status: 503, code: "" },
      { kind: "transient", inDoubt: true },
    ],
    [
      { status: 500, code: "" },
      { kind: "transient", inDoubt: true },
    ],
    [
      { status: 504, code: "" },
      { kind: "transient", inDoubt: true },
    ],
    [
      { status: 507, code: "ErrorQuotaExceeded" },
      { kind: "mailbox", code: "TargetQuotaExceeded" },
    ],
    [
      { status: 403, code: "ErrorQuotaExceeded" },
      { kind: "mailbox", code: "TargetQuotaExceeded" },
    ],
    [
      { status: 413, code: "" },
      { kind: "item", code: "MessageTooLarge" },
    ],
    [
      { status: 400, code: "ErrorMessageSizeExceeded" },
      { kind: "item", code: "MessageTooLarge" },
    ],
    [
      { status: 401, code: "InvalidAuthenticationToken" },
      { kind: "transient", code: "GraphTokenRefused", inDoubt: false },
    ],
    [
      { status: 403, code: "ErrorAccessDenied" },
      { kind: "mailbox", code: "TargetAccessDenied" },
    ],
    [
      { status: 404, code: "MailboxNotEnabledForRESTAPI" },
      { kind: "mailbox", code: "TargetMailboxNotFound" },
    ],
    [
      { status: 404, code: "ErrorItemNotFound" },
      { kind: "item", code: "TargetItemGone" },
    ],
    [
      { status: 409, code: "" },
      { kind: "transient", inDoubt: false },
    ],
    [
      { status: 400, code: "ErrorInvalidProperty" },
      { kind: "item", code: "MessageRefused", inDoubt: false },
    ],
  ])("a create answered with %j", (refusal, expected) => {
    expect(classifyRefusal(refusal, "create")).toMatchObject(expected);
  });

  it("leaves nothing in doubt that is no create", () => {
    expect(classifyRefusal({ status: 504, code: "" }, "read").inDoubt).toBe(false);
    expect(classifyRefusal({ status: 504, code: "" }, "repeatable").inDoubt).toBe(false);
  });

  it("shows Graph's code only if it is one", () => {
    expect(classifyRefusal({ status: 400, code: "a secret sentence" }, "create").message).not.toContain(
      "secret",
    );
  });
});

describe("classifyLostAnswer", () => {
  const lost = (code: string) =>
    new TypeError("fetch failed", { cause: Object.assign(new Error(), { code }) });
  it.each([
    ["ECONNRESET", true],
    ["UND_ERR_SOCKET", true],
    ["ECONNREFUSED", false],
    ["ENOTFOUND", false],
    ["UND_ERR_CONNECT_TIMEOUT", false],
  ])("%s leaves a create in doubt: %s", (code, inDoubt) => {
    expect(classifyLostAnswer(lost(code), "create")).toMatchObject({ kind: "transient", inDoubt });
    expect(classifyLostAnswer(lost(code), "create").message).toContain(code);
    expect(classifyLostAnswer(lost(code), "read").inDoubt).toBe(false);
  });

  it("leaves a create in doubt after a time-out", () => {
    expect(classifyLostAnswer(new DOMException("late", "TimeoutError"), "create").inDoubt).toBe(true);
  });
});

describe("MailboxGate", () => {
  const never = Date.now() + 1e9;
  it("lets so many through at once, first come first served, heavy ones too", async () => {
    const gate = new MailboxGate(4);
    const order: string[] = [];
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const task = (name: string) => async () => {
      order.push(name);
      await released;
    };
    const all = [
      gate.run(1, never, task("a")),
      gate.run(1, never, task("b")),
      gate.run(9, never, task("heavy")),
      gate.run(1, never, task("c")),
    ];
    while (order.length < 2) await setImmediate();
    expect(order).toEqual(["a", "b"]);
    expect(gate.idle).toBe(false);
    release();
    await Promise.all(all);
    expect(order).toEqual(["a", "b", "heavy", "c"]);
    expect(gate.idle).toBe(true);
  });

  it("frees the place of a task that fails", async () => {
    const gate = new MailboxGate(1);
    await expect(gate.run(1, never, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await gate.run(1, never, async () => "next")).toBe("next");
  });

  it("starts nothing inside a pause, and refuses who cannot wait so long", async () => {
    const gate = new MailboxGate(4);
    const until = Date.now() + 60;
    gate.pauseUntil(until);
    gate.pauseUntil(until - 1000);
    await expect(gate.run(1, until - 20, async () => 1)).rejects.toMatchObject({ kind: "throttled" });
    const started = await gate.run(1, never, async () => Date.now());
    expect(started).toBeGreaterThanOrEqual(until);
    await expect(gate.run(1, Date.now() - 1, async () => 1)).rejects.toMatchObject({ code: "GraphBusy" });
  });
});

describe("folder names", () => {
  it.each([
    ["Inbox", "Inbox"],
    ["  Spaces  ", "Spaces"],
    ["a/b\\c", "a_b_c"],
    ["tab\tand\0nul", "tabandnul"],
    ["", "_"],
    [" \n ", "_"],
    ["x".repeat(300), "x".repeat(255)],
    [`${"x".repeat(254)}👋`, "x".repeat(254)],
    ["Entwürfe 日本 👋", "Entwürfe 日本 👋"],
  ])("%j becomes %j, once and for all", (name, expected) => {
    expect(folderNaming.sanitize(name)).toBe(expected);
    expect(folderNaming.sanitize(expected)).toBe(expected);
  });
});

import { describe, expect, it } from "vitest";
import { afterFailure, lastingMs } from "../../../../shared/migration/sync/retry-delay.ts";

describe("what follows a failed step", () => {
  const failure = (kind: "transient" | "throttled" | "mailbox" | "fatal" | "item", extra = {}) => ({
    kind,
    inDoubt: false,
    ...extra,
  });

  it.each(["mailbox", "fatal", "item"] as const)("a %s error stops the mailbox", (kind) => {
    expect(afterFailure(failure(kind), 0, 0, 0.5)).toEqual({ move: "fail" });
  });

  it("a transient one is tried again, ever later, and stops the mailbox after a day", () => {
    const delays = [0, 1, 2, 12].map((attempts) => afterFailure(failure("transient"), attempts, 0, 0.5));
    expect(delays).toEqual([
      { move: "retry", delayMs: 10_000, attempts: 1 },
      { move: "retry", delayMs: 20_000, attempts: 2 },
      { move: "retry", delayMs: 40_000, attempts: 3 },
      { move: "retry", delayMs: 1_800_000, attempts: 13 },
    ]);
    expect(afterFailure(failure("transient"), 99, lastingMs - 1, 0.5)).toMatchObject({ move: "retry" });
    expect(afterFailure(failure("transient"), 1, lastingMs, 0.5)).toEqual({ move: "fail" });
  });

  it("a refusal that is not about the password stops it after four hours", () => {
    for (const code of [
      "LoginRefused",
      "ImapDisabled",
      "UnknownHost",
      "UntrustedCertificate",
      "StartTlsUnsupported",
      "UserRootNotFound",
    ]) {
      const refusal = failure("transient", { code });
      expect(afterFailure(refusal, 20, 4 * 3_600_000 - 1, 0.5)).toMatchObject({ move: "retry" });
      expect(afterFailure(refusal, 20, 4 * 3_600_000, 0.5)).toEqual({ move: "fail" });
    }
  });

  it("a pause that was asked for is kept and does not count", () => {
    expect(afterFailure(failure("throttled", { retryAfterMs: 90_000 }), 3, lastingMs, 0.5)).toEqual({
      move: "retry",
      delayMs: 90_000,
      attempts: 3,
    });
  });

  it("a write in doubt is not looked for before it can have arrived", () => {
    expect(afterFailure(failure("transient", { inDoubt: true }), 0, 0, 0)).toMatchObject({ delayMs: 35_000 });
  });
});

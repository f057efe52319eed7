import { describe, expect, it } from "vitest";
import { MigrationError } from "../../../shared/domain/errors.ts";

describe("an error in doubt", () => {
  it("is the same failure, of something that may yet happen", () => {
    const cause = new Error("reset");
    const error = new MigrationError("throttled", "Busy", "Wait.", { retryAfterMs: 5, cause });
    expect(error.asInDoubt()).toMatchObject({
      kind: "throttled",
      code: "Busy",
      retryAfterMs: 5,
      inDoubt: true,
    });
    expect(error.asInDoubt()).toMatchObject({ message: "Wait.", cause });
    expect(error.inDoubt).toBe(false);
  });

  it("stays what it is if it says so already", () => {
    const error = new MigrationError("transient", "Lost", "Lost.", { inDoubt: true });
    expect(error.asInDoubt()).toBe(error);
  });
});

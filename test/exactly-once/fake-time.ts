import { afterEach, beforeEach, vi } from "vitest";

/** Gives every test of a file a time of its own, which passes only when the test says so, and no chance. */
export function fakeTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({
      now: Date.UTC(2026, 0, 5, 9),
      toFake: ["Date", "setTimeout", "clearTimeout", "setInterval", "clearInterval"],
    });
    vi.spyOn(Math, "random").mockReturnValue(0.5);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });
}

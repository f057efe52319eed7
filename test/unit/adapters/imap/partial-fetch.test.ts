import { expect, test } from "vitest";
import { nextPartBytes } from "../../../../shared/adapters/imap/partial-fetch.ts";

const megabyte = 1024 * 1024;

test.each([
  ["as much as comes in four seconds", 2 * megabyte, 1_000, 8 * megabyte],
  ["no more than 32 MB", 32 * megabyte, 500, 32 * megabyte],
  ["no more than 32 MB of what came at once", 2 * megabyte, 0, 32 * megabyte],
  ["no less than 2 MB", 4 * megabyte, 60_000, 2 * megabyte],
  ["less where the line has become slow", 32 * megabyte, 16_000, 8 * megabyte],
])("the next part is %s", (_, bytes, milliseconds, next) => {
  expect(nextPartBytes(bytes, milliseconds)).toBe(next);
});

import { expect, it } from "vitest";
import { withoutBlankLine } from "../../../shared/domain/header-section.ts";

it.each([
  ["A: 1\r\n\r\n", "A: 1"],
  ["A: 1\r\n", "A: 1"],
  ["A: 1\n\n", "A: 1"],
  ["A: 1\r\nB: 2", "A: 1\r\nB: 2"],
  ["\r\n", ""],
  ["", ""],
])("%j ends as %j", (header, end) => {
  expect(withoutBlankLine(Buffer.from(header)).toString()).toBe(end);
});

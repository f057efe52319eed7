import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ImapConnection } from "../../../../shared/adapters/imap/connection.ts";
import { HandedOn } from "../../../../shared/adapters/imap/handed-on.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function connectionOf(name: string, closed: string[]) {
  const connection = { usable: true, close: async () => void closed.push(name) };
  return connection as typeof connection & ImapConnection;
}

test("a connection is given once, to its own mailbox, while it is usable", () => {
  const closed: string[] = [];
  const handedOn = new HandedOn();
  const [ann, lost] = [connectionOf("ann", closed), connectionOf("lost", closed)];
  handedOn.leave("ann@example.com", ann);
  handedOn.leave("ben@example.com", lost);
  lost.usable = false;
  expect(handedOn.take("cleo@example.com")).toBeUndefined();
  expect(handedOn.take("ben@example.com")).toBeUndefined();
  expect(handedOn.take("ann@example.com")).toBe(ann);
  expect(handedOn.take("ann@example.com")).toBeUndefined();
  vi.advanceTimersByTime(60_000);
  expect(closed).toEqual([]);
});

test("what nobody takes is closed soon, and so is the oldest of too many, and the first of two for a mailbox", () => {
  const closed: string[] = [];
  const handedOn = new HandedOn();
  for (let number = 1; number <= 18; number++) handedOn.leave(`${number}`, connectionOf(`${number}`, closed));
  expect(closed).toEqual(["1", "2"]);
  const again = connectionOf("another", closed);
  handedOn.leave("18", again);
  expect(closed.slice(2)).toEqual(["18"]);
  expect(handedOn.take("18")).toBe(again);
  vi.advanceTimersByTime(3_000);
  expect(closed).toHaveLength(18);
});

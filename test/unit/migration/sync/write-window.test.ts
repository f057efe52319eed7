import { expect, test } from "vitest";
import { maxWindowBytes, WriteWindow } from "../../../../shared/migration/sync/write-window.ts";

/** Lets everything run that waits for nothing else. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Writes that end when a test says so. */
function heldWrites() {
  const ends: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  return {
    ends,
    write: () => new Promise<void>((resolve, reject) => ends.push({ resolve, reject })),
  };
}

/** Whether there is room now. */
async function hasRoom(window: WriteWindow, bytes: number): Promise<boolean> {
  let room = false;
  void window.room(bytes).then(() => {
    room = true;
  });
  await turn();
  return room;
}

test("takes as many writes as the target wants at the moment", async () => {
  let limit = 2;
  const window = new WriteWindow(() => limit);
  const { ends, write } = heldWrites();
  window.add(1, write);
  expect(await hasRoom(window, 1)).toBe(true);
  window.add(1, write);
  limit = 3;
  expect(await hasRoom(window, 1)).toBe(true);
  limit = 2;
  expect(await hasRoom(window, 1)).toBe(false);
  ends[0]?.resolve();
  await turn();
  expect(await hasRoom(window, 1)).toBe(true);
});

test("takes no more bytes than may be held, but a single message of any size", async () => {
  const window = new WriteWindow(() => 100);
  const { ends, write } = heldWrites();
  expect(await hasRoom(window, 2 * maxWindowBytes)).toBe(true);
  window.add(2 * maxWindowBytes, write);
  expect(await hasRoom(window, 1)).toBe(false);
  ends[0]?.resolve();
  await window.settled();
  expect(window.bytes).toBe(0);
  window.add(maxWindowBytes - 1, write);
  expect(await hasRoom(window, 1)).toBe(true);
  expect(await hasRoom(window, 2)).toBe(false);
});

test("waits for all writes before it throws what one of them did", async () => {
  const window = new WriteWindow(() => 1);
  const { ends, write } = heldWrites();
  window.add(1, write);
  const room = window.room(1);
  ends[0]?.reject(new Error("first"));
  await room;
  expect(window.failed).toBe(true);
  window.add(1, write);
  let settled = false;
  const settling = window.settled().finally(() => {
    settled = true;
  });
  settling.catch(() => undefined);
  await turn();
  expect(settled).toBe(false);
  ends[1]?.resolve();
  await expect(settling).rejects.toThrow("first");
});

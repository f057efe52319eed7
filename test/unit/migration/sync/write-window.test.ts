import { expect, test } from "vitest";
import { ByteBudget } from "../../../../shared/migration/sync/byte-budget.ts";
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
  void window.add(1, write);
  expect(await hasRoom(window, 1)).toBe(true);
  void window.add(1, write);
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
  const under = window.add(2 * maxWindowBytes, write);
  expect(await hasRoom(window, 1)).toBe(false);
  ends[0]?.resolve();
  await under;
  expect(window.bytes).toBe(0);
  void window.add(maxWindowBytes - 1, write);
  expect(await hasRoom(window, 1)).toBe(true);
  expect(await hasRoom(window, 2)).toBe(false);
});

test("a write that is rejected stops the window: who waits for room goes on without", async () => {
  const window = new WriteWindow(() => 1);
  const { ends, write } = heldWrites();
  const under = window.add(1, write);
  const room = window.room(1);
  ends[0]?.reject(new Error("first"));
  await expect(under).rejects.toThrow("first");
  await room;
  expect(window.stopped).toBe(true);
});

test("once stopped nobody waits for room, neither on the target nor on other mailboxes", async () => {
  const budget = new ByteBudget(10);
  const [one, other] = [new WriteWindow(() => 1), new WriteWindow(() => 100, budget)];
  const { write } = heldWrites();
  void one.add(1, write);
  const behindLimit = one.room(1);
  one.stop();
  await behindLimit;
  budget.claim(10);
  void other.add(1, write);
  const behindOthers = other.room(1);
  other.stop();
  await behindOthers;
  expect([one.stopped, other.stopped]).toEqual([true, true]);
});

test("shares bytes with other mailboxes, in turn, and waits for none while it writes nothing", async () => {
  const budget = new ByteBudget(10);
  const windows = [1, 2, 3].map(() => new WriteWindow(() => 100, budget));
  const held = windows.map(heldWrites);
  const [first, second] = windows as [WriteWindow, WriteWindow];
  for (const [index, window] of windows.entries()) {
    // The first message of each is written although there is no room for the third.
    expect(await hasRoom(window, 4)).toBe(true);
    void window.add(4, held[index]?.write as () => Promise<void>);
  }
  const order: string[] = [];
  void first.room(6).then(() => order.push("first"));
  void second.room(1).then(() => order.push("second"));
  await turn();
  expect(order).toEqual([]);
  held[2]?.ends[0]?.resolve();
  await turn();
  // What is small does not overtake.
  expect(order).toEqual([]);
  held[1]?.ends[0]?.resolve();
  await turn();
  expect(order).toEqual(["first", "second"]);
});

test("gives back room that was not used", async () => {
  const budget = new ByteBudget(10);
  const [one, other] = [new WriteWindow(() => 100, budget), new WriteWindow(() => 100, budget)];
  const { ends, write } = heldWrites();
  void other.add(1, write);
  expect(await hasRoom(one, 10)).toBe(true);
  expect(await hasRoom(other, 1)).toBe(false);
  one.leave();
  expect(await hasRoom(other, 10)).toBe(true);
  other.leave();
  ends[0]?.resolve();
  await turn();
  expect(await hasRoom(new WriteWindow(() => 100, budget), 10)).toBe(true);
});

import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import type { Uid } from "../../../../shared/domain/names.ts";
import { type UidSet, uidsOf } from "../../../../shared/domain/uid-set.ts";
import type { ChunkReading } from "../../../../shared/migration/sync/chunk.ts";
import { ReadAhead } from "../../../../shared/migration/sync/read-ahead.ts";
import type { SteadyFolder } from "../../../../shared/migration/sync/steady-source.ts";

/** Lets everything run that waits for nothing else. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

const summary = (uid: number, size = 10) => ({
  uid: uid as Uid,
  size,
  internalDate: new Date(0),
  flags: [],
});

function chunk(uids: readonly number[], size = 10) {
  return { writable: uids.map((uid) => summary(uid, size)), bytes: uids.length * size };
}

/**
 * A folder that notes what it is asked for.
 * @param given what it answers to a FETCH.
 */
function folder(given: (asked: number[]) => readonly number[] = (asked) => asked) {
  const asked: number[][] = [];
  const ended: number[][] = [];
  const opened = {
    async *fetchMessages(uids: UidSet) {
      const wanted = [...uidsOf(uids)];
      asked.push(wanted);
      try {
        for (const uid of given(wanted)) yield { ...summary(uid), content: Buffer.from(`${uid}`) };
      } finally {
        ended.push(wanted);
      }
    },
  } as unknown as SteadyFolder;
  return { opened, asked, ended };
}

async function readAll({ messages }: ChunkReading): Promise<readonly number[]> {
  const uids: number[] = [];
  for (let next = await messages.next(); !next.done; next = await messages.next()) uids.push(next.value.uid);
  return uids;
}

const nothing = () => undefined;

test("chunks that follow each other are asked for in one go, and given one by one", async () => {
  const { opened, asked } = folder();
  const reader = new ReadAhead(opened, "ascending");
  const chunks = [chunk([1, 2]), chunk([3]), chunk([4, 5])] as const;
  reader.begin(chunks, 5);
  const read: number[] = [];
  for (const [index, each] of chunks.entries())
    expect(await readAll(reader.take(each, () => read.push(index)))).toEqual(
      each.writable.map(({ uid }) => uid),
    );
  expect(asked).toEqual([[1, 2, 3, 4, 5]]);
  expect(read).toEqual([0, 1, 2]);
});

test("no more are asked for than may be, in messages and bytes, and none with a large message", async () => {
  const mega = 1024 * 1024;
  const limits = [
    { chunks: [chunk([1, 2]), chunk([3]), chunk([4])], together: [1, 2, 3] },
    { chunks: [chunk([1], 4 * mega), chunk([2], 4 * mega), chunk([3], mega)], together: [1, 2] },
    { chunks: [chunk([1]), chunk([2], 5 * mega), chunk([3])], together: [1] },
    { chunks: [chunk([1, 2, 3, 4]), chunk([5])], together: [1, 2, 3, 4] },
  ];
  for (const { chunks, together } of limits) {
    const { opened, asked } = folder();
    new ReadAhead(opened, "ascending").begin(chunks, 3);
    await turn();
    expect(asked).toEqual([together]);
  }
});

test("where chunks begin with the newest message each is asked for alone", async () => {
  const { opened, asked } = folder();
  const reader = new ReadAhead(opened, "descending");
  const [first, second] = [chunk([3, 4]), chunk([1, 2])];
  reader.begin([first, second], 100);
  expect(await readAll(reader.take(first, nothing))).toEqual([3, 4]);
  expect(await readAll(reader.take(second, nothing))).toEqual([1, 2]);
  expect(asked).toEqual([
    [3, 4],
    [1, 2],
  ]);
});

test("messages in another order, twice, or not at all come to their chunks", async () => {
  const { opened, asked } = folder(() => [3, 1, 3, 5, 4, 1]);
  const reader = new ReadAhead(opened, "ascending");
  const [first, second, third] = [chunk([1, 2]), chunk([3, 4]), chunk([5, 6])];
  reader.begin([first, second, third], 100);
  expect(await readAll(reader.take(first, nothing))).toEqual([1]);
  expect(await readAll(reader.take(second, nothing))).toEqual([3, 4]);
  expect(await readAll(reader.take(third, nothing))).toEqual([5]);
  expect(asked).toHaveLength(1);
});

test("a chunk that is given up ends what was asked for with it; who takes another one asks anew", async () => {
  const { opened, asked, ended } = folder();
  const reader = new ReadAhead(opened, "ascending");
  const [first, second] = [chunk([1, 2]), chunk([3, 4])];
  reader.begin([first, second], 100);
  const { messages } = reader.take(first, nothing);
  await messages.next();
  await messages.return?.();
  expect(ended).toEqual([[1, 2, 3, 4]]);
  expect(await readAll(reader.take(second, nothing))).toEqual([3, 4]);
  expect(asked.at(-1)).toEqual([3, 4]);
});

test("something else is asked when what was taken is read, and who reads next waits for it", async () => {
  const { opened, asked, ended } = folder();
  const reader = new ReadAhead(opened, "ascending");
  const [first, second, third] = [chunk([1]), chunk([2]), chunk([3])];
  reader.begin([first, second, third], 100);
  expect(await readAll(reader.take(first, nothing))).toEqual([1]);
  const reading = reader.take(second, () => reader.begin([third], 100));
  await reading.messages.next();
  const { promise, resolve } = Promise.withResolvers<void>();
  let began = false;
  const other = reader.alone(async () => {
    began = true;
    await promise;
  });
  await turn();
  expect(began).toBe(false);
  expect(await readAll(reading)).toEqual([]);
  await turn();
  // What was asked for and not taken is given up before.
  expect([began, ended]).toEqual([true, [[1, 2, 3]]]);
  reader.begin([third], 100);
  const last = readAll(reader.take(third, nothing));
  await turn();
  expect(asked).toHaveLength(1);
  resolve();
  await other;
  expect(await last).toEqual([3]);
});

test("what is taken a moment before something else is asked is read to its end all the same", async () => {
  const { opened } = folder();
  const reader = new ReadAhead(opened, "ascending");
  const [first, second] = [chunk([1]), chunk([2, 3])];
  reader.begin([first, second], 100);
  expect(await readAll(reader.take(first, nothing))).toEqual([1]);
  const read = readAll(reader.take(second, nothing));
  const other = reader.alone(async () => "asked");
  expect(await read).toEqual([2, 3]);
  expect(await other).toBe("asked");
});

describe("a large message", () => {
  const mega = 1024 * 1024;

  /** A folder that streams its messages, and notes what it is asked for and how streams end. */
  function streaming(headers: readonly string[] = ["Subject: large\r\n\r\n"]) {
    const noted: string[] = [];
    const { opened } = folder();
    const more = {
      fetchMessages: opened.fetchMessages,
      async *fetchHeaders(uids: UidSet) {
        noted.push(`header ${[...uidsOf(uids)]}`);
        for (const header of headers) yield { ...summary(1), header: Buffer.from(header) };
      },
      openMessage: async (uid: Uid) => {
        noted.push(`open ${uid}`);
        return Readable.from([Buffer.from("one"), Buffer.from("two")]).once("close", () =>
          noted.push(`closed ${uid}`),
        );
      },
    } as unknown as SteadyFolder;
    return { opened: more, noted };
  }

  const large = (uid: number) => chunk([uid], 5 * mega);

  test("is on its way before it is taken, and the source free once it is read", async () => {
    const { opened, noted } = streaming();
    const reader = new ReadAhead(opened, "ascending");
    const [first, second] = [large(1), large(2)];
    reader.begin([first, second]);
    await turn();
    expect(noted).toEqual(["header 1", "open 1"]);
    const reading = reader.take(first, () => reader.begin([second]));
    const message = await reading.openLarge();
    expect(message?.header.toString()).toContain("large");
    expect(await text((await message?.content()) as Readable)).toBe("onetwo");
    await reading.messages.return?.();
    await turn();
    expect(noted.toSorted()).toEqual(["closed 1", "header 1", "header 2", "open 1", "open 2"]);
    await reader.stop();
    expect(noted.at(-1)).toBe("closed 2");
  });

  test("is asked for in its turn where it was not before", async () => {
    const { opened, noted } = streaming();
    const reader = new ReadAhead(opened, "ascending");
    const reading = reader.take(large(7), nothing);
    expect(noted).toEqual([]);
    expect(await text((await (await reading.openLarge())?.content()) as Readable)).toBe("onetwo");
    await reading.messages.return?.();
    expect(noted).toEqual(["header 7", "open 7", "closed 7"]);
  });

  test("that nobody writes is given up before anything else is asked", async () => {
    const { opened, noted } = streaming();
    const reader = new ReadAhead(opened, "ascending");
    reader.begin([large(1)]);
    await turn();
    await reader.alone(async () => noted.push("alone"));
    expect(noted).toEqual(["header 1", "open 1", "closed 1", "alone"]);
    const reading = reader.take(large(2), nothing);
    await reading.openLarge();
    const stopped = reader.stop();
    await reading.messages.return?.();
    await stopped;
    expect(noted.slice(4)).toEqual(["header 2", "open 2", "closed 2"]);
  });

  test("is not opened where the source does not give its header", async () => {
    const { opened, noted } = streaming([]);
    const reading = new ReadAhead(opened, "ascending").take(large(1), nothing);
    expect(await reading.openLarge()).toBeUndefined();
    await reading.messages.return?.();
    expect(noted).toEqual(["header 1"]);
  });

  test("fails whoever takes it as it failed before, and no one else", async () => {
    const lost = new Error("lost");
    const { opened } = streaming();
    for (const openMessage of [
      async () => Promise.reject(lost),
      async () => {
        const stream = Readable.from([]).once("error", nothing);
        stream.destroy(lost);
        return stream;
      },
    ]) {
      opened.openMessage = openMessage;
      const reader = new ReadAhead(opened, "ascending");
      const first = large(1);
      reader.begin([first]);
      await turn();
      const reading = reader.take(first, nothing);
      await expect((await reading.openLarge())?.content()).rejects.toBe(lost);
      await reading.messages.return?.();
      await reader.stop();
    }
  });
});

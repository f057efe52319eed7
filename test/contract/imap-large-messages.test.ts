import { buffer } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { createImapSource } from "../../shared/adapters/imap/index.ts";
import { endpointSchema } from "../../shared/domain/endpoint.ts";
import type { Uid } from "../../shared/domain/names.ts";
import type { OpenSourceFolder } from "../../shared/migration/ports/source.ts";
import { type Exchange, type ScriptedServer, startScriptedServer } from "./imap/scripted-server.ts";

const megabyte = 1024 * 1024;
const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** What is asked for with a part: where it begins, how long it may be, and how often a part was asked for before. */
interface Asked {
  readonly offset: number;
  readonly length: number;
  readonly before: number;
}

type Answer = (asked: Asked, exchange: Exchange) => Promise<void> | void;

interface Ways {
  readonly greeting?: string;
  /** What a FETCH of the flags says. */
  readonly isThere?: boolean;
}

async function openFolder(
  answer: Answer,
  { greeting, isThere = false }: Ways = {},
): Promise<[OpenSourceFolder, ScriptedServer]> {
  let before = 0;
  const server = await startScriptedServer({
    ...(greeting === undefined ? {} : { greeting }),
    on: async (exchange) => {
      const [, offset, length] = /^UID FETCH 1 .*<(\d+)\.(\d+)>/.exec(exchange.command) ?? [];
      if (length === undefined) {
        if (!isThere || !exchange.command.startsWith("UID FETCH 1 ")) return false;
        exchange.send("* 1 FETCH (UID 1 FLAGS ())", `${exchange.tag} OK done`);
        return true;
      }
      await answer({ offset: Number(offset), length: Number(length), before: before++ }, exchange);
      exchange.send(`${exchange.tag} OK done`);
      return true;
    },
  });
  stops.push(() => server.stop());
  const mailbox = await createImapSource({ timeouts: {} }).open({
    endpoint: endpointSchema.parse({
      host: server.host,
      port: server.port,
      security: "none",
      allowInsecure: true,
    }),
    userName: "user",
    password: "canary-password",
  });
  stops.push(() => mailbox.close());
  return [await mailbox.openFolder("INBOX"), server];
}

/** Bytes that are another line each time, so that none can be left out or come twice unseen. */
function contentOf(bytes: number): Buffer {
  const lines: string[] = [];
  for (let at = 0; at < bytes; at += 16) lines.push(`${at}`.padStart(14, "0"), "\r\n");
  return Buffer.from(lines.join("")).subarray(0, bytes);
}

/** A part as a server gives it, which may announce another size than the message has. */
function given(content: Buffer, announced = content.length, most = Number.POSITIVE_INFINITY): Answer {
  return ({ offset, length }, { socket }) => {
    const part = content.subarray(offset, offset + Math.min(length, most));
    socket.write(`* 1 FETCH (UID 1 RFC822.SIZE ${announced} BODY[]<${offset}> {${part.length}}\r\n`);
    socket.write(part);
    socket.write(")\r\n");
  };
}

const partsAskedFor = ({ commands }: ScriptedServer) =>
  commands.filter((command) => /^UID FETCH .*<\d+\.\d+>/.test(command)).length;
const read = async (folder: OpenSourceFolder) => buffer(await folder.openMessage(1 as Uid));

describe("a large message", () => {
  test("takes two round trips on a fast line, and the next one takes one", async () => {
    const content = contentOf(20 * megabyte);
    const [folder, server] = await openFolder(given(content));
    expect((await read(folder)).equals(content)).toBe(true);
    expect(partsAskedFor(server)).toBe(2);
    expect((await read(folder)).equals(content)).toBe(true);
    expect(partsAskedFor(server)).toBe(3);
  });

  test("is read in short parts while the line is slow", async () => {
    const content = contentOf(5 * megabyte);
    const lengths: number[] = [];
    const [folder] = await openFolder(async (asked, exchange) => {
      lengths.push(asked.length);
      await new Promise((resolve) => setTimeout(resolve, 4_200));
      await given(content)(asked, exchange);
    });
    expect((await read(folder)).equals(content)).toBe(true);
    expect(lengths).toEqual([2 * megabyte, 2 * megabyte, 2 * megabyte]);
  }, 30_000);

  test("holds the server back in the midst of a part while nobody takes it", async () => {
    const content = contentOf(30 * megabyte);
    let written = 0;
    const [folder] = await openFolder(async (asked, exchange) => {
      if (asked.before === 0) return given(content)(asked, exchange);
      const { socket } = exchange;
      const part = content.subarray(asked.offset, asked.offset + asked.length);
      socket.write(
        `* 1 FETCH (UID 1 RFC822.SIZE ${content.length} BODY[]<${asked.offset}> {${part.length}}\r\n`,
      );
      for (; written < part.length && !socket.destroyed; written += 65_536)
        if (!socket.write(part.subarray(written, written + 65_536)))
          await new Promise<void>((resolve) => {
            socket.once("drain", resolve);
            socket.once("close", resolve);
          });
      socket.write(")\r\n");
    });
    const pieces: Buffer[] = [];
    let whenHeldBack = 0;
    let bytes = 0;
    for await (const piece of (await folder.openMessage(1 as Uid)) as AsyncIterable<Buffer>) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes < 3 * megabyte || whenHeldBack > 0) continue;
      await new Promise((resolve) => setTimeout(resolve, 500));
      whenHeldBack = written;
    }
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    expect(whenHeldBack).toBeGreaterThan(0);
    expect(whenHeldBack).toBeLessThan(20 * megabyte);
  });

  test.each([
    ["announced too small", 100, 6 * megabyte],
    ["announced too large", 40 * megabyte, 40 * megabyte],
    ["announced too small by a server that caps parts", 4 * megabyte - 1, 3 * megabyte],
    ["announced as it is by a server that caps parts", 9 * megabyte, 3 * megabyte],
  ])("is whole where it is %s", async (_, announced, most) => {
    const content = contentOf(9 * megabyte);
    const [folder] = await openFolder(given(content, announced, most));
    expect((await read(folder)).equals(content)).toBe(true);
  });

  test.each([true, false])(
    "is whole where a server says NIL beyond its end: %s, as it is there",
    async (isThere) => {
      const content = contentOf(3 * megabyte);
      const [folder] = await openFolder(
        (asked, exchange) => {
          if (asked.offset < content.length) return given(content, 4 * megabyte)(asked, exchange);
          exchange.send(`* 1 FETCH (UID 1 RFC822.SIZE ${4 * megabyte} BODY[]<${asked.offset}> NIL)`);
        },
        { isThere },
      );
      if (isThere) expect((await read(folder)).equals(content)).toBe(true);
      else await expect(read(folder)).rejects.toMatchObject({ kind: "item", code: "MessageUnreadable" });
    },
  );

  test.each([
    [
      "the UID comes behind the body",
      (text: string) => `BODY[]<0> {${text.length}}\r\n${text} UID 1 RFC822.SIZE 12`,
    ],
    ["the body is a quoted string", (text: string) => `UID 1 RFC822.SIZE 12 BODY[]<0> "${text}"`],
    ["something else looks like a body", (text: string) => `UID 1 RFC822.SIZE 12 BODY[]<0> {12}\r\n${text}`],
  ])("is whole where %s", async (_, items) => {
    const text = "a {5}b {8} c";
    const [folder] = await openFolder((_asked, { send }) => send(`* 1 FETCH (${items(text)})`, "* 3 EXISTS"));
    expect((await read(folder)).toString()).toBe(text);
  });

  test("of nothing is empty", async () => {
    const [folder] = await openFolder(given(Buffer.alloc(0)));
    expect(await read(folder)).toHaveLength(0);
  });

  const text = "x".repeat(100);
  const refused: readonly (readonly [string, Answer])[] = [
    [
      "that comes whole in place of a part",
      ({ offset }, exchange) =>
        given(contentOf(8 * megabyte))({ offset, length: 8 * megabyte, before: 0 }, exchange),
    ],
    ["of which nothing comes", () => undefined],
    ["that is NIL", (_, { send }) => send("* 1 FETCH (UID 1 RFC822.SIZE 100 BODY[]<0> NIL)")],
    [
      "that is another one",
      (_, { send }) => send(`* 1 FETCH (UID 2 RFC822.SIZE 100 BODY[]<0> {100}\r\n${text})`),
    ],
  ];
  test.each(refused)(
    "%s is refused before its stream is there, and the session goes on",
    async (_, answer) => {
      const [folder, server] = await openFolder(answer);
      await expect(folder.openMessage(1 as Uid)).rejects.toMatchObject({ code: "MessageUnreadable" });
      await folder.searchUids();
      expect(server.commands.filter((command) => command.startsWith("LOGIN")).length).toBeLessThan(2);
    },
  );

  test("of which the first of two answers counts is not mixed from both", async () => {
    const [folder] = await openFolder((_, { send }) => {
      for (const letter of ["a", "b"])
        send(`* 1 FETCH (UID 1 RFC822.SIZE 100 BODY[]<0> {100}\r\n${letter.repeat(100)})`);
    });
    expect((await read(folder)).toString()).toBe("a".repeat(100));
  });

  test("in whose place another text comes in the midst never ends as if it were whole", async () => {
    const content = contentOf(9 * megabyte);
    const [folder] = await openFolder((asked, exchange) =>
      given(content, asked.before === 0 ? content.length : 9 * megabyte + 1)(asked, exchange),
    );
    await expect(read(folder)).rejects.toMatchObject({ kind: "item", code: "MessageUnreadable" });
  });

  test("that is gone has no stand-in of Courier's taken for it", async () => {
    const notice = Buffer.from(
      "From: System Administrator <root@localhost>\r\nSubject: message unavailable\r\n\r\n" +
        "This message is no longer available on the server.\r\n",
    );
    const [folder] = await openFolder(given(notice), { greeting: "* OK Courier-IMAP ready" });
    await expect(folder.openMessage(1 as Uid)).rejects.toMatchObject({ code: "MessageUnreadable" });
  });

  test.each([0, 1, 40])("that is given up after %i pieces holds no other command", async (count) => {
    const content = contentOf(24 * megabyte);
    const [folder] = await openFolder(given(content));
    const stream = await folder.openMessage(1 as Uid);
    const pieces = stream[Symbol.asyncIterator]();
    for (let taken = 0; taken < count; taken++) await pieces.next();
    stream.destroy();
    await folder.searchUids();
    expect((await read(folder)).equals(content)).toBe(true);
  });

  test("that breaks off fails", async () => {
    const content = contentOf(24 * megabyte);
    const [folder] = await openFolder((_, { socket }) => {
      socket.write(`* 1 FETCH (UID 1 RFC822.SIZE ${content.length} BODY[]<0> {${2 * megabyte}}\r\n`);
      socket.end(content.subarray(0, megabyte));
    });
    await expect(read(folder)).rejects.toMatchObject({ kind: "transient" });
  });
});

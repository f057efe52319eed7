import { Readable } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import { createImapTarget } from "../../shared/adapters/imap/index.ts";
import type { Stamp, TargetFolderId, Uid } from "../../shared/domain/names.ts";
import type { OutgoingMessage, TargetMailbox } from "../../shared/migration/ports/target.ts";
import {
  type Exchange,
  type Script,
  type ScriptedServer,
  startScriptedServer,
} from "./imap/scripted-server.ts";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function serve(
  capabilities: string,
  on: Script["on"],
  script: Pick<Script, "onLiteral"> = {},
): Promise<ScriptedServer> {
  const server = await startScriptedServer({
    ...script,
    capabilities: `NAMESPACE UIDPLUS ${capabilities}`,
    ...(on ? { on } : {}),
  });
  stops.push(() => server.stop());
  return server;
}

/** @param connections one for commands, and the others for APPEND. */
async function openTarget(server: ScriptedServer, connections = 2): Promise<TargetMailbox> {
  const mailbox = await createImapTarget({
    host: server.host,
    port: server.port,
    security: "none",
    authentication: "password",
    userFormat: "{emailAddress}",
    password: "canary-password",
    acceptUntrustedCertificates: false,
    connectionsPerMailbox: connections,
  }).open({ id: "user", emailAddress: "user" });
  stops.push(() => mailbox.close());
  return mailbox;
}

function outgoing(n: number, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const content = Buffer.from(`Subject: ${n}\r\n\r\n`.padEnd(100 + n, "x"));
  return {
    uid: n as Uid,
    stamp: `stamp-${n}` as Stamp,
    chunkToken: "token",
    internalDate: new Date(0),
    flags: [],
    size: content.length,
    content,
    timeoutMs: 5_000,
    ...more,
  };
}

const inbox = "INBOX" as TargetFolderId;
const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

/** What became of each: its id, or the error. */
const outcomes = (writes: readonly Promise<string>[]) =>
  Promise.all(writes.map((write) => write.catch((error: unknown) => error)));

/** The size of each message of an APPEND, by which a test knows which it is. */
const sizesIn = (command: string) => [...command.matchAll(/\{(\d+)\+?\}/g)].map(([, size]) => Number(size));
const numbersIn = (command: string) => sizesIn(command).map((size) => size - 100);

/** Answers each APPEND by the number of its first message; other commands as usual. */
const appends =
  (answer: (exchange: Exchange, messages: readonly number[]) => void): Script["on"] =>
  (exchange) => {
    if (!exchange.command.startsWith("APPEND")) return false;
    answer(exchange, numbersIn(exchange.command));
    return true;
  };

const appendsOf = ({ commands }: ScriptedServer) =>
  commands.filter((command) => command.startsWith("APPEND"));

describe("APPENDs one behind another", () => {
  test("are sent before the first is answered, and each answer is that of its message", async () => {
    const waiting: { readonly tag: string; readonly first: number }[] = [];
    const server = await serve(
      "LITERAL+",
      appends(({ tag, send }, [first = 0]) => {
        waiting.push({ tag, first });
        if (waiting.length < 5) return;
        // In another order than they came.
        for (const one of waiting.toReversed()) send(`${one.tag} OK [APPENDUID 7 ${one.first + 50}] done`);
      }),
    );
    const mailbox = await openTarget(server);
    const ids = await Promise.all(numbers(5).map((n) => mailbox.write(inbox, outgoing(n))));
    expect(ids).toEqual(["7:51", "7:52", "7:53", "7:54", "7:55"]);
    expect(appendsOf(server).every((command) => command.endsWith("+}"))).toBe(true);
  });

  test("a refusal in the middle is that of its message alone", async () => {
    const refusals: Readonly<Record<number, string>> = {
      2: "NO [TOOBIG] no",
      3: "NO [OVERQUOTA] full",
      4: "NO [TRYCREATE] no such folder",
      5: "BAD header",
    };
    const server = await serve(
      "LITERAL+",
      appends(({ tag, send }, [first = 0]) =>
        send(`${tag} ${refusals[first] ?? `OK [APPENDUID 7 ${first}] done`}`),
      ),
    );
    const mailbox = await openTarget(server);
    expect(await outcomes(numbers(6).map((n) => mailbox.write(inbox, outgoing(n))))).toMatchObject([
      "7:1",
      { code: "MessageTooLarge", inDoubt: false },
      { code: "TargetQuotaExceeded", inDoubt: false },
      { code: "TargetFolderGone", inDoubt: false },
      { code: "MessageRefused", inDoubt: false },
      "7:6",
    ]);
  });

  test("a connection that drops leaves exactly those without an answer in doubt, and the next message gets another", async () => {
    let seen = 0;
    const server = await serve(
      "LITERAL+",
      appends(({ tag, send, socket }, [first = 0]) => {
        seen++;
        if (seen <= 2 || seen > 5) send(`${tag} OK [APPENDUID 7 ${first}] done`);
        if (seen === 5) socket.end();
      }),
    );
    const mailbox = await openTarget(server);
    const lost = { kind: "transient", code: "ConnectionLost", inDoubt: true };
    const results = await outcomes(numbers(5).map((n) => mailbox.write(inbox, outgoing(n))));
    expect(results).toMatchObject(["7:1", "7:2", lost, lost, lost]);
    // One failure, not three.
    expect(new Set(results.slice(2)).size).toBe(1);
    expect(await mailbox.write(inbox, outgoing(9))).toBe("7:9");
    expect(mailbox.usable).toBe(true);
  });

  test.each([
    ["a BYE", "* BYE shutting down"],
    ["an answer to nothing", "Z9 OK [APPENDUID 7 1] done"],
    ["a request for a literal that was sent already", "+ go on"],
    ["what is no answer", "A1 PERHAPS"],
  ])("%s ends the connection, and what is under way is in doubt", async (_, line) => {
    const server = await serve(
      "LITERAL+",
      appends(({ send }) => send(line)),
    );
    const mailbox = await openTarget(server);
    expect(await outcomes([mailbox.write(inbox, outgoing(1))])).toMatchObject([
      { kind: "transient", code: "ConnectionLost", inDoubt: true },
    ]);
  });

  test("an answer that does not come in its time leaves the message in doubt", async () => {
    const server = await serve(
      "LITERAL+",
      appends(() => undefined),
    );
    const mailbox = await openTarget(server);
    expect(await outcomes([mailbox.write(inbox, outgoing(1, { timeoutMs: 300 }))])).toMatchObject([
      { kind: "transient", code: "CommandTimeout", inDoubt: true },
    ]);
  });

  test("lines of a server without an end are cut off", async () => {
    const server = await serve(
      "LITERAL+",
      appends(({ socket }) => void socket.write(`* ${"x".repeat(100_000)}`)),
    );
    const mailbox = await openTarget(server);
    expect(await outcomes([mailbox.write(inbox, outgoing(1))])).toMatchObject([
      { kind: "transient", code: "ResponseTooLarge", inDoubt: true },
    ]);
  });

  test("what comes between the answers is passed over, literals with lines in them too", async () => {
    const server = await serve(
      "LITERAL+",
      appends(({ tag, send }, [first = 0]) =>
        send(
          "* 5 EXISTS",
          `* XTRA {${tag.length + 6}}`,
          `${tag} NO x`,
          `${tag} OK [APPENDUID 7 ${first}] done`,
        ),
      ),
    );
    const mailbox = await openTarget(server);
    expect(await mailbox.write(inbox, outgoing(3))).toBe("7:3");
  });

  test("with LITERAL- alone a larger message is asked for, and those behind it wait", async () => {
    const server = await serve(
      "LITERAL-",
      appends(({ tag, send }, [first = 0]) => send(`${tag} OK [APPENDUID 7 ${first}] done`)),
    );
    const mailbox = await openTarget(server);
    const large = Buffer.alloc(5_100, "x");
    const ids = await Promise.all([
      mailbox.write(inbox, outgoing(1)),
      mailbox.write(inbox, outgoing(5_000, { content: large, size: large.length })),
      mailbox.write(inbox, outgoing(2)),
    ]);
    expect(ids).toEqual(["7:1", "7:5000", "7:2"]);
    expect(appendsOf(server).map((command) => /\{.*\}$/.exec(command)?.[0])).toEqual([
      "{101+}",
      "{5100}",
      "{102+}",
    ]);
  });

  test("a folder whose name is not US-ASCII, and a message with NUL", async () => {
    const server = await serve("LITERAL+ BINARY", ({ tag, command, send }) => {
      if (!command.startsWith("APPEND")) return false;
      send(`${tag} OK [APPENDUID 7 1] done`);
      return true;
    });
    const mailbox = await openTarget(server);
    await mailbox.write(
      "Gr\xc3\xbcn" as TargetFolderId,
      outgoing(1, { content: Buffer.from("a: b\r\n\r\n\0") }),
    );
    expect(appendsOf(server)).toEqual([expect.stringMatching(/^APPEND \{5\+\}.* ~\{9\+\}$/)]);
  });

  test.each([
    ["without UIDPLUS", "LITERAL+", "* OK ready", false],
    ["on Courier", "UIDPLUS LITERAL+", "* OK Courier-IMAP ready", false],
    ["without literals that need not be asked for", "UIDPLUS", "* OK ready", true],
  ])("not %s", async (_, capabilities, greeting, several) => {
    let under = 0;
    const server = await startScriptedServer({
      greeting,
      capabilities: `NAMESPACE ${capabilities}`,
      on: async ({ tag, command, send, socket }) => {
        if (!command.startsWith("APPEND")) return false;
        expect(++under).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 30));
        under--;
        if (!socket.destroyed) send(`${tag} NO [TOOBIG] no`);
        return true;
      },
    });
    stops.push(() => server.stop());
    const mailbox = await openTarget(server, several ? 1 : 3);
    expect(mailbox.writeConcurrency).toBe(1);
    const tooLarge = { code: "MessageTooLarge" };
    expect(await outcomes(numbers(3).map((n) => mailbox.write(inbox, outgoing(n))))).toMatchObject([
      tooLarge,
      tooLarge,
      tooLarge,
    ]);
  });
});

describe("a message that comes as a stream", () => {
  const megabyte = 1024 * 1024;
  /** @param breaks true for one of which the source does not give the end. */
  const streamed = (n: number, size: number, breaks = false) =>
    outgoing(n, {
      size: 1,
      content: async () =>
        Readable.from(
          (async function* () {
            yield Buffer.from("Subject: large\r\n\r\n");
            for (let left = size - 18; left > 0; left -= 65_536) {
              if (breaks && left < size / 2) throw new Error("no more");
              yield Buffer.alloc(Math.min(65_536, left), "x");
            }
          })(),
        ),
    });
  const done = appends(({ tag, send }, messages) =>
    send(`${tag} OK [APPENDUID 7 ${messages.map((n) => n + 100).join(",")}] done`),
  );
  const sent = (server: ScriptedServer) => appendsOf(server).flatMap(sizesIn);

  test.each(["LITERAL+", "LITERAL-", "LITERAL+ MULTIAPPEND"])(
    "is sent with others before and behind it: %s",
    async (capabilities) => {
      const server = await serve(capabilities, done);
      const mailbox = await openTarget(server);
      const sizes = [5 * megabyte, 300, 3 * megabyte + 1];
      const ids = await Promise.all([
        mailbox.write(inbox, outgoing(1)),
        ...sizes.map((size, index) => mailbox.write(inbox, streamed(index + 2, size))),
        mailbox.write(inbox, outgoing(9)),
      ]);
      expect(sent(server).sort()).toEqual([101, ...sizes, 109].sort());
      expect(ids).toEqual([101, ...sizes, 109].map((size) => `7:${size}`));
    },
  );

  test("is sent whole where it is refused before, and what comes behind it is not harmed", async () => {
    const server = await serve(
      "LITERAL+",
      ({ tag, command, send }) => {
        if (!command.startsWith("APPEND")) return false;
        const [size = 0] = sizesIn(command);
        if (size < megabyte) send(`${tag} OK [APPENDUID 7 ${size}] done`);
        return true;
      },
      {
        onLiteral({ tag, command, send }) {
          if (sizesIn(command).some((size) => size > megabyte)) send(`${tag} NO [OVERQUOTA] full`);
        },
      },
    );
    const mailbox = await openTarget(server);
    const large = mailbox.write(inbox, streamed(2, 20 * megabyte));
    const results = await outcomes([large, mailbox.write(inbox, outgoing(9))]);
    expect(results).toMatchObject([{ code: "TargetQuotaExceeded", inDoubt: false }, "7:109"]);
    expect(sent(server)).toContain(20 * megabyte);
  });

  test("refused by a server that reads no more of it is waited for in its time alone", async () => {
    const server = await serve("LITERAL+", done, {
      onLiteral({ tag, command, send, socket }) {
        if (!sizesIn(command).some((size) => size > megabyte)) return;
        send(`${tag} NO [OVERQUOTA] full`);
        socket.pause();
      },
    });
    const mailbox = await openTarget(server);
    const message = { ...streamed(2, 40 * megabyte), timeoutMs: 500 };
    expect(await outcomes([mailbox.write(inbox, message)])).toMatchObject([
      { code: "TargetQuotaExceeded", inDoubt: false },
    ]);
    expect(await mailbox.write(inbox, outgoing(3))).toBe("7:103");
  });

  test("accepted with the last words of the server is accepted", async () => {
    const server = await serve(
      "LITERAL+",
      appends(({ tag, socket }) => socket.end(`${tag} OK [APPENDUID 7 1] done\r\n* BYE enough\r\n`)),
    );
    const mailbox = await openTarget(server);
    expect(await outcomes([mailbox.write(inbox, streamed(2, 5 * megabyte))])).toEqual(["7:1"]);
  });

  test("accepted before all of it was sent, on a connection that ends, is in doubt", async () => {
    const server = await serve("LITERAL+", done, {
      onLiteral({ tag, command, send, socket }) {
        if (!sizesIn(command).some((size) => size > megabyte)) return;
        send(`${tag} OK [APPENDUID 7 1] done`);
        socket.pause();
      },
    });
    const mailbox = await openTarget(server);
    const message = { ...streamed(2, 40 * megabyte), timeoutMs: 500 };
    expect(await outcomes([mailbox.write(inbox, message)])).toMatchObject([
      { code: "CommandTimeout", inDoubt: true },
    ]);
  });

  test("is in doubt where the connection ends in the middle, and the next one gets another", async () => {
    let cuts = 1;
    const server = await serve("LITERAL+", done, {
      onLiteral({ command, socket }) {
        if (sizesIn(command).some((size) => size > megabyte) && cuts-- > 0) socket.destroy();
      },
    });
    const mailbox = await openTarget(server);
    expect(await outcomes([mailbox.write(inbox, streamed(2, 20 * megabyte))])).toMatchObject([
      { kind: "transient", code: "ConnectionLost", inDoubt: true },
    ]);
    expect(await mailbox.write(inbox, streamed(2, 20 * megabyte))).toBe(`7:${20 * megabyte}`);
  });

  test("is not sent where the server stops reading, beyond its time", async () => {
    const server = await serve("LITERAL+", done, { onLiteral: ({ socket }) => void socket.pause() });
    const mailbox = await openTarget(server);
    const message = { ...streamed(2, 40 * megabyte), timeoutMs: 500 };
    expect(await outcomes([mailbox.write(inbox, message)])).toMatchObject([
      { kind: "transient", code: "CommandTimeout", inDoubt: true },
    ]);
  });

  test("is not begun where the source does not give all of it", async () => {
    const server = await serve("LITERAL+", done);
    const mailbox = await openTarget(server);
    await expect(mailbox.write(inbox, streamed(2, 5 * megabyte, true))).rejects.toMatchObject({
      code: "SpoolFailed",
      inDoubt: false,
    });
    expect(appendsOf(server)).toEqual([]);
  });

  test("is not begun beyond what the server takes", async () => {
    const server = await serve("LITERAL+ APPENDLIMIT=100000", done);
    const mailbox = await openTarget(server);
    await expect(mailbox.write(inbox, streamed(2, megabyte))).rejects.toMatchObject({
      kind: "item",
      code: "MessageTooLarge",
    });
    expect(appendsOf(server)).toEqual([]);
  });

  test("with a NUL somewhere is sent as such, or refused where the server takes none", async () => {
    const content = async () => Readable.from([Buffer.from("a: b\r\n\r\n"), Buffer.alloc(200_000)]);
    for (const [capabilities, command] of [
      ["LITERAL+ BINARY", "~{200008+}"],
      ["LITERAL+", undefined],
    ] as const) {
      const server = await serve(capabilities, done);
      const mailbox = await openTarget(server);
      const [result] = await outcomes([mailbox.write(inbox, outgoing(1, { content }))]);
      if (command === undefined) expect(result).toMatchObject({ code: "MessageHasNul" });
      else expect(appendsOf(server)[0]).toContain(command);
    }
  });

  test("is sent from memory, one at a time, where the server takes no pipelines", async () => {
    const mailbox = await openTarget(await serve("", done));
    const writes = [2, 3].map((n) => mailbox.write(inbox, streamed(n, 5 * megabyte + n)));
    expect(await Promise.all(writes)).toEqual([2, 3].map((n) => `7:${5 * megabyte + n}`));
  });
});

describe("several messages in one APPEND (MULTIAPPEND)", () => {
  test("each gets its own UID", async () => {
    const server = await serve(
      "LITERAL+ MULTIAPPEND",
      appends(({ tag, send }, messages) =>
        send(`${tag} OK [APPENDUID 7 ${messages.map((n) => n + 10).join(",")}] done`),
      ),
    );
    const mailbox = await openTarget(server);
    const ids = await Promise.all(numbers(9).map((n) => mailbox.write(inbox, outgoing(n))));
    expect(ids).toEqual(numbers(9).map((n) => `7:${n + 10}`));
    expect(appendsOf(server).length).toBeLessThan(9);
  });

  test("refused, each is sent alone", async () => {
    const server = await serve(
      "LITERAL+ MULTIAPPEND",
      appends(({ tag, send }, messages) => {
        if (messages.includes(4)) send(`${tag} NO [TOOBIG] no`);
        else send(`${tag} OK [APPENDUID 7 ${messages[0]}:${messages.at(-1)}] done`);
      }),
    );
    const mailbox = await openTarget(server);
    const results = await outcomes(numbers(9).map((n) => mailbox.write(inbox, outgoing(n))));
    expect(results).toMatchObject(
      numbers(9).map((n) => (n === 4 ? { code: "MessageTooLarge", inDoubt: false } : `7:${n}`)),
    );
  });

  test("UIDs that are not as many as the messages leave them in doubt", async () => {
    const server = await serve(
      "LITERAL+ MULTIAPPEND",
      appends(({ tag, send }) => send(`${tag} OK [APPENDUID 7 1:4294967295] done`)),
    );
    const mailbox = await openTarget(server);
    const results = await outcomes(numbers(3).map((n) => mailbox.write(inbox, outgoing(n))));
    for (const result of results.slice(1)) expect(result).toMatchObject({ inDoubt: true });
  });
});

describe("folders made one behind another", () => {
  interface Told {
    readonly exchange: Exchange;
    readonly verb: string;
    readonly name: string;
  }

  /** A server that keeps names of folders. @param on answers a command in another way, and then returns true. */
  async function serveFolders(
    names: readonly string[],
    on: (told: Told, folders: Set<string>, subscribed: Set<string>) => boolean,
  ) {
    const folders = new Set(["INBOX", ...names]);
    const subscribed = new Set<string>();
    const server = await serve("LITERAL+", (exchange) => {
      const { command, tag, send } = exchange;
      const [, verb = "", name = ""] = /^(\w+) "([^"]*)"/.exec(command) ?? [];
      if (on({ exchange, verb, name }, folders, subscribed)) return true;
      const known = folders.has(name);
      if (verb === "CREATE") folders.add(name);
      else if (verb === "SUBSCRIBE") subscribed.add(name);
      else if (verb === "UNSUBSCRIBE") subscribed.delete(name);
      else if (verb === "LIST") {
        const pattern = /"([^"]*)"$/.exec(command)?.[1] ?? "*";
        const shown = pattern.endsWith("*") ? folders : [pattern].filter((one) => folders.has(one));
        for (const folder of shown) send(`* LIST () "/" "${folder}"`);
      } else if (verb !== "STATUS") return false;
      const isRefused = verb === "CREATE" ? known : verb === "STATUS" && !known;
      if (verb === "STATUS" && known)
        send(`* STATUS "${name}" (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7 UNSEEN 0)`);
      send(`${tag} ${isRefused ? "NO" : "OK"} done`);
      return true;
    });
    const sent = (...verbs: readonly string[]) =>
      server.commands.filter((command) => verbs.includes(command.split(" ")[0] ?? ""));
    return { server, folders, subscribed, sent };
  }

  const wanted = numbers(40).map((n) => ({ segments: [`Folder ${n}`] }));
  const ensureAll = async (
    mailbox: TargetMailbox,
    all: readonly { readonly segments: readonly string[] }[],
  ) => {
    const ids: string[] = [];
    for (const { segments } of all) ids.push((await mailbox.ensureFolder(segments)).id);
    return ids;
  };

  test("take one window a depth and two listings, and nothing is asked for them again", async () => {
    const waiting: Exchange[] = [];
    const { server, subscribed, sent } = await serveFolders([], ({ exchange, verb, name }, folders) => {
      // The first is answered when the last has come.
      if (verb !== "CREATE" || waiting.length === wanted.length) return false;
      folders.add(name);
      waiting.push(exchange);
      if (waiting.length === wanted.length) for (const { tag, send } of waiting) send(`${tag} OK done`);
      return true;
    });
    const mailbox = await openTarget(server);
    const below = wanted.map(({ segments }) => ({ segments: [...segments, "Below"] }));
    await mailbox.prepareFolders([...wanted, ...below]);
    expect(sent("CREATE")).toHaveLength(80);
    const before = server.commands.length;
    const paths = [...wanted, ...below].map(({ segments }) => segments.join("/"));
    expect(await ensureAll(mailbox, [...wanted, ...below])).toEqual(paths);
    expect(server.commands).toHaveLength(before);
    expect(subscribed).toEqual(new Set(paths));
    expect(sent("LIST")).toHaveLength(2);
    expect(sent("LOGIN", "AUTHENTICATE")).toHaveLength(2);
  });

  test("a few are made without another login", async () => {
    const { server, sent, subscribed } = await serveFolders([], () => false);
    const mailbox = await openTarget(server);
    await mailbox.prepareFolders(wanted.slice(0, 3));
    await ensureAll(mailbox, wanted.slice(0, 3));
    expect(sent("LOGIN", "AUTHENTICATE")).toHaveLength(1);
    expect(subscribed.size).toBe(3);
  });

  test("those that are there already are asked at once whether they hold messages", async () => {
    const paths = wanted.map(({ segments }) => segments.join("/"));
    const { server, sent } = await serveFolders(paths, ({ exchange, verb, name }) => {
      if (verb !== "STATUS" || name !== "Folder 7" || sent("CREATE").length > 0) return false;
      exchange.send(`${exchange.tag} NO only a name`);
      return true;
    });
    const mailbox = await openTarget(server);
    await mailbox.prepareFolders(wanted);
    expect(sent("STATUS")).toHaveLength(40);
    await ensureAll(mailbox, wanted);
    expect(sent("STATUS")).toHaveLength(41);
    expect(sent("CREATE")).toEqual(['CREATE "Folder 7"']);
  });

  test("one that is refused costs no other, leaves no subscription, and has nothing made below it", async () => {
    const all = [{ segments: ["no*"] }, { segments: ["no*", "Below"] }, ...wanted];
    const { server, folders, subscribed } = await serveFolders([], ({ exchange, verb, name }) => {
      if (verb !== "CREATE" || !name.startsWith("no*")) return false;
      exchange.send(`${exchange.tag} NO not such a name`);
      return true;
    });
    const mailbox = await openTarget(server);
    await mailbox.prepareFolders(all);
    expect(server.commands).not.toContain('CREATE "no*/Below"');
    expect(subscribed).toEqual(new Set(wanted.map(({ segments }) => segments[0])));
    expect((await ensureAll(mailbox, all)).slice(0, 2)).toEqual(["no_", "no_/Below"]);
    expect(folders.size).toBe(43);
    expect([...folders].filter((name) => !subscribed.has(name))).toEqual(["INBOX"]);
  });

  test("are all there and subscribed where the line drops in the middle", async () => {
    let created = 0;
    const { server, folders, subscribed } = await serveFolders([], ({ exchange, verb, name }, known) => {
      if (exchange.socket.destroyed) return true;
      if (verb !== "CREATE" || ++created !== 20) return false;
      known.add(name);
      exchange.socket.destroy();
      return true;
    });
    const mailbox = await openTarget(server);
    await mailbox.prepareFolders(wanted);
    await ensureAll(mailbox, wanted);
    expect(folders.size).toBe(41);
    expect(subscribed.size).toBe(40);
  });

  test("a name that the server stores in another form is subscribed as it is stored", async () => {
    const { server, subscribed } = await serveFolders([], ({ exchange, verb, name }, folders) => {
      if (verb !== "CREATE" || !name.endsWith(" ")) return false;
      exchange.send(`${exchange.tag} ${folders.has(name.trim()) ? "NO" : "OK"} done`);
      folders.add(name.trim());
      return true;
    });
    const mailbox = await openTarget(server);
    const all = [{ segments: ["Trimmed "] }, ...wanted];
    await mailbox.prepareFolders(all);
    expect((await ensureAll(mailbox, all))[0]).toBe("Trimmed");
    expect(subscribed).toContain("Trimmed");
  });

  test.each([
    ["projects", ["Projects"]],
    ["Inbox", ["INBOX", "Below"]],
  ])("a folder %s of the user stays subscribed where case makes no difference", async (own, segments) => {
    const alike = (folders: Set<string>, name: string) =>
      [...folders].find((one) => one.toLowerCase() === name.toLowerCase());
    const { server, subscribed } = await serveFolders([own], ({ exchange, verb, name }, folders, known) => {
      if (own === "Inbox") folders.delete("INBOX");
      const found = alike(folders, name);
      if (verb === "CREATE" && found === undefined) return false;
      if (verb === "SUBSCRIBE") known.add(found ?? name);
      else if (verb === "UNSUBSCRIBE") known.delete(found ?? name);
      else if (verb !== "CREATE") return false;
      exchange.send(`${exchange.tag} ${verb === "CREATE" ? "NO [ALREADYEXISTS]" : "OK"} done`);
      return true;
    });
    subscribed.add(own);
    const mailbox = await openTarget(server);
    const all = [{ segments }, ...wanted, { segments: ["folder 1"] }];
    await mailbox.prepareFolders(all);
    await ensureAll(mailbox, all);
    expect(subscribed).toContain(own);
    expect(subscribed).toContain("Folder 1");
  });

  test("nothing is made below a name that the server stored in another form", async () => {
    const { server, folders } = await serveFolders([], ({ exchange, verb, name }, known) => {
      if (verb !== "CREATE") return false;
      exchange.send(`${exchange.tag} ${known.has(name.trim()) ? "NO" : "OK"} done`);
      known.add(name.trim());
      return true;
    });
    const mailbox = await openTarget(server);
    const all = [{ segments: ["Trimmed ", "Below"] }, ...wanted];
    await mailbox.prepareFolders(all);
    expect((await ensureAll(mailbox, all))[0]).toBe("Trimmed/Below");
    expect([...folders].filter((name) => name.startsWith("Trimmed"))).toEqual(["Trimmed", "Trimmed/Below"]);
  });

  test("one that is gone when it is looked at again is made again", async () => {
    const { server, folders } = await serveFolders([], () => false);
    const mailbox = await openTarget(server);
    await mailbox.prepareFolders(wanted);
    folders.delete("Folder 7");
    await mailbox.prepareFolders(wanted);
    await ensureAll(mailbox, wanted);
    expect(folders).toContain("Folder 7");
  });

  test("a listing that fails is left to those who need the folders", async () => {
    let lists = 0;
    const { server, folders } = await serveFolders([], ({ exchange, verb }) => {
      if (verb !== "LIST" || !exchange.command.endsWith('"*"') || ++lists !== 2) return false;
      exchange.send(`${exchange.tag} NO [UNAVAILABLE] later`);
      return true;
    });
    const mailbox = await openTarget(server);
    await mailbox.prepareFolders(wanted);
    expect(lists).toBe(2);
    await ensureAll(mailbox, wanted);
    expect(folders.size).toBe(41);
  });
});

import { afterEach, describe, expect, test, vi } from "vitest";
import { createImapSource } from "../../shared/adapters/imap/index.ts";
import { endpointSchema } from "../../shared/domain/endpoint.ts";
import type { Uid } from "../../shared/domain/names.ts";
import type {
  OpenSourceFolder,
  SourceConnector,
  SourceMailbox,
} from "../../shared/migration/ports/source.ts";
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

const summariesNext = true;
const row = (uid: number, size: number) =>
  `* ${uid} FETCH (UID ${uid} FLAGS () INTERNALDATE "01-Jan-2024 00:00:00 +0000" RFC822.SIZE ${size})`;
/** UIDs 1 to 3, which the scripted server lists and opens, with a size that tells whose they are. */
const rows = (size: number) => [1, 2, 3].map((uid) => row(uid, size));
const examined = (messages = 3) => [
  `* ${messages} EXISTS`,
  "* OK [UIDVALIDITY 7] ok",
  `* OK [UIDNEXT ${messages + 1}] ok`,
];

/** A server with what a test wants of it; everything else it answers by itself. */
async function serve(on: NonNullable<Script["on"]>, capabilities = "LITERAL+"): Promise<ScriptedServer> {
  const server = await startScriptedServer({
    capabilities,
    on: async (exchange) => {
      if (await on(exchange)) return true;
      const { command, tag, send } = exchange;
      if (command.startsWith("UID FETCH")) send(...rows(100), `${tag} OK done`);
      else if (command.startsWith("UID SEARCH")) send("* SEARCH 1 2 3", `${tag} OK done`);
      else return false;
      return true;
    },
  });
  stops.push(() => server.stop());
  return server;
}

async function open(
  { host, port }: ScriptedServer,
  source: SourceConnector = createImapSource(),
): Promise<SourceMailbox> {
  const mailbox = await source.open({
    endpoint: endpointSchema.parse({ host, port, security: "none", allowInsecure: true }),
    userName: "alice",
    password: "secret",
  });
  stops.push(() => mailbox.close());
  await mailbox.listFolders();
  return mailbox;
}

async function sizesIn(folder: OpenSourceFolder): Promise<readonly number[]> {
  const uids = await folder.searchUids({ summariesNext });
  const sizes: number[] = [];
  for await (const { size } of folder.fetchSummaries(uids)) sizes.push(size);
  return sizes;
}

/** What was sent since the folders were listed. */
const commands = (server: ScriptedServer) =>
  server.commands
    .slice(server.commands.findLastIndex((command) => /^(LIST|STATUS)/.test(command)) + 1)
    .map((command) => /^(UID )?\w+/.exec(command)?.[0]);

/** Keeps EXAMINE without an answer until another command has come, and answers both at once. */
function together(
  answers: (examine: Exchange, next: Exchange) => readonly string[],
): NonNullable<Script["on"]> {
  let waiting: Exchange | undefined;
  return (exchange) => {
    if (exchange.command.startsWith("EXAMINE")) waiting = exchange;
    else if (waiting === undefined) return false;
    else {
      exchange.socket.write(
        answers(waiting, exchange)
          .map((line) => `${line}\r\n`)
          .join(""),
      );
      waiting = undefined;
    }
    return true;
  };
}

describe("a folder of which all summaries are read next", () => {
  test("is asked for them before it has answered that it is open", async () => {
    const server = await serve(
      together((examine, fetch) => [
        ...examined(),
        `${examine.tag} OK open`,
        ...rows(100),
        `${fetch.tag} OK done`,
      ]),
    );
    const mailbox = await open(server);
    expect(await sizesIn(await mailbox.openFolder("INBOX", { summariesNext }))).toEqual([100, 100, 100]);
    expect(commands(server)).toEqual(["EXAMINE", "UID FETCH"]);
    expect(server.commands.at(-1)).toBe("UID FETCH 1:3 (UID FLAGS INTERNALDATE RFC822.SIZE)");
  });

  test("gives one answer for another, however their bytes come", async () => {
    const server = await serve(({ command, tag, socket }) => {
      if (!/^(EXAMINE|UID FETCH)/.test(command)) return false;
      const isFetch = command.startsWith("UID");
      const lines = [...(isFetch ? rows(100) : examined()), `${tag} OK done`];
      for (const byte of lines.map((line) => `${line}\r\n`).join("")) socket.write(byte);
      return true;
    });
    const mailbox = await open(server);
    for (let time = 0; time < 5; time++) {
      const folder = await mailbox.openFolder("INBOX", { summariesNext });
      expect(folder.status).toMatchObject({ messages: 3, uidNext: 4 });
      expect(await sizesIn(folder)).toEqual([100, 100, 100]);
    }
  });

  test("is asked in turn by a server that does not take literals unasked", async () => {
    let isOpen = true;
    const server = await serve(async ({ command, tag, send }) => {
      expect(isOpen).toBe(true);
      if (!command.startsWith("EXAMINE")) return false;
      isOpen = false;
      await new Promise((resolve) => setTimeout(resolve, 30));
      isOpen = true;
      send(...examined(), `${tag} OK open`);
      return true;
    }, "NAMESPACE");
    const mailbox = await open(server);
    expect(await sizesIn(await mailbox.openFolder("INBOX", { summariesNext }))).toEqual([100, 100, 100]);
    expect(commands(server)).toEqual(["EXAMINE", "UID FETCH"]);
  });

  test.each(["OK done", "NO nothing is open", "BAD nothing is open"])(
    "that does not open is not taken for the one before, whose messages are answered %s",
    async (answer) => {
      let isGone = false;
      const server = await serve(({ command, tag, send }) => {
        if (!isGone) return false;
        if (command.startsWith("EXAMINE")) send(`${tag} NO no such folder`);
        else if (command.startsWith("UID FETCH")) send(...rows(666), `${tag} ${answer}`);
        else if (command.startsWith("LIST")) send(`${tag} OK done`);
        else return false;
        return true;
      });
      const mailbox = await open(server);
      await mailbox.openFolder("INBOX");
      isGone = true;
      await expect(mailbox.openFolder("INBOX", { summariesNext })).rejects.toMatchObject({
        code: "SourceFolderGone",
      });
      isGone = false;
      expect(await sizesIn(await mailbox.openFolder("INBOX", { summariesNext }))).toEqual([100, 100, 100]);
    },
  );

  test("that opens at the second attempt is asked again, and not taken for the one before", async () => {
    let examines = 0;
    let fetches = 0;
    const server = await serve(({ command, tag, send }) => {
      if (command.startsWith("EXAMINE") && ++examines === 2) send(`${tag} BAD no CONDSTORE here`);
      else if (command.startsWith("UID FETCH") && ++fetches === 1) send(...rows(666), `${tag} OK done`);
      else return false;
      return true;
    }, "LITERAL+ CONDSTORE");
    const mailbox = await open(server);
    await mailbox.openFolder("INBOX");
    expect(await sizesIn(await mailbox.openFolder("INBOX", { summariesNext }))).toEqual([100, 100, 100]);
    expect([examines, fetches]).toEqual([3, 2]);
  });

  test("is opened alone by a server that does not understand two commands at once, from then on", async () => {
    let isOpening = false;
    const server = await serve(({ command, tag, send }) => {
      if (command.startsWith("EXAMINE")) {
        isOpening = true;
        setTimeout(() => {
          isOpening = false;
          send(...examined(), `${tag} OK open`);
        }, 30);
        return true;
      }
      if (!isOpening) return false;
      setTimeout(() => send(`${tag} BAD one at a time`), 60);
      return true;
    });
    const source = createImapSource();
    for (let time = 0; time < 2; time++) {
      const mailbox = await open(server, source);
      expect(await sizesIn(await mailbox.openFolder("INBOX", { summariesNext }))).toEqual([100, 100, 100]);
    }
    const asked = server.commands.filter((command) => /^(EXAMINE|UID FETCH)/.test(command));
    expect(asked.map((command) => command.slice(0, 3))).toEqual(["EXA", "UID", "UID", "EXA", "UID"]);
  });

  test("is opened alone once a server has ended the connection over two commands", async () => {
    let isOpening = false;
    const server = await serve(({ command, tag, send, socket }) => {
      if (command.startsWith("EXAMINE")) {
        isOpening = true;
        setTimeout(() => {
          isOpening = false;
          send(...examined(), `${tag} OK open`);
        }, 30);
        return true;
      }
      if (isOpening) socket.destroy();
      return isOpening;
    });
    const mailbox = await open(server);
    await expect(mailbox.openFolder("INBOX", { summariesNext })).rejects.toMatchObject({ kind: "transient" });
    await vi.waitUntil(() => !isOpening);
    await mailbox.reconnect();
    expect(await sizesIn(await mailbox.openFolder("INBOX", { summariesNext }))).toEqual([100, 100, 100]);
  });

  test("is not opened where the server wants a pause instead of giving them", async () => {
    const server = await serve(({ command, tag, send }) => {
      if (!command.startsWith("UID FETCH")) return false;
      send(`${tag} NO [THROTTLED] Account exceeded command or bandwidth limits.`);
      return true;
    });
    const mailbox = await open(server);
    await expect(mailbox.openFolder("INBOX", { summariesNext })).rejects.toMatchObject({ kind: "throttled" });
    expect(commands(server)).toEqual(["EXAMINE", "UID FETCH"]);
  });

  test.each(["NO not now", "NO [SERVERBUG] oops"])(
    "is opened where they are refused with %s",
    async (answer) => {
      let fetches = 0;
      const server = await serve(({ command, tag, send }) => {
        if (!command.startsWith("UID FETCH") || ++fetches > 1) return false;
        send(`${tag} ${answer}`);
        return true;
      });
      const mailbox = await open(server);
      expect(await sizesIn(await mailbox.openFolder("INBOX", { summariesNext }))).toEqual([100, 100, 100]);
    },
  );

  test("is asked anew where it holds more than was listed", async () => {
    const server = await serve(({ command, tag, send }) => {
      if (command.startsWith("EXAMINE")) send(...examined(4), `${tag} OK open`);
      else if (command.startsWith("UID FETCH 1:4")) send(...rows(100), row(4, 100), `${tag} OK done`);
      else return false;
      return true;
    });
    const mailbox = await open(server);
    const folder = await mailbox.openFolder("INBOX", { summariesNext });
    expect(await folder.searchUids({ summariesNext })).toEqual([[1, 4]]);
    expect(commands(server)).toEqual(["EXAMINE", "UID FETCH", "UID FETCH"]);
  });
});

describe("a folder that is listed as empty", () => {
  const listedEmpty =
    (messages: number): NonNullable<Script["on"]> =>
    ({ command, tag, send }) => {
      if (command.startsWith("STATUS"))
        send("* STATUS INBOX (MESSAGES 0 UIDNEXT 1 UIDVALIDITY 7 UNSEEN 0)", `${tag} OK done`);
      else if (command.startsWith("EXAMINE")) send(...examined(messages), `${tag} OK open`);
      else return false;
      return true;
    };

  test("is opened, and not searched if it says the same", async () => {
    const server = await serve(listedEmpty(0));
    const mailbox = await open(server);
    const folder = await mailbox.openFolder("INBOX", { summariesNext });
    expect(await folder.searchUids({ summariesNext })).toEqual([]);
    expect(folder.unshownMessages).toBe(0);
    expect(commands(server)).toEqual(["EXAMINE"]);
  });

  test("is searched if it holds something once it is open", async () => {
    const server = await serve(listedEmpty(3));
    const mailbox = await open(server);
    const folder = await mailbox.openFolder("INBOX", { summariesNext });
    expect(await folder.searchUids({ summariesNext })).toEqual([[1, 3]]);
  });

  test("is searched if something of it is known", async () => {
    const server = await serve(listedEmpty(0));
    const mailbox = await open(server);
    await (await mailbox.openFolder("INBOX")).searchUids();
    expect(commands(server)).toContain("UID SEARCH");
  });
});

test("a message that came since the listing is found although another one left meanwhile", async () => {
  const server = await serve(({ command, tag, send }) => {
    if (command.startsWith("EXAMINE")) send(...examined(4), `${tag} OK open`);
    else if (command.startsWith("UID FETCH 1:3")) send(...rows(100), "* 1 EXPUNGE", `${tag} OK done`);
    else if (command.startsWith("UID FETCH 1:4")) send(...rows(100).slice(1), row(4, 100), `${tag} OK done`);
    else return false;
    return true;
  });
  const folder = await (await open(server)).openFolder("INBOX", { summariesNext });
  expect(await folder.searchUids({ summariesNext })).toEqual([[2, 4]]);
});

test("a folder may take as long to open as a command may, also where its summaries are asked for with it", async () => {
  const server = await serve(async ({ command }) => {
    if (command.startsWith("EXAMINE")) await new Promise((resolve) => setTimeout(resolve, 600));
    return false;
  });
  const mailbox = await open(server, createImapSource({ timeouts: { stallMs: 200, commandMs: 5_000 } }));
  const folder = await mailbox.openFolder("INBOX", { summariesNext });
  expect(folder.status.messages).toBe(3);
});

test("a folder streams and finds nothing once another one was opened", async () => {
  const server = await serve(() => false);
  const mailbox = await open(server);
  const folder = await mailbox.openFolder("INBOX");
  await mailbox.openFolder("INBOX");
  const left = { code: "SourceFolderChanged" };
  await expect(folder.openMessage(1 as Uid)).rejects.toMatchObject(left);
  await expect(folder.searchUids({ among: [[1, 3]] })).rejects.toMatchObject(left);
  expect(server.commands.filter((command) => command.includes("BODY"))).toEqual([]);
});

test("a folder gives nothing any more once another one was opened, in which its UIDs are other messages", async () => {
  const server = await serve(() => false);
  const mailbox = await open(server);
  const folder = await mailbox.openFolder("INBOX");
  const other = await mailbox.openFolder("INBOX", { summariesNext });
  const reading = folder.fetchMessages([[1, 3]])[Symbol.asyncIterator]();
  await expect(reading.next()).rejects.toMatchObject({ code: "SourceFolderChanged" });
  expect(server.commands.filter((command) => command.includes("BODY"))).toEqual([]);
  expect(await sizesIn(other)).toEqual([100, 100, 100]);
});

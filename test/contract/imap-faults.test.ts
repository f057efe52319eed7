import { afterEach, describe, expect, test } from "vitest";
import { createImapSource, createImapTarget, type Timeouts } from "../../shared/adapters/imap/index.ts";
import { type Endpoint, endpointSchema, type TokenSource } from "../../shared/domain/endpoint.ts";
import type { Stamp, TargetFolderId, Uid } from "../../shared/domain/names.ts";
import type { SourceMailbox } from "../../shared/migration/ports/source.ts";
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

async function serve(script: Script = {}): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  stops.push(() => server.stop());
  return server;
}

async function openSource(
  server: ScriptedServer,
  more: Partial<Endpoint> = {},
  timeouts: Partial<Timeouts> = {},
): Promise<SourceMailbox> {
  const mailbox = await createImapSource({ timeouts }).open({
    endpoint: endpointSchema.parse({
      host: server.host,
      port: server.port,
      security: "none",
      allowInsecure: true,
      ...more,
    }),
    userName: "user",
    password: "canary-password",
  });
  stops.push(() => mailbox.close());
  return mailbox;
}

async function openTarget(server: ScriptedServer, timeouts: Partial<Timeouts> = {}): Promise<TargetMailbox> {
  const connector = createImapTarget(
    {
      host: server.host,
      port: server.port,
      security: "none",
      authentication: "password",
      userFormat: "{emailAddress}",
      password: "canary-password",
      acceptUntrustedCertificates: false,
      connectionsPerMailbox: 2,
    },
    timeouts,
  );
  const mailbox = await connector.open({ id: "user", emailAddress: "user" });
  stops.push(() => mailbox.close());
  return mailbox;
}

function outgoing(more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    uid: 1 as Uid,
    stamp: "stamp" as Stamp,
    chunkToken: "token",
    internalDate: new Date(0),
    flags: [],
    size: 12,
    content: Buffer.from("Subject: x\r\n\r\nbody\r\n"),
    timeoutMs: 5_000,
    ...more,
  };
}

const inbox = "INBOX" as TargetFolderId;

/** Answers only commands that start with the verb. */
const when =
  (verb: string, reply: (exchange: Exchange) => void | Promise<void>) => async (exchange: Exchange) => {
    if (!exchange.command.toUpperCase().startsWith(verb)) return false;
    await reply(exchange);
    return true;
  };

const row = (uid: number, body = "x\r\n") =>
  `* ${uid} FETCH (UID ${uid} FLAGS () INTERNALDATE "01-Jan-2020 00:00:00 +0000" RFC822.SIZE ${body.length} BODY[] {${body.length}}\r\n${body})`;

async function fetchAll(mailbox: SourceMailbox, last = 3): Promise<{ uids: number[]; error: unknown }> {
  const folder = await mailbox.openFolder("INBOX");
  const uids: number[] = [];
  try {
    for await (const { uid } of folder.fetchMessages([[1, last]])) uids.push(uid);
    return { uids, error: undefined };
  } catch (error) {
    return { uids, error };
  }
}

describe("logins that would open another mailbox", () => {
  test("an authorization identity the server ignores never becomes the administrator's login", async () => {
    const servers: readonly Script[] = [
      { capabilities: "NAMESPACE" },
      { capabilities: "NAMESPACE AUTH=LOGIN" },
      { capabilities: "NAMESPACE AUTH=PLAIN", greeting: "* OK Courier-IMAP ready." },
    ];
    for (const script of servers) {
      const server = await serve(script);
      await expect(openSource(server, { adminUser: "admin" })).rejects.toMatchObject({
        kind: "mailbox",
        code: "AdminMailboxRefused",
      });
      expect(server.commands.filter((command) => /^(LOGIN|AUTHENTICATE)/i.test(command))).toEqual([]);
    }
  });

  test("a row that names the endpoint's administrator is refused before anything is sent", async () => {
    const server = await serve({ capabilities: "NAMESPACE AUTH=PLAIN" });
    await expect(openSource(server, { adminUser: "User" })).rejects.toMatchObject({
      code: "AdminMailboxRefused",
    });
    expect(server.commands).toEqual([]);
  });

  test("a session that is open before the login is refused", async () => {
    const server = await serve({ greeting: "* PREAUTH welcome" });
    await expect(openSource(server)).rejects.toMatchObject({
      kind: "mailbox",
      code: "PreauthenticatedConnection",
    });
  });
});

describe("refused logins", () => {
  test.each([
    ["NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", "mailbox", "AuthenticationFailed"],
    ["NO LOGIN failed.", "mailbox", "AuthenticationFailed"],
    ["NO [AUTHORIZATIONFAILED] no", "transient", "AuthorizationFailed"],
    [
      "NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
      "mailbox",
      "AppPasswordRequired",
    ],
    ["NO [ALERT] Your account is not enabled for IMAP use. (Failure)", "transient", "ImapDisabled"],
    [
      "NO LOGIN failed. BasicAuthBlocked: Basic authentication is disabled",
      "mailbox",
      "PasswordLoginDisabled",
    ],
    ["NO [PRIVACYREQUIRED] TLS first", "transient", "EncryptionRequired"],
    ["NO [EXPIRED] password", "mailbox", "PasswordExpired"],
    ["NO [ALERT] Too many simultaneous connections. (Failure)", "throttled", "ServerThrottled"],
    ["NO [LIMIT] LOGIN Rate limit hit", "throttled", "ServerThrottled"],
    ["NO [INUSE] locked", "throttled", "MailboxInUse"],
    ["NO [UNAVAILABLE] Temporary authentication failure.", "transient", "ServerUnavailable"],
  ])("%s", async (answer, kind, code) => {
    const server = await serve({ on: when("LOGIN", ({ tag, send }) => send(`${tag} ${answer}`)) });
    const error: unknown = await openSource(server).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ kind, code });
    expect(JSON.stringify({ ...(error as Error), message: String(error) })).not.toMatch(/canary|google/);
  });

  test("a login that is taken without access to the mailbox", async () => {
    const server = await serve({
      on: when("NAMESPACE", ({ tag, send }) => send(`${tag} BAD User is authenticated but not connected.`)),
    });
    await expect(openSource(server)).rejects.toMatchObject({ kind: "transient", code: "ImapDisabled" });
  });

  test("a server that says BYE instead of a greeting", async () => {
    const server = await serve({ greeting: "* BYE Too many connections from your address" });
    await expect(openSource(server)).rejects.toMatchObject({ kind: "throttled", code: "ServerThrottled" });
  });

  test("a server that never greets", async () => {
    const server = await serve({ greeting: "" });
    await expect(openSource(server, {}, { greetingMs: 200 })).rejects.toMatchObject({
      kind: "transient",
      code: "ConnectionTimeout",
    });
  });

  test("a server without STARTTLS where it is wanted", async () => {
    const server = await serve();
    await expect(openSource(server, { security: "tls" })).rejects.toMatchObject({
      kind: "transient",
      code: "StartTlsUnsupported",
    });
    expect(server.commands.filter((command) => command.startsWith("LOGIN"))).toEqual([]);
  });
});

describe("access tokens", () => {
  test("log in by XOAUTH2 as the user whose mail it is", async () => {
    const server = await serve({ capabilities: "NAMESPACE AUTH=XOAUTH2 SASL-IR" });
    const endpoint = endpointSchema.parse({
      host: server.host,
      port: server.port,
      security: "none",
      allowInsecure: true,
      authentication: "xoauth2",
      tokenSource: {
        type: "clientCredentials",
        clientId: "app",
        tokenUrl: "https://login.example.com/token",
        scope: "imap",
        secretName: "secret",
      },
    });
    const login = { endpoint, userName: "alberta@example.com", password: "" };
    const tokens = async (_source: TokenSource, user: string) => `token-of-${user}`;
    const mailbox = await createImapSource({ tokens }).open(login);
    await mailbox.close();
    const sent = server.commands.find((command) => command.startsWith("AUTHENTICATE"))?.split(" ") ?? [];
    expect(sent[1]).toBe("XOAUTH2");
    expect(Buffer.from(sent[2] ?? "", "base64").toString()).toBe(
      "user=alberta@example.com\x01auth=Bearer token-of-alberta@example.com\x01\x01",
    );
    await expect(createImapSource().open(login)).rejects.toMatchObject({ code: "TokenSourceMissing" });
  });
});

describe("reading", () => {
  test("a message the server leaves out is absent, and unsolicited rows are no messages", async () => {
    const server = await serve({
      on: when("UID FETCH", ({ tag, send }) => {
        send(
          row(1),
          "* 2 FETCH (FLAGS (\\Seen))",
          "* 2 FETCH (UID 2 FLAGS (\\Seen))",
          row(9),
          row(3),
          row(3),
        );
        send(`${tag} OK done`);
      }),
    });
    expect(await fetchAll(await openSource(server))).toEqual({ uids: [1, 3], error: undefined });
  });

  test("a message whose content the server cannot read is absent", async () => {
    const server = await serve({
      on: when("UID FETCH", ({ tag, send }) => {
        send(row(1).replace("{3}\r\nx\r\n)", "NIL)"), row(2).replace("{3}\r\nx\r\n)", '"")'), row(3));
        send(`${tag} OK done`);
      }),
    });
    expect(await fetchAll(await openSource(server))).toEqual({ uids: [3], error: undefined });
  });

  test("a server that processes two messages at once, the last ones first, is asked for the others", async () => {
    const uids = [1, 2, 3, 4, 5];
    const answerTwo =
      (line: (uids: readonly number[]) => readonly string[]) =>
      ({ tag, command, send }: Exchange) => {
        const [, low = "1", high = "5"] = / (\d+):?(\d*)/.exec(command) ?? [];
        const fits = uids.filter((uid) => uid >= Number(low) && uid <= Number(high || low));
        const [stop = 0, ...rest] = fits.slice(-2);
        send(...line([stop, ...rest]));
        send(`${tag} OK ${fits.length > 2 ? `[MESSAGELIMIT 2 ${stop}] partial` : "done"}`);
      };
    const server = await serve({
      on: async (exchange) =>
        (await when(
          "UID SEARCH",
          answerTwo((found) => [`* SEARCH ${found.join(" ")}`]),
        )(exchange)) ||
        when(
          "UID FETCH",
          answerTwo((found) => found.map((uid) => row(uid))),
        )(exchange),
    });
    const mailbox = await openSource(server);
    const folder = await mailbox.openFolder("INBOX");
    expect(await folder.searchUids()).toEqual([[1, 5]]);
    expect(
      await folder.searchUids({
        among: [
          [1, 1],
          [3, 4],
        ],
      }),
    ).toEqual([
      [1, 1],
      [3, 4],
    ]);
    const { uids: fetched, error } = await fetchAll(mailbox, 5);
    expect([fetched.sort(), error]).toEqual([uids, undefined]);
    const searches = server.commands.filter((command) => command.startsWith("UID SEARCH"));
    expect(searches.slice(0, 3)).toEqual(["UID SEARCH ALL", "UID SEARCH UID 1:3", "UID SEARCH UID 1:1"]);
  });

  test("a NO that stops at one unreadable message loses only that one", async () => {
    const unreadable = 5;
    const server = await serve({
      on: when("UID FETCH", ({ tag, command, send }) => {
        const [low = 0, high = low] = (command.split(" ")[2] ?? "").split(":").map(Number);
        for (let uid = low; uid <= high; uid++) {
          if (uid === unreadable) {
            send(`${tag} NO Some of the messages could not be converted`);
            return;
          }
          send(row(uid));
        }
        send(`${tag} OK done`);
      }),
    });
    expect(await fetchAll(await openSource(server), 10)).toEqual({
      uids: [1, 2, 3, 4, 6, 7, 8, 9, 10],
      error: undefined,
    });
  });

  test("a connection that drops in the middle delivers what came, then is transient", async () => {
    const server = await serve({
      on: when("UID FETCH", ({ send, socket }) => {
        send(row(1), row(2));
        socket.end();
      }),
    });
    const mailbox = await openSource(server);
    const { uids, error } = await fetchAll(mailbox);
    expect(uids).toEqual([1, 2]);
    expect(error).toMatchObject({ kind: "transient", code: "ConnectionLost" });
    expect(mailbox.usable).toBe(false);
  });

  test("a server that falls silent in the middle of a message", async () => {
    const server = await serve({
      on: when("UID FETCH", ({ send, socket }) => {
        send(row(1));
        socket.write(row(2).slice(0, -6));
      }),
    });
    const { uids, error } = await fetchAll(await openSource(server, {}, { stallMs: 300 }));
    expect(uids).toEqual([1]);
    expect(error).toMatchObject({ kind: "transient", code: "ConnectionTimeout" });
  });

  test("a command that is never answered although the server keeps talking", async () => {
    const server = await serve({
      on: when("UID SEARCH", ({ send, socket }) => {
        const timer = setInterval(() => send("* OK still here"), 50);
        socket.on("close", () => clearInterval(timer));
      }),
    });
    const folder = await (await openSource(server, {}, { commandMs: 400 })).openFolder("INBOX");
    await expect(folder.searchUids()).rejects.toMatchObject({ kind: "transient", code: "CommandTimeout" });
  });

  test("BYE in the middle, for a limit of the account", async () => {
    const server = await serve({
      on: when("UID FETCH", ({ send, socket }) => {
        send(row(1), "* BYE [ALERT] Account exceeded command or bandwidth limits. (Failure)");
        socket.end();
      }),
    });
    const { error } = await fetchAll(await openSource(server));
    expect(error).toMatchObject({ kind: "throttled", code: "ServerThrottled", retryAfterMs: 900_000 });
  });

  test("throttling is handed on at once with the pause the server asks for", async () => {
    const server = await serve({
      on: when("UID FETCH", ({ tag, send }) =>
        send(`${tag} BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds`),
      ),
    });
    const { error } = await fetchAll(await openSource(server));
    expect(error).toMatchObject({ kind: "throttled", code: "ServerThrottled", retryAfterMs: 92_415 });
    expect(server.commands.filter((command) => command.startsWith("UID FETCH"))).toHaveLength(1);
  });

  test("a slow consumer holds the server back", async () => {
    const body = "x".repeat(1024 * 1024);
    let written = 0;
    const server = await serve({
      on: when("UID FETCH", async ({ tag, send, socket }) => {
        for (let uid = 1; uid <= 100 && !socket.destroyed; uid++) {
          written++;
          if (!socket.write(`${row(uid, body)}\r\n`))
            await new Promise<void>((resolve) => {
              socket.once("drain", resolve);
              socket.once("close", resolve);
            });
        }
        send(`${tag} OK done`);
      }),
    });
    const folder = await (await openSource(server)).openFolder("INBOX");
    const whenHeldBack: number[] = [];
    let taken = 0;
    for await (const { content } of folder.fetchMessages([[1, 100]])) {
      taken++;
      expect(content.length).toBe(body.length);
      if (taken > 2) continue;
      await new Promise((resolve) => setTimeout(resolve, 300));
      whenHeldBack.push(written);
    }
    expect(taken).toBe(100);
    expect(Math.max(...whenHeldBack)).toBeLessThan(50);
  });

  test("a part shorter than asked for does not end the message, an empty one does", async () => {
    const content = "0123456789".repeat(10);
    const server = await serve({
      on: when("UID FETCH", ({ tag, command, send }) => {
        const offset = Number(/<(\d+)\./.exec(command)?.[1]);
        const part = content.slice(offset, offset + 40);
        send(
          `* 1 FETCH (UID 1 RFC822.SIZE 150 BODY[]<${offset}> {${part.length}}\r\n${part})`,
          `${tag} OK done`,
        );
      }),
    });
    const folder = await (await openSource(server)).openFolder("INBOX");
    const parts: Buffer[] = [];
    for await (const part of await folder.openMessage(1 as Uid)) parts.push(part);
    expect(Buffer.concat(parts).toString()).toBe(content);
  });

  test("CHANGEDSINCE is not sent to a folder without mod-sequences", async () => {
    const server = await serve({ capabilities: "NAMESPACE CONDSTORE" });
    const folder = await (await openSource(server)).openFolder("INBOX");
    for await (const _row of folder.fetchFlags([[1, 3]], "5")) throw new Error("no row expected");
    expect(server.commands.filter((command) => command.startsWith("UID FETCH"))).toEqual([
      "UID FETCH 1:3 (UID FLAGS)",
    ]);
  });

  test("a server that offers LIST-EXTENDED and refuses its syntax", async () => {
    const server = await serve({
      capabilities: "NAMESPACE LIST-EXTENDED LIST-STATUS SPECIAL-USE",
      on: async ({ tag, command, send }) => {
        if (!command.includes("RETURN")) return false;
        send(`${tag} BAD unknown argument`);
        return true;
      },
    });
    expect(await (await openSource(server)).listFolders()).toMatchObject([
      { path: "INBOX", specialUse: "inbox", status: { messages: 3, uidNext: 4, uidValidity: "7" } },
    ]);
  });

  test("a folder whose status is refused is listed with the reason", async () => {
    const server = await serve({ on: when("STATUS", ({ tag, send }) => send(`${tag} NO [NOPERM] no`)) });
    const [folder] = await (await openSource(server)).listFolders();
    expect(folder).toMatchObject({ path: "INBOX", statusError: expect.stringContaining("NOPERM") });
    expect(folder?.status).toBeUndefined();
  });
});

describe("writing", () => {
  const uidplus = "NAMESPACE UIDPLUS";
  const appended = (exchange: Exchange) => exchange.send(`${exchange.tag} OK [APPENDUID 7 4] done`);

  test("a connection that drops after the message was sent leaves it in doubt", async () => {
    const server = await serve({
      capabilities: uidplus,
      on: when("APPEND", ({ socket }) => void socket.end()),
    });
    const mailbox = await openTarget(server);
    await expect(mailbox.write(inbox, outgoing())).rejects.toMatchObject({
      kind: "transient",
      code: "ConnectionLost",
      inDoubt: true,
    });
  });

  test("a write that is not answered in its time is in doubt", async () => {
    const server = await serve({ capabilities: uidplus, on: when("APPEND", () => undefined) });
    const mailbox = await openTarget(server);
    await expect(mailbox.write(inbox, outgoing({ timeoutMs: 300 }))).rejects.toMatchObject({
      kind: "transient",
      code: "CommandTimeout",
      inDoubt: true,
    });
  });

  test("nothing is sent after a write's time is over", async () => {
    const server = await serve({ capabilities: uidplus });
    const mailbox = await openTarget(server);
    await expect(mailbox.write(inbox, outgoing({ timeoutMs: 0 }))).rejects.toMatchObject({
      kind: "transient",
      code: "WriteTimeout",
      inDoubt: false,
    });
    expect(server.commands.filter((command) => command.startsWith("APPEND"))).toEqual([]);
  });

  test.each([
    ["NO [OVERQUOTA] Quota exceeded", "mailbox", "TargetQuotaExceeded", 1],
    ["NO [ALERT] You exceeded your mail quota.", "mailbox", "TargetQuotaExceeded", 1],
    ["NO [TRYCREATE] no such folder", "item", "TargetFolderGone", 1],
    ["NO [TOOBIG] no", "item", "MessageTooLarge", 1],
    ["NO Message exceeds the maximum size", "item", "MessageTooLarge", 1],
    ["NO Message contains invalid header", "item", "MessageRefused", 1],
    ["BAD Command Argument Error. 11", "item", "MessageRefused", 1],
    ["NO [THROTTLED] slow down", "throttled", "ServerThrottled", 1],
    ["NO [SERVERBUG] Internal error", "transient", "ServerUnavailable", 1],
    // Tried once more before the message is given up.
    ["NO no", "item", "MessageRefused", 2],
  ])("%s", async (answer, kind, code, attempts) => {
    const server = await serve({
      capabilities: uidplus,
      on: when("APPEND", ({ tag, send }) => send(`${tag} ${answer}`)),
    });
    const mailbox = await openTarget(server);
    await expect(mailbox.write(inbox, outgoing())).rejects.toMatchObject({ kind, code, inDoubt: false });
    expect(server.commands.filter((command) => command.startsWith("APPEND"))).toHaveLength(attempts);
    expect(mailbox.usable).toBe(true);
  });

  test("a message with NUL is sent as literal8 where the server takes it, and skipped elsewhere", async () => {
    const message = outgoing({ content: Buffer.from("Subject: x\r\n\r\na\0b\r\n") });
    const plain = await openTarget(await serve({ capabilities: uidplus, on: when("APPEND", appended) }));
    await expect(plain.write(inbox, message)).rejects.toMatchObject({ kind: "item", code: "MessageHasNul" });
    const server = await serve({ capabilities: `${uidplus} BINARY`, on: when("APPEND", appended) });
    expect(await (await openTarget(server)).write(inbox, message)).toBe("7:4");
    expect(server.commands.find((command) => command.startsWith("APPEND"))).toContain("~{19}");
  });

  test("a message over APPENDLIMIT is not sent", async () => {
    const server = await serve({ capabilities: `${uidplus} APPENDLIMIT=10` });
    await expect((await openTarget(server)).write(inbox, outgoing())).rejects.toMatchObject({
      kind: "item",
      code: "MessageTooLarge",
    });
    expect(server.commands.filter((command) => command.startsWith("APPEND"))).toEqual([]);
  });

  test("keywords a folder cannot keep are left out", async () => {
    const server = await serve({
      capabilities: uidplus,
      on: async (exchange) => {
        const { tag, command, send } = exchange;
        if (command.startsWith("SELECT")) send("* OK [PERMANENTFLAGS (\\Seen $Known)] ok", `${tag} OK done`);
        else if (command.startsWith("APPEND")) appended(exchange);
        else return false;
        return true;
      },
    });
    const mailbox = await openTarget(server);
    await mailbox.write(inbox, outgoing({ flags: ["\\Seen", "$Known", "Unknown", "\\Recent"] }));
    expect(server.commands.find((command) => command.startsWith("APPEND"))).toContain("(\\Seen $Known)");
  });

  test("without UIDPLUS a copy is the next message with its date, and writes go one by one", async () => {
    let last = 3;
    const server = await serve({
      capabilities: "NAMESPACE",
      on: async ({ tag, command, send }) => {
        if (command.startsWith("APPEND")) {
          last++;
          send(`${tag} OK done`);
        } else if (command.startsWith("STATUS"))
          send(`* STATUS INBOX (MESSAGES ${last} UIDNEXT ${last + 1} UIDVALIDITY 7)`, `${tag} OK done`);
        else if (command.startsWith("UID FETCH"))
          send(
            `* ${last} FETCH (UID ${last} FLAGS () INTERNALDATE "01-Jan-1970 00:00:00 +0000" RFC822.SIZE 20)`,
            `${tag} OK done`,
          );
        else return false;
        return true;
      },
    });
    const mailbox = await openTarget(server);
    expect(mailbox.writeConcurrency).toBe(1);
    const ids = await Promise.all([mailbox.write(inbox, outgoing()), mailbox.write(inbox, outgoing())]);
    expect(ids).toEqual(["7:4", "7:5"]);
  });

  test("more connections than the server allows: the work waits for those there are", async () => {
    let logins = 0;
    const server = await serve({
      capabilities: uidplus,
      on: async (exchange) => {
        const { tag, command, send } = exchange;
        if (command.startsWith("LOGIN") && ++logins > 1) send(`${tag} NO [LIMIT] Too many connections`);
        else if (command.startsWith("APPEND")) appended(exchange);
        else return false;
        return true;
      },
    });
    const mailbox = await openTarget(server);
    expect(mailbox.writeConcurrency).toBe(2);
    const writes = Array.from({ length: 4 }, () => mailbox.write(inbox, outgoing()));
    expect(await Promise.all(writes)).toEqual(["7:4", "7:4", "7:4", "7:4"]);
  });
});

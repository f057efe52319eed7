import { afterEach, describe, expect, test, vi } from "vitest";
import {
  createImapSource,
  createImapTarget,
  type ImapTargetSettings,
} from "../../shared/adapters/imap/index.ts";
import { endpointSchema } from "../../shared/domain/endpoint.ts";
import type { Stamp, TargetFolderId, Uid } from "../../shared/domain/names.ts";
import type { SourceMailbox } from "../../shared/migration/ports/source.ts";
import type { TargetConnector } from "../../shared/migration/ports/target.ts";
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

const common = "ID NAMESPACE UIDPLUS LITERAL+";
const id = 'ID ("name" "imap-to-m365" "vendor" "imap-to-m365" "version" "1")';

async function serve(script: Script = {}): Promise<ScriptedServer> {
  const server = await startScriptedServer({ capabilities: common, ...script });
  stops.push(() => server.stop());
  return server;
}

async function openSource(server: ScriptedServer, adminUser?: string): Promise<SourceMailbox> {
  const mailbox = await createImapSource().open({
    endpoint: endpointSchema.parse({
      host: server.host,
      port: server.port,
      security: "none",
      allowInsecure: true,
      ...(adminUser === undefined ? {} : { adminUser }),
    }),
    userName: "user",
    password: "canary-password",
  });
  stops.push(() => mailbox.close());
  return mailbox;
}

function target(server: ScriptedServer, more: Partial<ImapTargetSettings> = {}): TargetConnector {
  return createImapTarget({
    host: server.host,
    port: server.port,
    security: "none",
    authentication: "password",
    userFormat: "{emailAddress}",
    password: "canary-password",
    acceptUntrustedCertificates: false,
    connectionsPerMailbox: 2,
    ...more,
  });
}

/** Waits for so many milliseconds at most. */
const until = (isTrue: () => boolean, timeout: number) => vi.waitUntil(isTrue, { timeout, interval: 10 });
const verbs = (server: ScriptedServer) => server.commands.map((command) => command.split(" ")[0]);
const logins = (server: ScriptedServer) =>
  server.commands.filter((line) => /^(LOGIN|AUTHENTICATE)/.test(line));
const plain = (...parts: readonly string[]) => Buffer.from(parts.join("\0")).toString("base64");

describe("a login", () => {
  test("says who the client is once, behind it, and asks for the namespaces in the same breath", async () => {
    const server = await serve({
      on: async ({ command, tag, send }) => {
        if (!command.startsWith("ID")) return false;
        // The answer waits until the next command has come.
        await until(() => server.commands.includes("NAMESPACE"), 2_000);
        send('* ID ("name" "Scripted" "version" "1")', `${tag} OK done`);
        return true;
      },
    });
    const mailbox = await openSource(server);
    expect(verbs(server)).toEqual(["CAPABILITY", "LOGIN", "CAPABILITY", "ID", "NAMESPACE"]);
    expect(mailbox.dialect?.()?.software).toBe("Scripted");
  });

  test("says who the client is where there is no NAMESPACE, and in its turn", async () => {
    const server = await serve({ capabilities: "ID" });
    await openSource(server);
    expect(verbs(server)).toEqual(["CAPABILITY", "LOGIN", "CAPABILITY", "ID", "LIST"]);
  });

  test.each(["NO no", "BAD what"])("goes on where ID is answered %s", async (answer) => {
    const server = await serve({
      on: async ({ command, tag, send }) => {
        if (!command.startsWith("ID")) return false;
        send(`${tag} ${answer}`);
        return true;
      },
    });
    const mailbox = await openSource(server);
    expect(mailbox.dialect?.()?.software).toBe("");
    expect((await mailbox.listFolders()).map(({ path }) => path)).toEqual(["INBOX"]);
  });

  test.each([
    ["does not take literals unasked", "ID NAMESPACE"],
    ["offers another half of it", "ID LITERAL+"],
  ])("says who the client is in its turn to a server that %s", async (_title, capabilities) => {
    let isAnswered = true;
    const server = await serve({
      capabilities,
      on: async ({ command, tag, send }) => {
        expect(isAnswered).toBe(true);
        if (!command.startsWith("ID")) return false;
        isAnswered = false;
        await new Promise((resolve) => setTimeout(resolve, 30));
        isAnswered = true;
        send(`${tag} OK done`);
        return true;
      },
    });
    await openSource(server);
    expect(verbs(server).filter((verb) => verb === "ID")).toHaveLength(1);
  });

  test.each([
    ["answers BAD", ({ tag, send }: Exchange) => send(`${tag} BAD one at a time`)],
    ["ends the connection", ({ socket }: Exchange) => socket.destroy()],
  ])(
    "sends one command at a time to a server that %s to the second of two, from then on",
    async (_title, stumble) => {
      let isIdUnanswered = false;
      const server = await serve({
        on: async (exchange) => {
          const { command, tag, send } = exchange;
          if (command.startsWith("ID")) {
            isIdUnanswered = true;
            setTimeout(() => {
              isIdUnanswered = false;
              send(`${tag} OK done`);
            }, 30);
            return true;
          }
          if (command !== "NAMESPACE" || !isIdUnanswered) return false;
          stumble(exchange);
          return true;
        },
      });
      const connector = target(server);
      for (const user of ["user", "other"]) {
        const mailbox = await connector.open({ id: user, emailAddress: user });
        await mailbox.close();
      }
      expect(logins(server)).toHaveLength(3);
      expect(verbs(server).filter((verb) => verb === "NAMESPACE")).toHaveLength(3);
    },
  );

  test("goes on where the namespaces are refused", async () => {
    const server = await serve({
      on: async ({ command, tag, send }) => {
        if (command !== "NAMESPACE") return false;
        send(`${tag} NO not for you`);
        return true;
      },
    });
    await openSource(server);
    expect(logins(server)).toHaveLength(1);
  });

  test("by SASL PLAIN sends its answer with the command where the server offers that (RFC 4959)", async () => {
    const server = await serve({ capabilities: `${common} AUTH=PLAIN SASL-IR` });
    await openSource(server);
    expect(logins(server)).toEqual([`AUTHENTICATE PLAIN ${plain("", "user", "canary-password")}`]);
  });

  test("by SASL PLAIN names the user for whom an administrator acts", async () => {
    const server = await serve({ capabilities: `${common} AUTH=PLAIN SASL-IR` });
    await openSource(server, "admin");
    expect(logins(server)).toEqual([`AUTHENTICATE PLAIN ${plain("user", "admin", "canary-password")}`]);
  });

  test.each(["AUTH=PLAIN", "AUTH=PLAIN SASL-IR LOGINDISABLED"])(
    "by SASL PLAIN waits to be asked where the server offers %s",
    async (capabilities) => {
      const server = await serve({
        capabilities: `${common} ${capabilities}`,
        on: async ({ command, tag, send }) => {
          if (!command.startsWith("AUTHENTICATE")) return false;
          send(`${tag} NO [PRIVACYREQUIRED] not here`);
          return true;
        },
      });
      await expect(openSource(server)).rejects.toMatchObject({ code: "EncryptionRequired" });
      expect(logins(server)).toEqual(["AUTHENTICATE PLAIN"]);
    },
  );

  test("sends no password with a command that the server did not understand, from then on", async () => {
    let asked: string | undefined;
    const server = await serve({
      capabilities: `${common} AUTH=PLAIN SASL-IR`,
      on: async ({ command, tag, send }) => {
        if (asked !== undefined) {
          send(`${asked} OK done`);
          asked = undefined;
        } else if (command === "AUTHENTICATE PLAIN") {
          asked = tag;
          send("+ ");
        } else if (command.startsWith("AUTHENTICATE")) send(`${tag} BAD Request not ending with CRLF`);
        else return false;
        return true;
      },
    });
    const connector = target(server);
    for (const user of ["user", "other"]) {
      const mailbox = await connector.open({ id: user, emailAddress: user });
      await mailbox.close();
    }
    const answer = plain("", "user", "canary-password");
    expect(logins(server)).toEqual([
      `AUTHENTICATE PLAIN ${answer}`,
      "AUTHENTICATE PLAIN",
      "AUTHENTICATE PLAIN",
    ]);
  });

  test.each(["ends the connection", "is silent"])(
    "by SASL PLAIN waits to be asked where the server %s over an answer with the command",
    async (how) => {
      let asked: string | undefined;
      const server = await serve({
        capabilities: `${common} AUTH=PLAIN SASL-IR`,
        on: async ({ command, tag, send, socket }) => {
          if (asked !== undefined) send(`${asked} OK done`);
          if (command === "AUTHENTICATE PLAIN") send("+ ");
          else if (asked === undefined && !command.startsWith("AUTHENTICATE")) return false;
          else if (asked === undefined && how === "ends the connection") socket.destroy();
          asked = command === "AUTHENTICATE PLAIN" ? tag : undefined;
          return true;
        },
      });
      const { host, port } = server;
      const mailbox = await createImapSource({ timeouts: { loginMs: 500 } }).open({
        endpoint: endpointSchema.parse({ host, port, security: "none", allowInsecure: true }),
        userName: "user",
        password: "canary-password",
      });
      stops.push(() => mailbox.close());
      expect(logins(server).map((line) => line.split(" ").length)).toEqual([3, 2]);
    },
  );

  test("is not tried again where the password is wrong", async () => {
    const server = await serve({
      capabilities: `${common} AUTH=PLAIN SASL-IR`,
      on: async ({ command, tag, send }) => {
        if (!command.startsWith("AUTHENTICATE")) return false;
        send(`${tag} NO [AUTHENTICATIONFAILED] wrong`);
        return true;
      },
    });
    const error: unknown = await openSource(server).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ kind: "mailbox", code: "AuthenticationFailed" });
    const secret = plain("", "user", "canary-password");
    expect(JSON.stringify({ ...(error as Error), message: String(error) })).not.toMatch(
      new RegExp(`canary|${secret}`),
    );
    expect(logins(server)).toHaveLength(1);
  });

  test("of a line for APPEND asks for no namespaces, and says who it is without waiting", async () => {
    const server = await serve({
      on: async ({ command, tag, send }) => {
        if (!command.startsWith("APPEND")) return false;
        send(`${tag} OK [APPENDUID 7 4] done`);
        return true;
      },
      onLiteral: () => undefined,
    });
    const mailbox = await target(server).open({ id: "user", emailAddress: "user" });
    stops.push(() => mailbox.close());
    const folder = "INBOX" as TargetFolderId;
    const content = Buffer.from("Subject: x\r\n\r\nbody\r\n");
    await mailbox.write(folder, {
      uid: 1 as Uid,
      stamp: "stamp" as Stamp,
      chunkToken: "token",
      internalDate: new Date(0),
      flags: [],
      size: content.length,
      content,
      timeoutMs: 5_000,
    });
    const told = server.commands.map((command, at) => (command === id ? at : -1)).filter((at) => at >= 0);
    expect(told).toHaveLength(2);
    expect(verbs(server).filter((verb) => verb === "NAMESPACE")).toHaveLength(1);
    const appended = verbs(server).indexOf("APPEND");
    expect(told.at(-1)).toBe(appended - 1);
  });
});

test("folders that are all there are prepared without waiting for a line", async () => {
  const stalled: (() => void)[] = [];
  const server = await serve({
    on: async ({ command, socket }) => {
      if (!command.startsWith("LOGIN") || logins(server).length === 1) return false;
      stalled.push(() => socket.destroy());
      return true;
    },
  });
  const mailbox = await target(server).open({ id: "user", emailAddress: "user" });
  stops.push(() => mailbox.close());
  const inbox = { segments: ["INBOX"], specialUse: "inbox" } as const;
  await mailbox.prepareFolders([inbox, inbox, inbox, inbox]);
  await until(() => stalled.length === 1, 2_000);
  for (const end of stalled) end();
});

test("a line begins its login where writes are expected, and only one does", async () => {
  const server = await serve();
  const mailbox = await target(server, { connectionsPerMailbox: 3 }).open({
    id: "user",
    emailAddress: "user",
  });
  stops.push(() => mailbox.close());
  expect(logins(server)).toHaveLength(1);
  for (let time = 0; time < 3; time++) mailbox.expectWrites();
  await until(() => logins(server).length === 2, 2_000);
  await mailbox.markFolder("INBOX" as TargetFolderId);
  await mailbox.listPlaces();
  expect(logins(server)).toHaveLength(2);
});

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { ImapFlow } from "imapflow";
import { afterEach, describe, expect, it } from "vitest";
import { startCourier } from "../stack/imap-servers/courier.ts";
import { startCyrus } from "../stack/imap-servers/cyrus.ts";
import { startDovecot } from "../stack/imap-servers/dovecot.ts";
import type { ImapServer } from "../stack/imap-servers/server.ts";

const run = promisify(execFile);
const running: ImapServer[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

async function start<T extends ImapServer>(starting: Promise<T>): Promise<T> {
  const server = await starting;
  running.push(server);
  return server;
}

async function session<T>(
  server: ImapServer,
  auth: { user: string; pass: string; authzid?: string },
  action: (client: ImapFlow) => Promise<T>,
): Promise<T> {
  const client = new ImapFlow({
    host: server.host,
    port: server.tlsPort,
    secure: true,
    servername: "localhost",
    tls: { ca: await readFile(server.certificateFile) },
    auth,
    logger: false,
    disableCompression: true,
  });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await action(client);
  } finally {
    await client.logout();
  }
}

async function deliver(server: ImapServer, n: number): Promise<void> {
  await session(server, { user: server.userName(n), pass: server.password }, (client) =>
    client.append("INBOX", Buffer.from(`Subject: for user ${n}\r\n\r\nBody\r\n`), ["\\Seen"]),
  );
}

async function inboxSubjects(client: ImapFlow, path: string): Promise<(string | undefined)[]> {
  const lock = await client.getMailboxLock(path, { readOnly: true });
  try {
    return (await client.fetchAll("1:*", { envelope: true })).map((message) => message.envelope?.subject);
  } finally {
    lock.release();
  }
}

describe("Dovecot", () => {
  it("lets the admin read a user's mail by a master login, under the separator and prefix asked for", async () => {
    const server = await start(
      startDovecot({ users: 2, separator: ".", prefix: "INBOX.", store: "maildir" }),
    );
    await deliver(server, 2);
    const auth = { user: `${server.userName(2)}*${server.adminUser}`, pass: server.adminPassword };
    await session(server, auth, async (client) => {
      expect(await inboxSubjects(client, "INBOX")).toEqual(["for user 2"]);
      expect(client.namespace).toMatchObject({ prefix: "INBOX.", delimiter: "." });
    });
  });

  it("runs beside another one and knows only its own users", async () => {
    const first = await start(startDovecot({ users: ["anna@one.test"] }));
    const second = await start(startDovecot({ users: ["ben@two.test"], store: "maildirfs" }));
    await deliver(first, 1);
    await deliver(second, 1);
    const stranger = session(second, { user: first.userName(1), pass: first.password }, inboxOf);
    await expect(stranger).rejects.toMatchObject({ authenticationFailed: true });
    expect(() => first.userName(2)).toThrow(RangeError);
  });

  it("leaves no process and no file behind, also when its test process is killed", async () => {
    const script = `
      import { startDovecot } from ${JSON.stringify(new URL("../stack/imap-servers/dovecot.ts", import.meta.url).href)};
      const server = await startDovecot({ users: 1 });
      console.log(server.directory + " " + server.port);
      process.kill(process.pid, "SIGKILL");`;
    const output = await run(process.execPath, ["--input-type=module", "-e", script]).catch(
      (error: { stdout: string }) => error,
    );
    const directory = output.stdout.trim().split(" ")[0] ?? "";
    expect(directory).toContain("imap-to-m365-dovecot-");
    await expect.poll(() => existsSync(directory), { timeout: 20_000 }).toBe(false);
    await expect.poll(() => processesNaming(directory)).toEqual([]);
  });
});

describe("Cyrus", () => {
  it.each([
    ["modern", "", "/"],
    ["classic", "INBOX.", "."],
  ] as const)(
    "in %s style lets the admin read a user's mail by authorization identity",
    async (style, prefix, delimiter) => {
      const server = await start(startCyrus({ users: 2, style }));
      await deliver(server, 2);
      const auth = { user: server.adminUser, pass: server.adminPassword, authzid: server.userName(2) };
      await session(server, auth, async (client) => {
        expect(await inboxSubjects(client, "INBOX")).toEqual(["for user 2"]);
        expect(client.namespace).toMatchObject({ prefix, delimiter });
      });
      await server.stop();
      expect(existsSync(server.directory)).toBe(false);
      await expect.poll(() => processesNaming(server.directory)).toEqual([]);
    },
  );
});

describe("Courier", () => {
  it("lets the admin read a user's mail as a virtual shared folder", async () => {
    const server = await start(startCourier({ users: 2 }));
    await deliver(server, 2);
    await session(server, { user: server.adminUser, pass: server.adminPassword }, async (client) => {
      if (client.namespace) client.namespace.prefix = "";
      expect(await inboxSubjects(client, `#shared.users.${server.userName(2)}`)).toEqual(["for user 2"]);
    });
    await server.stop();
    expect(existsSync(server.directory)).toBe(false);
    await expect(greetingOverTls(server)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await expect.poll(() => processesNaming(server.directory)).toEqual([]);
  });
});

const inboxOf = (client: ImapFlow) => inboxSubjects(client, "INBOX");

/** The processes whose command line or environment names the directory of a server. */
async function processesNaming(directory: string): Promise<string[]> {
  const ids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry));
  const texts = await Promise.all(
    ids.map(async (id) => {
      const files = [`/proc/${id}/cmdline`, `/proc/${id}/environ`];
      // A process may end while it is looked at.
      return (await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")))).join(" ");
    }),
  );
  return texts.filter((text) => text.includes(directory));
}

function greetingOverTls(server: ImapServer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: server.host, port: server.tlsPort, rejectUnauthorized: false });
    socket.once("data", (data) => resolve(data.toString()));
    socket.once("error", reject);
  });
}

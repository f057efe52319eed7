import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createImapSource } from "../../shared/adapters/imap/index.ts";
import { type Endpoint, endpointSchema } from "../../shared/domain/endpoint.ts";
import type { Uid } from "../../shared/domain/names.ts";
import { sizeOf, uidSetOf } from "../../shared/domain/uid-set.ts";
import type { OpenSourceFolder, SourceFolder, SourceMailbox } from "../../shared/migration/ports/source.ts";
import { startCourier } from "../stack/imap-servers/courier.ts";
import { startCyrus } from "../stack/imap-servers/cyrus.ts";
import { startDovecot } from "../stack/imap-servers/dovecot.ts";
import type { ImapServer } from "../stack/imap-servers/server.ts";
import { imapSourceUnderTest } from "./contracts/imap-source.ts";
import { sourceContract } from "./contracts/source-contract.ts";
import { RawImap, type RawMessage } from "./imap/raw-imap.ts";
import { startRecordingProxy } from "./imap/recording-proxy.ts";

interface Variant {
  readonly title: string;
  readonly start: () => Promise<ImapServer>;
  readonly prefix: string;
  readonly separator: string;
  /** STATUS and modseq along with LIST. */
  readonly modern: boolean;
}

const variants: readonly Variant[] = [
  { title: "Dovecot", start: () => startDovecot({ users: 6 }), prefix: "", separator: "/", modern: true },
  {
    title: "Dovecot with separator . below INBOX.",
    start: () => startDovecot({ users: 6, separator: ".", prefix: "INBOX.", store: "maildir" }),
    prefix: "INBOX.",
    separator: ".",
    modern: true,
  },
  {
    title: "Cyrus, modern names",
    start: () => startCyrus({ users: 6, style: "modern" }),
    prefix: "",
    separator: "/",
    modern: true,
  },
  {
    title: "Cyrus, classic names",
    start: () => startCyrus({ users: 6, style: "classic" }),
    prefix: "INBOX.",
    separator: ".",
    modern: true,
  },
  {
    title: "Courier",
    start: () => startCourier({ users: 6 }),
    prefix: "INBOX.",
    separator: ".",
    modern: false,
  },
];

const text = (...lines: readonly string[]) => Buffer.from(lines.map((line) => `${line}\r\n`).join(""));
const inbox: readonly RawMessage[] = [
  {
    content: text("From: a@example.com", "Subject: one", "Message-ID: <1@example.com>", "", "first"),
    flags: ["\\Seen", "$Label1"],
    date: "05-Mar-2009 23:59:59 +0530",
  },
  {
    content: text("From: b@example.com", "Subject: gr\u00fcn", "Message-ID: <2@example.com>", "", "\u00e9"),
    flags: ["\\Flagged", "\\Answered"],
    date: "29-Feb-2024 00:00:00 -0800",
  },
  { content: text("From: c@example.com", "", ""), date: "01-Jan-1999 12:00:00 +0000" },
];
const large = Buffer.concat([
  text("From: d@example.com", "Subject: large", ""),
  Buffer.from(`${"0123456789abcdef".repeat(4)}\r\n`.repeat(40_000)),
]);

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

describe.each(variants)("source mailbox on $title", ({ start, prefix, separator, modern }) => {
  let server: ImapServer;
  let endpoint: Endpoint;
  let mailbox: SourceMailbox;
  const opened: SourceMailbox[] = [];

  const open = async (login: { endpoint?: Partial<Endpoint>; user?: string; password?: string } = {}) => {
    const session = await createImapSource().open({
      endpoint: { ...endpoint, ...login.endpoint },
      userName: login.user ?? server.userName(1),
      password: login.password ?? server.password,
    });
    opened.push(session);
    return session;
  };
  const raw = (user = server.userName(1)) => RawImap.login(server, user, server.password);
  const byName = async () =>
    new Map((await mailbox.listFolders()).map((folder) => [folder.segments.join("|"), folder]));

  beforeAll(async () => {
    server = await start();
    endpoint = endpointSchema.parse({
      host: server.host,
      port: server.tlsPort,
      acceptUntrustedCertificates: true,
    });
    const client = await raw();
    for (const message of inbox) await client.append("INBOX", message);
    for (const name of ["Projekte", `Projekte${separator}&AMQ-rger &- Co`, "Gesendete Elemente"]) {
      await client.command(`CREATE "${prefix}${name}"`);
      await client.command(`SUBSCRIBE "${prefix}${name}"`);
    }
    await client.append(`${prefix}Projekte`, { content: large, date: "10-Oct-2010 10:10:10 +0000" });
    await client.close();
    mailbox = await open();
  });

  afterAll(async () => {
    await Promise.all(opened.map((mailbox) => mailbox.close()));
    await server.stop();
  });

  describe("as every source", () => {
    sourceContract(() => imapSourceUnderTest(server, 6, prefix));
  });

  test("lists folders without prefix, decoded, with special use and status", async () => {
    const folders = await byName();
    expect(folders.get("INBOX")).toMatchObject({
      path: "INBOX",
      specialUse: "inbox",
      selectable: true,
      status: { uidNext: 4, messages: 3, unseen: 2 },
    });
    expect(folders.get("Projekte|\u00c4rger & Co")).toMatchObject({
      path: `${prefix}Projekte${separator}&AMQ-rger &- Co`,
      subscribed: true,
      status: { messages: 0 },
    });
    expect(folders.get("Projekte")?.status?.messages).toBe(1);
    // A declared use wins over a name; Courier declares none.
    expect(folders.get("Gesendete Elemente")?.specialUse).toBe(modern ? undefined : "sent");
    if (modern) expect(folders.get("Sent")?.specialUse).toBe("sent");
    const status = folders.get("INBOX")?.status;
    expect(typeof status?.highestModseq).toBe(modern ? "string" : "undefined");
  });

  test("asks for all folders and their status in one round trip where the server can", async () => {
    const proxy = await startRecordingProxy(server);
    try {
      const session = await open({
        endpoint: { host: proxy.host, port: proxy.port, security: "none", allowInsecure: true },
      });
      proxy.takeCommands();
      const folders = await session.listFolders();
      const verbs = proxy.takeCommands().map((command) => command.split(" ")[0]);
      const selectable = folders.filter((folder) => folder.selectable).length;
      expect(verbs).toEqual(modern ? ["LIST"] : ["LIST", "LSUB", ...Array(selectable).fill("STATUS")]);
    } finally {
      await proxy.stop();
    }
  });

  test("tells the status as it is now, also of the folder it has open", async () => {
    const session = await open({ user: server.userName(5) });
    await session.openFolder("INBOX");
    const client = await raw(server.userName(5));
    await client.append("INBOX", { content: text("Subject: one", "", "one") });
    await client.append("INBOX", { content: text("Subject: two", "", "two") });
    const messages = async () =>
      (await session.listFolders()).find(({ specialUse }) => specialUse === "inbox")?.status?.messages;
    const before = (await messages()) ?? 0;
    expect(before).toBeGreaterThanOrEqual(2);
    await session.openFolder("INBOX");
    await client.command('SELECT "INBOX"');
    await client.command("STORE 1 +FLAGS.SILENT (\\Deleted)");
    await client.command("EXPUNGE");
    await client.close();
    expect(await messages()).toBe(before - 1);
  });

  test("fetches messages as they are, with flags and dates", async () => {
    const folder = await mailbox.openFolder("INBOX");
    expect(folder.status).toMatchObject({ uidNext: 4, messages: 3 });
    const uids = await folder.searchUids();
    expect(uids).toEqual([[1, 3]]);
    const messages = await collect(folder.fetchMessages(uids));
    expect(messages.map(({ content }) => content.toString("latin1"))).toEqual(
      inbox.map(({ content }) => content.toString("latin1")),
    );
    expect(messages.map(({ size }) => size)).toEqual(inbox.map(({ content }) => content.length));
    expect(messages.map(({ internalDate }) => internalDate.toISOString())).toEqual([
      "2009-03-05T18:29:59.000Z",
      "2024-02-29T08:00:00.000Z",
      "1999-01-01T12:00:00.000Z",
    ]);
    expect(messages.map(({ flags }) => [...flags].sort())).toEqual([
      ["$Label1", "\\Seen"],
      ["\\Answered", "\\Flagged"],
      [],
    ]);
    const headers = await collect(folder.fetchHeaders([[1, 1]]));
    expect(headers[0]?.header.toString("latin1").trimEnd()).toBe(
      inbox[0]?.content.toString("latin1").split("\r\n\r\n")[0],
    );
    const summaries = await collect(folder.fetchSummaries([[2, 9]]));
    expect(summaries.map(({ uid }) => uid)).toEqual([2, 3]);
  });

  test("streams a large message in parts", async () => {
    const folder = await mailbox.openFolder(`${prefix}Projekte`);
    const parts: Buffer[] = await collect(await folder.openMessage(1 as Uid));
    expect(parts.length).toBeGreaterThan(1);
    expect(digest(Buffer.concat(parts))).toBe(digest(large));
  });

  test("finds UIDs by date, and leaves the exact comparison to the caller", async () => {
    const folder = await mailbox.openFolder("INBOX");
    const at = (iso: string) => new Date(iso).getTime();
    expect(await folder.searchUids({ since: at("2009-03-05T18:29:59Z") })).toEqual([[1, 2]]);
    expect(await folder.searchUids({ before: at("2009-03-05T18:30:00Z") })).toEqual(uidSetOf([1, 3]));
    expect(await folder.searchUids({ since: at("2030-01-01T00:00:00Z") })).toEqual([]);
  });

  test("sees new mail and changed flags in a folder opened again", async () => {
    const user = server.userName(2);
    const client = await raw(user);
    await client.append("INBOX", { content: text("Subject: a", "", "a") });
    await client.append("INBOX", { content: text("Subject: b", "", "b") });
    const session = await open({ user });
    const before = await session.openFolder("INBOX");
    expect(await before.searchUids()).toEqual([[1, 2]]);
    await client.append("INBOX", { content: text("Subject: c", "", "c") });
    await client.command("SELECT INBOX");
    await client.command("UID STORE 2 +FLAGS (\\Seen)");
    const after = await session.openFolder("INBOX");
    expect(after.status).toMatchObject({ uidNext: 4, messages: 3 });
    const changed = await collect(after.fetchFlags([[1, 3]], before.status.highestModseq));
    expect(changed.find(({ uid }) => uid === 2)?.flags).toEqual(["\\Seen"]);
    // Without mod-sequences all flags come, with them only what changed.
    expect(changed.map(({ uid }) => uid)).toEqual(modern ? [2, 3] : [1, 2, 3]);
    await client.close();
  });

  test("changes nothing at the source", async () => {
    // The twin has the same mail and is never opened: what RECENT counts differs from server to server.
    const [user, twin] = [server.userName(3), server.userName(4)];
    for (const name of [user, twin]) {
      const client = await raw(name);
      for (const message of inbox) await client.append("INBOX", message);
      await client.close();
    }
    const session = await open({ user });
    await session.listFolders();
    const folder = await session.openFolder("INBOX");
    const uids = await folder.searchUids();
    await collect(folder.fetchMessages(uids));
    await collect(folder.fetchHeaders(uids));
    await collect(await folder.openMessage(1 as Uid));
    await collect(folder.fetchFlags(uids));
    await session.close();
    const stateOf = async (name: string) => {
      const client = await raw(name);
      const recent = /\* (\d+) RECENT/.exec(await client.command("SELECT INBOX"))?.[1];
      const fetched = await client.command("FETCH 1:* (FLAGS INTERNALDATE)");
      await client.close();
      return [recent, ...(fetched.match(/FLAGS \([^)]*\)|INTERNALDATE "[^"]*"/g) ?? [])];
    };
    const state = await stateOf(user);
    expect(state).toHaveLength(7);
    expect(state).toEqual(await stateOf(twin));
  });

  test("says which folder is gone, and stays usable", async () => {
    await expect(mailbox.openFolder(`${prefix}Nowhere`)).rejects.toMatchObject({
      kind: "item",
      code: "SourceFolderGone",
    });
    expect((await mailbox.openFolder("INBOX")).status.messages).toBe(3);
    expect(mailbox.usable).toBe(true);
    const other = await open({ user: server.userName(2) });
    await other.close();
    expect(other.usable).toBe(false);
  });

  test("refuses a wrong password with a code", async () => {
    await expect(open({ password: "wrong" })).rejects.toMatchObject({
      kind: "mailbox",
      code: "AuthenticationFailed",
    });
  });
});

describe("administrator logins", () => {
  let dovecot: ImapServer;
  let cyrus: ImapServer;
  let courier: ImapServer;
  const endpointOf = (server: ImapServer, more: Partial<Endpoint> = {}): Endpoint =>
    endpointSchema.parse({
      host: server.host,
      port: server.tlsPort,
      acceptUntrustedCertificates: true,
      ...more,
    });
  const subjectsIn = async (mailbox: SourceMailbox, path = "INBOX") => {
    const folder = await mailbox.openFolder(path);
    const headers = await collect(folder.fetchHeaders(await folder.searchUids()));
    return headers.map(({ header }) => /Subject: (.*)/.exec(header.toString())?.[1]?.trim());
  };
  const subjectOf = (server: ImapServer) => `mail of ${server.userName(1)}`;

  beforeAll(async () => {
    [dovecot, cyrus, courier] = await Promise.all([startDovecot(), startCyrus(), startCourier()]);
    for (const server of [dovecot, cyrus, courier]) {
      const user = await RawImap.login(server, server.userName(1), server.password);
      await user.append("INBOX", { content: text(`Subject: ${subjectOf(server)}`, "", "x") });
      await user.close();
    }
    const admin = await RawImap.login(courier, courier.adminUser, courier.adminPassword);
    await admin.append("INBOX", { content: text("Subject: mail of the administrator", "", "x") });
    await admin.close();
  });
  afterAll(async () => {
    await Promise.all([dovecot, cyrus, courier].map((server) => server?.stop()));
  });

  test("Dovecot: User*Admin", async () => {
    const mailbox = await createImapSource().open({
      endpoint: endpointOf(dovecot),
      userName: `${dovecot.userName(1)}*${dovecot.adminUser}`,
      password: dovecot.adminPassword,
    });
    expect(await subjectsIn(mailbox)).toEqual([subjectOf(dovecot)]);
    await mailbox.close();
  });

  test.each([
    ["Dovecot", () => dovecot],
    ["Cyrus", () => cyrus],
  ])("%s: SASL PLAIN authorization identity", async (_name, serverOf) => {
    const server = serverOf();
    const mailbox = await createImapSource().open({
      endpoint: endpointOf(server, { adminUser: server.adminUser }),
      userName: server.userName(1),
      password: server.adminPassword,
    });
    expect(await subjectsIn(mailbox)).toEqual([subjectOf(server)]);
    await mailbox.close();
  });

  test("Dovecot: an unknown user behind an administrator's login", async () => {
    const login = createImapSource().open({
      endpoint: endpointOf(dovecot, { adminUser: dovecot.adminUser }),
      userName: "nobody",
      password: dovecot.adminPassword,
    });
    await expect(login).rejects.toMatchObject({ kind: "transient", code: "AuthorizationFailed" });
  });

  test("Courier: UserRoot", async () => {
    const mailbox = await createImapSource().open({
      endpoint: endpointOf(courier),
      userName: courier.adminUser,
      password: courier.adminPassword,
      userRoot: `/users/${courier.userName(1)}`,
    });
    const folders: readonly SourceFolder[] = await mailbox.listFolders();
    const root = folders.find(({ specialUse }) => specialUse === "inbox");
    expect(root?.segments).toEqual(["INBOX"]);
    expect(await subjectsIn(mailbox, root?.path)).toEqual([subjectOf(courier)]);
    await mailbox.close();
  });

  test("Courier: a UserRoot that does not exist never falls back to the administrator's inbox", async () => {
    const login = createImapSource().open({
      endpoint: endpointOf(courier),
      userName: courier.adminUser,
      password: courier.adminPassword,
      userRoot: "/users/nobody",
    });
    await expect(login).rejects.toMatchObject({ kind: "transient", code: "UserRootNotFound" });
  });

  test("Courier: an authorization identity is refused, since it would open the administrator's mailbox", async () => {
    const login = createImapSource().open({
      endpoint: endpointOf(courier, { adminUser: courier.adminUser }),
      userName: courier.userName(1),
      password: courier.adminPassword,
    });
    await expect(login).rejects.toMatchObject({ kind: "mailbox", code: "AdminMailboxRefused" });
  });
});

describe("large folders and transport on Dovecot", () => {
  let server: ImapServer;
  const count = 4_000;
  const open = async (more: Partial<Endpoint> = {}): Promise<SourceMailbox> =>
    createImapSource().open({
      endpoint: endpointSchema.parse({
        host: server.host,
        port: server.port,
        security: "tls",
        acceptUntrustedCertificates: true,
        ...more,
      }),
      userName: server.userName(1),
      password: server.password,
    });

  beforeAll(async () => {
    server = await startDovecot();
    const client = await RawImap.login(server, server.userName(1), server.password);
    await client.append("INBOX", { content: text("Subject: seed", "", "x") });
    await client.command("SELECT INBOX");
    for (let n = 1; n < count; n *= 2) await client.command(`COPY 1:${Math.min(n, count - n)} INBOX`);
    await client.close();
  });
  afterAll(() => server.stop());

  test("splits a scattered set of UIDs over command lines of less than 8 KB", async () => {
    const proxy = await startRecordingProxy(server);
    try {
      const mailbox = await open({
        host: proxy.host,
        port: proxy.port,
        security: "none",
        allowInsecure: true,
      });
      const folder: OpenSourceFolder = await mailbox.openFolder("INBOX");
      const odd = uidSetOf(Array.from({ length: count / 2 }, (_, index) => 2 * index + 1));
      proxy.takeCommands();
      const summaries = await collect(folder.fetchSummaries(odd));
      const commands = proxy.takeCommands();
      expect(summaries.map(({ uid }) => uid)).toEqual([...odd].map(([uid]) => uid));
      expect(commands).toHaveLength(2);
      expect(Math.max(...commands.map((command) => command.length))).toBeLessThan(8_000);
      await mailbox.close();
    } finally {
      await proxy.stop();
    }
  });

  test("opens folders whatever their names are made of", async () => {
    const names = [
      'qu"ote',
      "back\\slash",
      " spaces ",
      "per%cent *",
      "br[ack]et {1}",
      "(paren)",
      "A&B",
      "a.b",
    ];
    const client = await RawImap.login(server, server.userName(2), server.password);
    for (const name of names) {
      const sent = name.replaceAll("&", "&-").replace(/["\\]/g, "\\$&");
      await client.command(`CREATE "Parent/${sent}"`);
      await client.append(`Parent/${sent}`, { content: text(`Subject: ${names.indexOf(name)}`, "", "x") });
    }
    await client.close();
    const mailbox = await createImapSource().open({
      endpoint: endpointSchema.parse({
        host: server.host,
        port: server.tlsPort,
        acceptUntrustedCertificates: true,
      }),
      userName: server.userName(2),
      password: server.password,
    });
    const folders = await mailbox.listFolders();
    const parent = folders.find(({ segments }) => segments.join("|") === "Parent");
    expect(parent).toMatchObject({ selectable: false });
    expect(parent?.status).toBeUndefined();
    const children = folders.filter(({ segments }) => segments.length === 2);
    expect(children.map(({ segments }) => segments[1]).sort()).toEqual([...names].sort());
    for (const { path, segments } of children) {
      const [message] = await collect((await mailbox.openFolder(path)).fetchHeaders([[1, 1]]));
      expect(message?.header.toString()).toContain(`Subject: ${names.indexOf(segments[1] ?? "")}\r\n`);
    }
    await mailbox.close();
  });

  test("goes on after a consumer that stopped early", async () => {
    const mailbox = await open();
    const folder = await mailbox.openFolder("INBOX");
    const seen: number[] = [];
    for await (const { uid } of folder.fetchMessages([[1, count]])) {
      seen.push(uid);
      if (seen.length === 5) break;
    }
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(mailbox.usable).toBe(true);
    expect(sizeOf(await folder.searchUids())).toBe(count);
    await mailbox.close();
  });

  test("compresses only where the endpoint allows it", async () => {
    const proxy = await startRecordingProxy(server);
    try {
      const plain = { host: proxy.host, port: proxy.port, security: "none", allowInsecure: true } as const;
      await (await open(plain)).close();
      expect(proxy.takeCommands().some((command) => command.startsWith("COMPRESS"))).toBe(false);
      const mailbox = await open({ ...plain, allowCompression: true });
      expect((await mailbox.openFolder("INBOX")).status.messages).toBe(count);
      expect(proxy.takeCommands().some((command) => command.startsWith("COMPRESS"))).toBe(true);
      await mailbox.close();
    } finally {
      await proxy.stop();
    }
  });

  test.each([
    ["an untrusted certificate", { acceptUntrustedCertificates: false }, "transient", "UntrustedCertificate"],
    ["TLS against a port without it", { security: "ssl" }, "transient", "TlsHandshakeFailed"],
    ["a closed port", { port: 1 }, "transient", "ConnectionRefused"],
  ] as const)("tells %s", async (_what, settings, kind, code) => {
    await expect(open(settings)).rejects.toMatchObject({ kind, code });
  });
});

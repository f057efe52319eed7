import { ImapFlow, type ImapFlowOptions } from "imapflow";
import { afterEach, describe, expect, it } from "vitest";
import { startDovecot } from "../stack/imap-servers/dovecot.ts";
import { exchangeAccount, GmailAccount } from "../stack/scripted-imap/accounts.ts";
import {
  BARE,
  EXCHANGE,
  FULL,
  GMAIL,
  LOGIN_REFUSALS,
  THROTTLES,
  without,
} from "../stack/scripted-imap/dialects.ts";
import type { AdminForm } from "../stack/scripted-imap/logins.ts";
import {
  type ScriptedOptions,
  type ScriptedServer,
  startScriptedImap,
} from "../stack/scripted-imap/server.ts";

const running: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.stop()));
});

async function start(options: ScriptedOptions = {}): Promise<ScriptedServer> {
  const server = await startScriptedImap(options);
  running.push(server);
  return server;
}

async function connect(server: ScriptedServer, options: Partial<ImapFlowOptions> = {}): Promise<ImapFlow> {
  const client = new ImapFlow({
    host: server.host,
    port: server.port,
    secure: false,
    auth: { user: "alice", pass: "secret" },
    logger: false,
    disableAutoIdle: true,
    ...options,
  });
  client.on("error", () => undefined);
  await client.connect();
  running.push({ stop: async () => client.close() });
  return client;
}

async function uids(client: ImapFlow): Promise<number[]> {
  return (await client.fetchAll("1:*", { uid: true })).map(({ uid }) => uid);
}

describe("a scripted server with everything", () => {
  it("serves what was put into it, byte by byte", async () => {
    const server = await start();
    const inbox = server.account("alice").folder("INBOX");
    const content = Buffer.from([...Buffer.from("Subject: \xe9\r\n\r\n", "latin1"), 0x80, 0xff, 0x0d, 0x0a]);
    inbox.append({ content, flags: ["\\Seen", "Keyword"], internalDate: "05-Mar-2009 23:59:59 +0530" });
    inbox.append({ content: "Subject: second\r\n\r\n" });
    const client = await connect(server);
    await client.mailboxOpen("INBOX", { readOnly: true });
    const [first, second] = await client.fetchAll("1:*", {
      source: true,
      flags: true,
      internalDate: true,
      size: true,
    });
    expect(first?.source).toEqual(content);
    expect(first?.flags).toEqual(new Set(["\\Seen", "Keyword"]));
    expect(first?.internalDate).toEqual(new Date("2009-03-05T18:29:59Z"));
    expect([first?.size, second?.size]).toEqual([content.length, 19]);
    expect(
      await client.search({ uid: "1:*", before: new Date("2010-01-01"), smaller: 100 }, { uid: true }),
    ).toEqual([1]);
  });

  it("lists folders with special uses, status and names in every script", async () => {
    const server = await start();
    const account = server.account("alice");
    account.create("Entwürfe & mehr", ["\\Drafts"], 77);
    account.create("日本語/📬").append({ content: "\r\n" });
    account.create("Parent", ["\\Noselect"]);
    const client = await connect(server);
    const folders = await client.list({ statusQuery: { messages: true, uidValidity: true } });
    const drafts = folders.find(({ path }) => path === "Entwürfe & mehr");
    expect(drafts).toMatchObject({ specialUse: "\\Drafts", status: { messages: 0, uidValidity: 77n } });
    expect(folders.find(({ path }) => path === "日本語/📬")?.status?.messages).toBe(1);
    expect(folders.find(({ path }) => path === "Parent")?.flags).toContain("\\Noselect");
    expect(server.commands.filter(({ command }) => command.startsWith("STATUS"))).toEqual([]);
  });

  it("takes messages, answers with their UIDs, and takes flags", async () => {
    const server = await start();
    const client = await connect(server);
    expect(
      await client.append(
        "INBOX",
        "Subject: x\r\n\r\n\0",
        ["\\Flagged", "Word"],
        new Date("2001-02-03T04:05:06Z"),
      ),
    ).toMatchObject({
      uid: 1,
      uidValidity: 1n,
    });
    await client.mailboxOpen("INBOX");
    await client.messageFlagsAdd("1", ["\\Seen"], { uid: true });
    const [message] = server.account("alice").folder("INBOX").messages;
    expect(message?.internalDate).toBe(" 3-Feb-2001 04:05:06 +0000");
    expect(message?.flags).toEqual(["\\Flagged", "Word", "\\Seen"]);
    expect(message?.content.at(-1)).toBe(0);
    await expect(client.append("Nowhere", "x")).rejects.toMatchObject({ serverResponseCode: "TRYCREATE" });
  });

  it("tells changes by mod-sequence, and forgets its UIDs", async () => {
    const server = await start();
    const inbox = server.account("alice").folder("INBOX");
    for (const subject of ["a", "b", "c"]) inbox.append({ content: `Subject: ${subject}\r\n\r\n` });
    const since = inbox.highestModseq;
    inbox.setFlags(2, ["\\Seen"]);
    inbox.expunge(1);
    const client = await connect(server);
    await client.mailboxOpen("INBOX");
    const changed = await client.fetchAll("1:*", { uid: true, flags: true }, { changedSince: BigInt(since) });
    expect(changed.map(({ uid }) => uid)).toEqual([2]);
    expect(await uids(client)).toEqual([2, 3]);
    inbox.renumber(9, 100);
    expect((await client.mailboxOpen("INBOX", { readOnly: true })).uidValidity).toBe(9n);
    expect(await uids(client)).toEqual([100, 101]);
  });

  it("serves over TLS", async () => {
    const files = await startDovecot({ users: 1 });
    running.push(files);
    const server = await start({ tls: files });
    await connect(server, { secure: true, tls: { rejectUnauthorized: false } });
    expect(server.commands.at(-1)?.user).toBe("alice");
  });
});

describe("logins", () => {
  const users = [
    { name: "alice", password: "secret", token: "good token" },
    { name: "admin", password: "admin's own" },
  ];

  it.each<[AdminForm, object]>([
    ["authorization", { user: "admin", pass: "key", authzid: "alice" }],
    ["exchange", { user: "contoso/admin/alice", pass: "key" }],
    ["mirapoint", { user: "#alice@example.com#admin#", pass: "key" }],
    ["dovecot", { user: "alice*admin", pass: "key" }],
  ])("open the named user's mailbox for an administrator, by %s", async (form, auth) => {
    const server = await start({ users, administrator: { name: "admin", password: "key", form } });
    server.account("alice").folder("INBOX").append({ content: "Subject: for alice\r\n\r\n" });
    const client = await connect(server, { auth: auth as NonNullable<ImapFlowOptions["auth"]> });
    expect((await client.mailboxOpen("INBOX")).exists).toBe(1);
    expect(server.commands.at(-1)?.user).toBe("alice");
    const wrong = connect(server, {
      auth: { ...auth, pass: "wrong" } as NonNullable<ImapFlowOptions["auth"]>,
    });
    await expect(wrong).rejects.toMatchObject({ authenticationFailed: true });
  });

  it.each(["XOAUTH2", "OAUTHBEARER"])(
    "take a bearer token by %s and refuse another one",
    async (mechanism) => {
      const other = mechanism === "XOAUTH2" ? "AUTH=OAUTHBEARER" : "AUTH=XOAUTH2";
      const server = await start({ users, dialect: without(GMAIL, other) });
      await connect(server, { auth: { user: "alice", accessToken: "good token" } });
      expect(server.commands.map(({ command }) => command)).toContain(`AUTHENTICATE ${mechanism}`);
      expect(server.commands.at(-1)?.user).toBe("alice");
      const refused = connect(server, { auth: { user: "alice", accessToken: "old token" } });
      await expect(refused).rejects.toMatchObject({ authenticationFailed: true });
      expect(JSON.stringify(server.commands)).not.toMatch(/token|secret/);
    },
  );

  it("are refused with the words of well-known servers", async () => {
    const server = await start({
      dialect: { ...GMAIL, loginRefused: LOGIN_REFUSALS.gmailAppPasswordRequired },
    });
    const refused = connect(server, { auth: { user: "alice", pass: "wrong" } });
    await expect(refused).rejects.toMatchObject({
      authenticationFailed: true,
      response: expect.stringContaining("Application-specific password required"),
    });
  });
});

describe("dialects", () => {
  it("do only what they offer", async () => {
    const server = await start({ dialect: BARE });
    server.account("alice").create("Sent", ["\\Sent"]);
    const client = await connect(server);
    expect((await client.list()).map(({ path, flags }) => [path, [...flags]])).toEqual([
      ["INBOX", []],
      ["Sent", []],
    ]);
    expect(await client.append("INBOX", "x")).not.toHaveProperty("uid");
    expect((await client.mailboxOpen("INBOX")).highestModseq).toBeUndefined();
    expect(server.commands.map(({ command }) => command.split(" ")[0])).not.toContain("NAMESPACE");
  });

  it("can lack a single capability", async () => {
    const server = await start({ dialect: without(FULL, "UIDPLUS", "LIST-STATUS") });
    const client = await connect(server);
    expect(await client.append("INBOX", "x")).not.toHaveProperty("uid");
    const [inbox] = await client.list({ statusQuery: { messages: true } });
    expect(inbox?.status?.messages).toBe(1);
    expect(server.commands.some(({ command }) => command.startsWith("STATUS INBOX"))).toBe(true);
  });

  it("show Exchange's folders and keep no keywords", async () => {
    const server = await start({
      dialect: EXCHANGE,
      users: [{ name: "alice", password: "secret", account: exchangeAccount() }],
    });
    const client = await connect(server);
    expect((await client.list()).map(({ path }) => path)).toEqual(
      expect.arrayContaining(["Calendar", "Sent Items"]),
    );
    await client.append("INBOX", "x", ["\\Seen", "Word"]);
    expect(server.account("alice").folder("INBOX").messages[0]?.flags).toEqual(["\\Seen"]);
  });

  it("show Gmail's labels as folders and on the message", async () => {
    const account = new GmailAccount();
    const id = account.add({ content: "Subject: labelled\r\n\r\n" }, ["\\Inbox", "Work/Ünit"]);
    const server = await start({ dialect: GMAIL, users: [{ name: "alice", password: "secret", account }] });
    const client = await connect(server);
    expect((await client.list()).find(({ specialUse }) => specialUse === "\\All")?.path).toBe(
      "[Gmail]/All Mail",
    );
    await client.mailboxOpen("[Gmail]/All Mail");
    const all = await client.fetchOne("1", { labels: true, uid: true });
    await client.mailboxOpen("Work/Ünit");
    const labelled = await client.fetchOne("1", { labels: true, uid: true });
    if (all === false || labelled === false) throw new Error("a message is missing");
    expect([...(all.labels ?? [])]).toEqual(["\\Inbox", "Work/Ünit"]);
    expect([labelled.emailId, [...(labelled.labels ?? [])]]).toEqual([all.emailId, ["\\Inbox"]]);

    account.relabel(id, ["Work/Ünit", "Later"]);
    expect(
      ["INBOX", "Work/Ünit", "Later", "[Gmail]/All Mail"].map((path) =>
        account.folder(path).messages.map(({ gmail }) => gmail?.labels),
      ),
    ).toEqual([[], [["Later"]], [["Work/Ünit"]], [["Work/Ünit", "Later"]]]);
    account.trash(id);
    expect(account.folder("[Gmail]/Trash").messages).toHaveLength(1);
    expect(account.folder("[Gmail]/All Mail").messages).toEqual([]);
  });

  it("can have any namespace", async () => {
    const namespace = '(("INBOX." ".")("Backup." ".")) (("user." ".")) (("shared." "."))';
    const server = await start({ dialect: { ...FULL, separator: ".", namespace } });
    server.account("alice").create("INBOX.Sub");
    const client = await connect(server);
    expect(client.namespaces).toMatchObject({ personal: [{ prefix: "INBOX." }, { prefix: "Backup." }] });
    expect((await client.list()).map(({ path }) => path)).toEqual(["INBOX", "INBOX.Sub"]);
  });
});

describe("faults", () => {
  async function withMessages(count: number, options: ScriptedOptions = {}): Promise<ScriptedServer> {
    const server = await start(options);
    const inbox = server.account("alice").folder("INBOX");
    for (let n = 1; n <= count; n += 1)
      inbox.append({ content: `Subject: ${n}\r\n\r\n${"x".repeat(1_000)}\r\n` });
    return server;
  }

  it("leave messages out of FETCH and lie about sizes", async () => {
    const server = await withMessages(5, { quirks: { omits: ({ uid }) => uid === 3, sizeOf: () => 7 } });
    const client = await connect(server);
    await client.mailboxOpen("INBOX");
    const fetched = await client.fetchAll("1:*", { uid: true, size: true });
    expect(fetched.map(({ uid, size }) => [uid, size])).toEqual([1, 2, 4, 5].map((uid) => [uid, 7]));
    expect(await client.search({ all: true }, { uid: true })).toEqual([1, 2, 3, 4, 5]);
    server.setQuirks({});
    expect(await uids(client)).toEqual([1, 2, 3, 4, 5]);
  });

  it("answer in place of a command, for a while", async () => {
    const server = await withMessages(1);
    server.faults.add({
      command: /^UID SEARCH/,
      after: 1,
      reaction: { kind: "reply", text: THROTTLES.gmailBandwidth },
    });
    const client = await connect(server);
    await client.mailboxOpen("INBOX");
    const search = () => client.search({ all: true }, { uid: true });
    expect([await search(), await search(), await search()]).toEqual([[1], false, [1]]);
  });

  it("say BYE in the middle of an answer", async () => {
    const server = await withMessages(10);
    server.faults.add({
      command: /^(UID )?FETCH/,
      reaction: { kind: "bye", text: "Session expired", afterResponses: 4 },
    });
    const client = await connect(server);
    await client.mailboxOpen("INBOX");
    const seen: number[] = [];
    await expect(
      (async () => {
        for await (const { uid } of client.fetch("1:*", { uid: true })) seen.push(uid);
      })(),
    ).rejects.toThrow();
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it("drop the connection in the middle of a literal", async () => {
    const server = await withMessages(3);
    server.faults.add({ command: /FETCH/, reaction: { kind: "drop", afterBytes: 1_500 } });
    const client = await connect(server);
    await client.mailboxOpen("INBOX");
    await expect(client.fetchAll("1:*", { source: true })).rejects.toThrow();
    await expect.poll(() => server.openConnections).toBe(0);
    const again = await connect(server);
    await again.mailboxOpen("INBOX");
    expect((await again.fetchAll("1:*", { source: true })).length).toBe(3);
    expect(server.mostConnections).toBe(1);
  });

  it("keep silent, for one user only", async () => {
    const users = ["alice", "bob"].map((name) => ({ name, password: "secret" }));
    const server = await start({ users });
    server.faults.add({ command: /^NOOP/, user: "bob", times: 2, reaction: { kind: "stall" } });
    const alice = await connect(server);
    await alice.noop();
    const bob = await connect(server, { auth: { user: "bob", pass: "secret" }, socketTimeout: 300 });
    const outcome = new Promise((resolve) => bob.once("error", resolve));
    void bob.noop().catch(() => undefined);
    expect(await outcome).toMatchObject({ code: "ETIMEOUT" });
  });

  it("refuse the login of an account with IMAP switched off", async () => {
    const server = await start({ dialect: GMAIL });
    server.faults.add({
      command: /^(LOGIN|AUTHENTICATE)/,
      reaction: { kind: "reply", text: LOGIN_REFUSALS.gmailImapDisabled },
    });
    await expect(connect(server)).rejects.toMatchObject({
      response: expect.stringContaining("not enabled for IMAP"),
    });
    await connect(server);
    expect(server.commands.at(-1)?.user).toBe("alice");
  });
});

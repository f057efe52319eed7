import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createImapTarget, type ImapTargetSettings } from "../../shared/adapters/imap/index.ts";
import { encodeMailboxName } from "../../shared/adapters/imap/utf7.ts";
import type { Stamp, TargetFolderId, TargetItemId, Uid } from "../../shared/domain/names.ts";
import type {
  OutgoingMessage,
  TargetConnector,
  TargetMailbox,
  WriteCandidate,
} from "../../shared/migration/ports/target.ts";
import { startCourier } from "../stack/imap-servers/courier.ts";
import { startCyrus } from "../stack/imap-servers/cyrus.ts";
import { startDovecot } from "../stack/imap-servers/dovecot.ts";
import type { ImapServer } from "../stack/imap-servers/server.ts";
import { imapUnderTest } from "./contracts/imap-target.ts";
import { targetContract } from "./contracts/target-contract.ts";
import { RawImap } from "./imap/raw-imap.ts";

interface Variant {
  readonly title: string;
  readonly start: () => Promise<ImapServer>;
  readonly prefix: string;
  readonly separator: string;
  /** Declares special uses. */
  readonly declaresUses: boolean;
}

const variants: readonly Variant[] = [
  { title: "Dovecot", start: () => startDovecot(), prefix: "", separator: "/", declaresUses: true },
  {
    title: "Dovecot with separator . below INBOX.",
    start: () => startDovecot({ separator: ".", prefix: "INBOX.", store: "maildir" }),
    prefix: "INBOX.",
    separator: ".",
    declaresUses: true,
  },
  {
    title: "Cyrus",
    start: () => startCyrus(),
    prefix: "",
    separator: "/",
    declaresUses: true,
  },
  { title: "Courier", start: () => startCourier(), prefix: "INBOX.", separator: ".", declaresUses: false },
];

const noneKnown: ReadonlySet<TargetItemId> = new Set();
const header = (n: number) =>
  `From: a@example.com\r\nSubject: number ${n}\r\nMessage-ID: <${n}@example.com>\r\nDate: Mon, 01 Jan 2001 00:00:00 +0000\r\n\r\n`;
const dateOf = (n: number) => new Date(Date.UTC(2001, 0, 1, 0, 0, n));

function outgoing(n: number, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    uid: n as Uid,
    stamp: `stamp-${n}` as Stamp,
    chunkToken: "token",
    internalDate: dateOf(n),
    flags: ["\\Seen", "$Label1", "\\Recent"],
    size: header(n).length,
    content: Buffer.from(`${header(n)}body ${n} gr\u00fcn\r\n`),
    timeoutMs: 30_000,
    ...more,
  };
}

function candidate(n: number, more: Partial<WriteCandidate> = {}): WriteCandidate {
  const { uid, stamp, internalDate, flags, size } = outgoing(n);
  return { uid, stamp, internalDate, flags, size, header: Buffer.from(header(n)), ...more };
}

const settingsFor = (server: ImapServer, more: Partial<ImapTargetSettings> = {}): ImapTargetSettings => ({
  host: server.host,
  port: server.tlsPort,
  security: "ssl",
  authentication: "password",
  userFormat: "{emailAddress}",
  password: server.password,
  acceptUntrustedCertificates: true,
  connectionsPerMailbox: 3,
  ...more,
});

describe.each(variants)("target mailbox on $title", ({ start, prefix, separator, declaresUses }) => {
  let server: ImapServer;
  let connector: TargetConnector;
  let mailbox: TargetMailbox;
  let raw: RawImap;

  beforeAll(async () => {
    server = await start();
    connector = createImapTarget(settingsFor(server));
    raw = await RawImap.login(server, server.userName(1), server.password);
    mailbox = await connector.open(await connector.resolve(server.userName(1)));
  });
  afterAll(async () => {
    await mailbox?.close();
    await raw?.close();
    await server.stop();
  });

  const fresh = async (name: string) => (await mailbox.ensureFolder([name])).id;
  const flagsIn = async (folder: TargetFolderId, ids: readonly TargetItemId[]) =>
    new Map([...(await mailbox.readItems(folder, ids))].map(([id, { flags }]) => [id, [...flags].sort()]));

  describe("as every target", () => {
    targetContract(() => imapUnderTest(server, 3));
  });

  test("finishes a move that was interrupted between its COPY and the removal of the original", async () => {
    const [from, to] = [await fresh("Half from"), await fresh("Half to")];
    const kept = await mailbox.write(from, outgoing(2));
    const id = await mailbox.write(from, outgoing(1));
    const mark = await mailbox.markFolder(to);
    await raw.command(`SELECT "${from}"`);
    await raw.command(`UID COPY ${id.split(":")[1]} "${to}"`);
    await raw.command("CLOSE");
    const moved = await mailbox.finishMove(from, id, to, mark, candidate(1), noneKnown);
    if (moved === undefined) throw new Error("the copy was not found");
    expect([...(await mailbox.readItems(from, [id, kept])).keys()]).toEqual([kept]);
    expect((await mailbox.readItems(to, [moved])).size).toBe(1);
    expect(await mailbox.finishMove(from, id, to, mark, candidate(1), noneKnown)).toBe(moved);
  });

  test("creates folders with parents, subscribed, and finds them again", async () => {
    const folder = await mailbox.ensureFolder(["Projekte", "\u00c4rger & Co"]);
    expect(folder).toEqual({
      id: `${prefix}Projekte${separator}&AMQ-rger &- Co`,
      path: "Projekte/\u00c4rger & Co",
    });
    const again = await connector.open(await connector.resolve(server.userName(1)));
    expect(await again.ensureFolder(["Projekte", "\u00c4rger & Co"])).toEqual(folder);
    await again.close();
    const subscribed = await raw.command(`LSUB "" "${prefix}Projekte*"`);
    expect(subscribed).toContain("Projekte");
    expect(subscribed).toContain("&AMQ-rger &- Co");
    expect(await mailbox.ensureFolder(["inbox"], "inbox")).toEqual({ id: "INBOX", path: "INBOX" });
  });

  test("creates many at once, subscribed", async () => {
    const names = Array.from({ length: 12 }, (_, n) => `Many ${n} \u00dc`);
    const wanted = names.flatMap((name) => [{ segments: [name] }, { segments: [name, "Below"] }]);
    const another = await connector.open(await connector.resolve(server.userName(1)));
    await another.prepareFolders(wanted);
    for (const { segments } of wanted) await another.ensureFolder(segments);
    await another.close();
    const subscribed = await raw.command(`LSUB "" "${prefix}Many*"`);
    for (const name of names)
      for (const path of [name, `${name}${separator}Below`])
        expect(subscribed).toContain(`"${prefix}${encodeMailboxName(path)}"\r\n`);
  });

  test("makes a deleted folder anew where only its name is left above a subfolder", async () => {
    await mailbox.ensureFolder(["Above", "Below"]);
    await mailbox.ensureFolder(["Above"]);
    // Cyrus refuses to delete a folder above others.
    await raw.command(`DELETE "${prefix}Above"`).catch(() => undefined);
    const again = await connector.open(await connector.resolve(server.userName(1)));
    const { id } = await again.ensureFolder(["Above"]);
    await again.write(id, outgoing(1));
    expect(await again.folderState(id)).toBe("there");
    await again.close();
  });

  test("maps a special use to the server's own folder, or keeps the name where it declares none", async () => {
    const sent = await mailbox.ensureFolder(["Gesendete Elemente"], "sent");
    expect(sent.path).toBe(declaresUses ? "Sent" : "Gesendete Elemente");
    const again = await connector.open(await connector.resolve(server.userName(1)));
    // Where no use is declared the name tells it, in another language than the source's too.
    expect(await again.ensureFolder(["Sent Items"], "sent")).toEqual(sent);
    // What lies within another folder at the source, as all of Gmail's do, becomes a folder of the usual name.
    expect((await again.ensureFolder(["[Gmail]", "Spam"], "junk")).path).toBe("Junk");
    await again.close();
  });

  test("creates a folder under a name the server takes, and the same one again", async () => {
    const names = ["a.b/c", "rock \u{1f600}", "~x", "Foo*", " space "].map((name) =>
      mailbox.naming.sanitize(name),
    );
    for (const name of names) {
      const folder = await mailbox.ensureFolder([name]);
      expect(await mailbox.ensureFolder([name])).toEqual(folder);
      expect(await mailbox.folderState(folder.id)).toBe("there");
      expect(mailbox.naming.sanitize(name)).toBe(name);
    }
  });

  test("stores bytes, flags and date, and tells the number", async () => {
    const folder = await fresh("Store");
    const message = outgoing(1, { internalDate: new Date("1999-12-31T23:59:58Z") });
    const id = await mailbox.write(folder, message);
    await raw.command(`EXAMINE "${folder}"`);
    const uid = id.split(":")[1];
    const fetched = await raw.command(`UID FETCH ${uid} (FLAGS INTERNALDATE BODY.PEEK[])`);
    expect(fetched).toContain((message.content as Buffer).toString("latin1"));
    const date = /INTERNALDATE "([^"]*)"/.exec(fetched)?.[1] ?? "";
    expect(new Date(date.replaceAll("-", " ").replace(/ (\d{4})$/, " -$1")).getUTCFullYear()).toBe(1999);
    expect(fetched).toContain("$Label1");
    expect(await flagsIn(folder, [id])).toEqual(new Map([[id, ["$Label1", "\\Seen"]]]));
  });

  test("stores many at once, each once", async () => {
    // Courier gives messages that are stored at the same moment one number.
    if (server.name === "courier") expect(mailbox.writeConcurrency).toBe(1);
    else expect(mailbox.writeConcurrency).toBeGreaterThan(3);
    const folder = await fresh("Many");
    const numbers = Array.from({ length: 60 }, (_, index) => index + 1);
    const ids = await Promise.all(numbers.map((n) => mailbox.write(folder, outgoing(n))));
    expect(new Set(ids).size).toBe(numbers.length);
    expect(await raw.command(`STATUS "${folder}" (MESSAGES)`)).toContain(`MESSAGES ${numbers.length}`);
  });

  test("stores a message that comes as a stream", async () => {
    const folder = await fresh("Stream");
    const body = "0123456789abcdef\r\n".repeat(60_000);
    const parts = [header(1), body.slice(0, 500_000), body.slice(500_000)].map((part) => Buffer.from(part));
    const id = await mailbox.write(
      folder,
      outgoing(1, { size: 1, content: async () => Readable.from(parts) }),
    );
    await raw.command(`EXAMINE "${folder}"`);
    const fetched = await raw.command(`UID FETCH ${id.split(":")[1]} (RFC822.SIZE)`);
    expect(fetched).toContain(`RFC822.SIZE ${header(1).length + body.length}`);
    expect(await raw.command(`UID FETCH ${id.split(":")[1]} (BODY.PEEK[])`)).toContain(header(1) + body);
  });

  test("says that the folder is gone", async () => {
    const folder = await fresh("Gone");
    await raw.command(`DELETE "${folder}"`);
    expect(await mailbox.folderState(folder)).not.toBe("there");
    for (const attempt of [() => mailbox.write(folder, outgoing(1)), () => mailbox.markFolder(folder)])
      await expect(attempt()).rejects.toMatchObject({ kind: "item", code: "TargetFolderGone" });
    expect(await mailbox.readItems(folder, ["1:1" as TargetItemId])).toEqual(new Map());
    expect(mailbox.usable).toBe(true);
  });

  test("a folder below the deleted items counts as deleted", async () => {
    const trash = await mailbox.ensureFolder(["Trash"], "trash");
    await raw.command(`CREATE "${trash.id}${separator}Old"`);
    expect(await mailbox.folderState(`${trash.id}${separator}Old` as TargetFolderId)).not.toBe("there");
    expect(await mailbox.folderState(trash.id)).toBe("there");
  });

  test("a message that asks for a receipt is stored as one whose receipt was sent", async () => {
    const folder = await fresh("Receipts");
    const mark = await mailbox.markFolder(folder);
    const asking = `Disposition-Notification-To: a@example.com\r\n${header(1)}`;
    const id = await mailbox.write(
      folder,
      outgoing(1, { flags: [], content: Buffer.from(`${asking}body\r\n`) }),
    );
    const quoting = Buffer.from(`${header(2)}Disposition-Notification-To: a@example.com\r\n`);
    const other = await mailbox.write(folder, outgoing(2, { flags: [], content: quoting }));
    expect(await flagsIn(folder, [id, other])).toEqual(
      new Map([
        [id, ["$MDNSent"]],
        [other, []],
      ]),
    );
    const wanted = candidate(1, { flags: [], header: Buffer.from(asking) });
    const found = await mailbox.findWritten(folder, { token: "token", mark }, [wanted], noneKnown);
    expect(found.get(wanted.stamp)).toEqual([{ id, untouched: true }]);
  });

  test("refuses a wrong password, and is unusable once closed", async () => {
    const wrong = createImapTarget(settingsFor(server, { password: "wrong" }));
    await expect(wrong.resolve(server.userName(1))).rejects.toMatchObject({
      kind: "mailbox",
      code: "AuthenticationFailed",
    });
    const other = await connector.open(await connector.resolve(server.userName(2)));
    expect(other.usable).toBe(true);
    await other.close();
    expect(other.usable).toBe(false);
  });
});

describe("target settings on Dovecot", () => {
  let server: ImapServer;
  beforeAll(async () => {
    server = await startDovecot({
      extraConfig: `
protocol imap {
  mail_plugins = $mail_plugins quota imap_quota
}
plugin {
  quota = count:User quota
  quota_rule = *:storage=100K
  quota_vsizes = yes
}`,
    });
  });
  afterAll(() => server.stop());

  const master = (more: Partial<ImapTargetSettings> = {}) =>
    createImapTarget(
      settingsFor(server, {
        userFormat: `{emailAddress}*${server.adminUser}`,
        password: server.adminPassword,
        ...more,
      }),
    );

  test("a master login resolves the address in lower case, and tells a mailbox that does not exist", async () => {
    expect(await master().resolve(server.userName(1).toUpperCase())).toEqual({
      id: server.userName(1),
      emailAddress: server.userName(1).toUpperCase(),
    });
    await expect(master().resolve("nobody")).rejects.toMatchObject({
      kind: "mailbox",
      code: "TargetMailboxNotFound",
    });
  });

  test("a full mailbox stops with its code", async () => {
    const mailbox = await master().open(await master().resolve(server.userName(2)));
    const folder = (await mailbox.ensureFolder(["INBOX"], "inbox")).id;
    const content = Buffer.from(`${header(1)}${"x\r\n".repeat(50_000)}`);
    await expect(mailbox.write(folder, outgoing(1, { content }))).rejects.toMatchObject({
      kind: "mailbox",
      code: "TargetQuotaExceeded",
    });
    await mailbox.close();
  });

  test("an empty message is refused as a message", async () => {
    const mailbox = await master().open(await master().resolve(server.userName(3)));
    await expect(
      mailbox.write("INBOX" as TargetFolderId, outgoing(1, { content: Buffer.alloc(0) })),
    ).rejects.toMatchObject({ kind: "item", code: "MessageRefused" });
    await mailbox.close();
  });

  test("a setting that concerns all mailboxes is fatal", async () => {
    await expect(master({ acceptUntrustedCertificates: false }).resolve("a")).rejects.toMatchObject({
      kind: "fatal",
      code: "UntrustedCertificate",
    });
    await expect(master({ authentication: "xoauth2" }).resolve("a")).rejects.toMatchObject({
      kind: "fatal",
      code: "TargetCredentialMissing",
    });
  });

  test("leaves out flags no server can store, and makes keywords of labels", () => {
    expect(
      master().representableFlags(["\\seen", "\\Recent", "\\Deleted", "a b", "$Fwd", "$fwd", "\u00fc"]),
    ).toEqual(["\\Seen", "a_b", "$Fwd", "&APw-"]);
  });
});

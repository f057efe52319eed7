import { randomBytes, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createGraphTarget } from "../../shared/adapters/graph/index.ts";
import type { IdentityToken } from "../../shared/adapters/identity-token.ts";
import { isMigrationError, type MigrationError } from "../../shared/domain/errors.ts";
import type { Stamp, TargetFolderId, TargetItemId, Uid } from "../../shared/domain/names.ts";
import type { OutgoingMessage, TargetMailbox, WriteCandidate } from "../../shared/migration/ports/target.ts";
import {
  type GraphOptions,
  type GraphStandIn,
  type MailboxInspection,
  startGraph,
} from "../stack/graph/index.ts";
import { graphUnderTest } from "./contracts/graph-target.ts";
import { targetContract } from "./contracts/target-contract.ts";

const megabyte = 1024 * 1024;
const minuteMs = 60_000;

let graph: GraphStandIn;
let mailbox: TargetMailbox;
let address: string;
let uid = 0;

function connector(server: GraphStandIn, token: IdentityToken = async () => server.token) {
  return createGraphTarget({ baseUrl: server.baseUrl, token, concurrencyPerMailbox: 4 });
}

async function openMailbox(server: GraphStandIn, options: { readonly quotaBytes?: number } = {}) {
  const userPrincipalName = `${randomUUID()}@example.com`;
  server.addMailbox({ userPrincipalName, ...options });
  const target = connector(server);
  return { userPrincipalName, mailbox: await target.open(await target.resolve(userPrincipalName)) };
}

async function withGraph(options: GraphOptions, use: (server: GraphStandIn) => Promise<void>): Promise<void> {
  const server = await startGraph(options);
  try {
    await use(server);
  } finally {
    await server.close();
  }
}

function stored(): MailboxInspection {
  return graph.mailbox(address);
}

function outgoing(content: Buffer | string, overrides: Partial<OutgoingMessage> = {}): OutgoingMessage {
  uid++;
  const bytes = typeof content === "string" ? Buffer.from(content.replace(/\r?\n/g, "\r\n")) : content;
  return {
    uid: uid as Uid,
    stamp: `stamp-${uid}` as Stamp,
    chunkToken: "chunk-1",
    internalDate: new Date("2019-03-04T05:06:07Z"),
    flags: [],
    size: bytes.length,
    content: bytes,
    timeoutMs: minuteMs,
    ...overrides,
  };
}

function candidateOf(message: OutgoingMessage): WriteCandidate {
  const { stamp, internalDate, size, flags } = message;
  return { uid: message.uid, stamp, internalDate, size, flags, header: Buffer.alloc(0) };
}

function plain(subject = "Hello"): string {
  return `From: Ann <ann@example.org>\nTo: bob@example.com\nSubject: ${subject}\nDate: Mon, 4 Mar 2019 06:00:00 +0100\nMessage-ID: <${subject}@example.org>\n\nHello Bob\n`;
}

/** A message with one attachment of so many random bytes. */
function withAttachment(bytes: Buffer, name = "data.bin"): Buffer {
  const lines = bytes.toString("base64").match(/.{1,76}/g) ?? [];
  return Buffer.from(
    [
      "From: ann@example.org",
      "Subject: Attached",
      "Content-Type: multipart/mixed; boundary=b",
      "",
      "--b",
      "Content-Type: text/plain",
      "",
      "See attachment",
      "--b",
      `Content-Type: application/octet-stream; name="${name}"`,
      "Content-Disposition: attachment",
      "Content-Transfer-Encoding: base64",
      "",
      ...lines,
      "--b--",
      "",
    ].join("\r\n"),
  );
}

async function failure(promise: Promise<unknown>): Promise<MigrationError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isMigrationError(error)) throw new Error("a MigrationError was expected", { cause: error });
  return error;
}

async function inbox(): Promise<TargetFolderId> {
  return (await mailbox.ensureFolder(["INBOX"], "inbox")).id;
}

beforeAll(async () => {
  graph = await startGraph();
});

beforeEach(async () => {
  const opened = await openMailbox(graph);
  mailbox = opened.mailbox;
  address = opened.userPrincipalName;
  graph.statistics.reset();
});

afterEach(async () => {
  graph.faults.clear();
  graph.permitSensitiveUpdates(false);
  await mailbox.close();
});

afterAll(async () => {
  await graph.close();
});

describe("as every target", () => {
  targetContract(() => graphUnderTest(graph));
});

describe("resolve", () => {
  it("finds a user by principal name, primary address and alias, in any letter case", async () => {
    const id = graph.addMailbox({
      userPrincipalName: "o'neil@tenant.example",
      mail: "first.last@example.com",
      proxyAddresses: ["alias@example.com"],
    });
    const target = connector(graph);
    for (const name of ["O'Neil@tenant.example", "First.Last@example.com", "ALIAS@example.com"])
      expect((await target.resolve(name)).id).toBe(id);
  });

  it("finds and fills shared mailboxes, rooms and users whose sign-in is blocked", async () => {
    const target = connector(graph);
    const userPrincipalName = "room@example.com";
    const id = graph.addMailbox({ userPrincipalName, accountEnabled: false });
    const identity = await target.resolve(userPrincipalName);
    expect(identity.id).toBe(id);
    const room = await target.open(identity);
    const inbox = await room.ensureFolder(["INBOX"], "inbox");
    expect(await room.folderState(inbox.id)).toBe("there");
    await room.close();
  });

  it("says so where there is no user, and where the user has no mailbox", async () => {
    const target = connector(graph);
    const missing = await failure(target.resolve("nobody@example.com"));
    expect(missing).toMatchObject({ kind: "mailbox", code: "TargetMailboxNotFound" });
    graph.addMailbox({ userPrincipalName: "unlicensed@example.com", hasMailbox: false });
    const identity = await target.resolve("unlicensed@example.com");
    const unlicensed = await failure((await target.open(identity)).ensureFolder(["INBOX"], "inbox"));
    expect(unlicensed).toMatchObject({ kind: "mailbox", code: "TargetMailboxNotFound" });
  });

  it("tries again later where its tokens are refused, a new one at each time, and says so at once when probed", async () => {
    const refusals: (string | undefined)[] = [];
    const target = connector(graph, async (refused) => {
      refusals.push(refused);
      return `of another tenant ${refusals.length}`;
    });
    expect(await failure(target.resolve(address))).toMatchObject({
      kind: "transient",
      code: "GraphTokenRefused",
      inDoubt: false,
    });
    expect(refusals).toEqual([undefined, "of another tenant 1"]);
    expect(await failure(target.probe())).toMatchObject({ kind: "fatal", code: "GraphTokenRefused" });
  });

  it("asks for a new token when the one it has ends in mid-run", async () => {
    const tokens = [graph.issueToken(-1), graph.token];
    const target = connector(graph, async () => tokens.shift() ?? graph.token);
    expect((await target.resolve(address)).id).toBe(stored().id);
  });
});

describe("folders", () => {
  it("puts special uses into the target's own folders, whatever they are called there", async () => {
    for (const [use, wellKnown] of [
      ["inbox", "inbox"],
      ["sent", "sentitems"],
      ["drafts", "drafts"],
      ["trash", "deleteditems"],
      ["junk", "junkemail"],
      ["archive", "archive"],
    ] as const) {
      const folder = await mailbox.ensureFolder([`Source ${use}`], use);
      expect(folder.id).toBe(stored().folder(wellKnown)?.id);
    }
    expect(stored().folders.some((folder) => folder.displayName.startsWith("Source"))).toBe(false);
  });

  it("makes a folder of the source's name where the target has none for its use", async () => {
    const userPrincipalName = `${randomUUID()}@example.com`;
    graph.addMailbox({ userPrincipalName, missingFolders: ["archive"] });
    const target = connector(graph);
    const bare = await target.open(await target.resolve(userPrincipalName));
    const archive = await bare.ensureFolder(["Archiv"], "archive");
    const child = await bare.ensureFolder(["Archiv", "2019"]);
    const made = graph.mailbox(userPrincipalName).folder("Archiv");
    expect([made?.id, made?.childFolders.map(({ id }) => id)]).toEqual([archive.id, [child.id]]);
  });

  it("creates a hierarchy once, and takes names that differ only in case for one", async () => {
    const deep = await mailbox.ensureFolder(["Projects", "2021", "Überblick / Plan"]);
    expect(deep.path).toBe("Projects/2021/Überblick _ Plan");
    expect((await mailbox.ensureFolder(["projects", "2021", "überblick / plan"])).id).toBe(deep.id);
    expect(stored().folder("Projects", "2021", "Überblick _ Plan")?.id).toBe(deep.id);
    expect(stored().folder("Projects")?.childFolders).toHaveLength(1);
  });

  it("uses a folder that exists as it is, and subfolders of special ones below them", async () => {
    const sent = await mailbox.ensureFolder(["Gesendet"], "sent");
    const child = await mailbox.ensureFolder(["Gesendet", "2019"]);
    const sentFolder = stored().folder("sentitems");
    expect(sentFolder?.id).toBe(sent.id);
    expect(sentFolder?.childFolders.map((folder) => folder.id)).toEqual([child.id]);
    const below = await mailbox.ensureFolder(["INBOX", "Clients"]);
    expect(
      stored()
        .folder("inbox")
        ?.childFolders.map((folder) => folder.id),
    ).toEqual([below.id]);
  });

  it("puts mail of a folder called as the calendar into one with a number, the same one each time", async () => {
    const folder = await mailbox.ensureFolder(["calendar"]);
    const child = await mailbox.ensureFolder(["calendar", "2020"]);
    expect(folder.path).toBe("calendar (2)");
    const target = connector(graph);
    const again = await target.open(await target.resolve(address));
    expect((await again.ensureFolder(["Calendar"])).id).toBe(folder.id);
    expect((await again.ensureFolder(["Calendar", "2020"])).id).toBe(child.id);
    expect(
      stored()
        .folder("calendar (2)")
        ?.childFolders.map((one) => one.id),
    ).toEqual([child.id]);
  });

  it("leaves mail alone that is in the target already", async () => {
    const before: string[] = [];
    for (const folder of ["inbox", "deleteditems"])
      for (const subject of ["Hello", "Mine"]) {
        const made = await request("POST", `/mailFolders/${folder}/messages`, { subject, isRead: false });
        before.push(((await made.json()) as { id: string }).id);
      }
    const untouched = () =>
      stored()
        .messages.filter((message) => before.includes(message.id))
        .map(({ id, properties, isRead, isDraft, lastModifiedDateTime }) => ({
          ...{ id, isRead, isDraft, lastModifiedDateTime, subject: properties.subject },
        }));
    const theirs = untouched();
    const inboxFolder = await inbox();
    const message = outgoing(plain(), { flags: ["\\Flagged"] });
    const item = await mailbox.write(inboxFolder, message);
    await mailbox.write(inboxFolder, outgoing(withAttachment(randomBytes(3_500_000))));
    const chunk = { token: message.chunkToken, mark: "" };
    const found = await mailbox.findWritten(inboxFolder, chunk, [candidateOf(message)], new Set());
    expect(found.get(message.stamp)?.map(({ id }) => id)).toEqual([item]);
    await mailbox.changeFlags(inboxFolder, item, { add: ["\\Seen"], remove: [] });
    await mailbox.deleteItem(inboxFolder, item);
    expect(theirs).toHaveLength(4);
    expect(untouched()).toEqual(theirs);
  });

  it("tells by what guesses it read a damaged message", async () => {
    const guesses: string[] = [];
    const damaged = Buffer.from(
      "From: Lovelace, Ada <ada@example.org>\r\nDate: 1 Jan 2018 10:00\r\n\r\nhi\r\n",
    );
    await mailbox.write(await inbox(), { ...outgoing(damaged), guessed: (guess) => guesses.push(guess) });
    expect(guesses.toSorted()).toEqual(["DateGuessed", "NameGuessed"]);
    await mailbox.write(await inbox(), { ...outgoing(plain()), guessed: (guess) => guesses.push(guess) });
    expect(guesses).toHaveLength(2);
  });

  it("finds a folder that somebody else created meanwhile", async () => {
    await mailbox.ensureFolder(["Race"]);
    const target = connector(graph);
    const second = await target.open(await target.resolve(address));
    await second.ensureFolder(["Other"]);
    const made = await mailbox.ensureFolder(["Late"]);
    expect((await second.ensureFolder(["late"])).id).toBe(made.id);
  });

  it("creates more folders than a page lists without doubling one", async () => {
    const names = Array.from({ length: 230 }, (_, index) => `Folder ${index}`);
    for (const name of names) await mailbox.ensureFolder([name]);
    const target = connector(graph);
    const again = await target.open(await target.resolve(address));
    graph.statistics.reset();
    for (const name of names) await again.ensureFolder([name.toUpperCase()]);
    expect(stored().folders.filter((folder) => folder.displayName.startsWith("Folder"))).toHaveLength(230);
    const created =
      graph.statistics.snapshot().routes["POST /users/{user}/mailFolders/{folder}/childFolders"];
    expect(created).toBeUndefined();
  });

  it("knows when a folder was deleted, for good or into the deleted items", async () => {
    const parent = await mailbox.ensureFolder(["Gone"]);
    const child = await mailbox.ensureFolder(["Gone", "Child"]);
    expect(await mailbox.folderState(child.id)).toBe("there");
    expect(await mailbox.folderState((await mailbox.ensureFolder(["Trash"], "trash")).id)).toBe("there");
    await request("DELETE", `/mailFolders/${parent.id}`);
    expect(await mailbox.folderState(child.id)).not.toBe("there");
    await request("DELETE", `/mailFolders/${parent.id}`);
    expect(await mailbox.folderState(child.id)).not.toBe("there");
    const refused = await failure(mailbox.write(parent.id, outgoing(plain())));
    expect(refused).toMatchObject({ kind: "item", code: "TargetFolderGone", inDoubt: false });
  });
});

/** What the user does in the mailbox meanwhile. */
async function request(method: string, path: string, body?: unknown): Promise<Response> {
  return fetch(`${graph.baseUrl}/v1.0/users/${encodeURIComponent(address)}${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${graph.token}`,
      "Content-Type": "application/json",
      Prefer: 'IdType="ImmutableId"',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

describe("write", () => {
  it("stores a message with its dates, people and state in one request, never as a draft", async () => {
    const folder = await inbox();
    graph.statistics.reset();
    const id = await mailbox.write(folder, outgoing(plain(), { flags: ["\\Seen", "\\Flagged", "Projekt"] }));
    const [message] = stored().folder("inbox")?.messages ?? [];
    expect(message).toMatchObject({
      id,
      isDraft: false,
      isRead: true,
      internetMessageId: "<Hello@example.org>",
      receivedDateTime: new Date("2019-03-04T05:06:07Z"),
      sentDateTime: new Date("2019-03-04T05:00:00Z"),
    });
    expect(message?.properties).toMatchObject({
      subject: "Hello",
      from: { name: "Ann", address: "ann@example.org" },
      categories: ["Projekt"],
      flag: { flagStatus: "flagged" },
      isReadReceiptRequested: false,
    });
    expect(graph.statistics.snapshot().mailboxes[stored().id]).toMatchObject({
      requests: 1,
      withoutImmutableId: 0,
    });
  });

  it("keeps a draft of the source a draft", async () => {
    await mailbox.write(await inbox(), outgoing(plain(), { flags: ["\\Draft", "\\Seen"] }));
    expect(stored().messages[0]).toMatchObject({ isDraft: true, isRead: true });
  });

  it("carries attachments of every size with equal bytes, out of sight until the message is whole", async () => {
    const folder = await inbox();
    const sizes = [0, 1, 100_000, 3 * megabyte - 200_000, 3 * megabyte, 5 * megabyte, 12 * 320 * 1024 * 2];
    for (const size of sizes) {
      const bytes = randomBytes(size);
      await mailbox.write(folder, outgoing(withAttachment(bytes)));
      const message = stored().folder("inbox")?.messages.at(-1);
      expect(message?.attachments.map((attachment) => attachment.bytes().equals(bytes))).toEqual([true]);
      expect(message?.isDraft).toBe(false);
    }
    const staging = stored().folders.find((one) => one.isHidden);
    expect(staging?.messages).toEqual([]);
  });

  const readings: readonly (readonly [string, GraphOptions])[] = [
    ["requests of 4,000,000 bytes", { largestRequest: 4_000_000 }],
    ["sessions from 3 MiB on", { smallestUpload: 3 * megabyte }],
  ];
  it.each(readings)("carries attachments of about 3 MB where the service means %s", async (_, options) => {
    await withGraph(options, async (server) => {
      const opened = await openMailbox(server);
      const folder = (await opened.mailbox.ensureFolder(["INBOX"], "inbox")).id;
      for (const size of [2_990_000, 3_000_000, 3_100_000, 3 * megabyte]) {
        const bytes = randomBytes(size);
        await opened.mailbox.write(folder, outgoing(withAttachment(bytes)));
        const message = server.mailbox(opened.userPrincipalName).folder("inbox")?.messages.at(-1);
        expect(message?.attachments.map((attachment) => attachment.bytes().equals(bytes))).toEqual([true]);
      }
    });
  });

  it("splits many attachments over several requests", async () => {
    const files = Array.from({ length: 6 }, () => randomBytes(900_000));
    const parts = files.flatMap((bytes, index) => [
      "--b",
      `Content-Type: application/octet-stream; name=file${index}`,
      "Content-Transfer-Encoding: base64",
      "",
      bytes.toString("base64"),
    ]);
    const source = [
      "Subject: Many",
      "Content-Type: multipart/mixed; boundary=b",
      "",
      ...parts,
      "--b--",
      "",
    ].join("\r\n");
    await mailbox.write(await inbox(), outgoing(source));
    const attachments = stored().messages[0]?.attachments ?? [];
    expect(new Set(attachments.map((attachment) => attachment.name)).size).toBe(6);
    for (const attachment of attachments)
      expect(attachment.bytes().equals(files[Number(attachment.name.slice(4))] ?? Buffer.alloc(0))).toBe(
        true,
      );
  });

  it("streams a message that is not held in memory, opening the stream once", async () => {
    const bytes = randomBytes(6 * megabyte);
    const source = withAttachment(bytes);
    let opened = 0;
    const content = async () => {
      opened++;
      return Readable.from([source.subarray(0, 1000), source.subarray(1000)]);
    };
    await mailbox.write(await inbox(), outgoing(source, { content }));
    expect(opened).toBe(1);
    expect(stored().messages[0]?.attachments[0]?.bytes().equals(bytes)).toBe(true);
  });

  it("skips a message above the tenant's limit, naming the remedy, and leaves nothing behind", async () => {
    await withGraph({ maxMessageBytes: 4 * megabyte }, async (server) => {
      const small = await openMailbox(server);
      const folder = (await small.mailbox.ensureFolder(["INBOX"], "inbox")).id;
      const error = await failure(
        small.mailbox.write(folder, outgoing(withAttachment(randomBytes(5 * megabyte)))),
      );
      expect(error).toMatchObject({ kind: "item", code: "MessageTooLarge", inDoubt: false });
      expect(error.message).toContain("Set-Mailbox -MaxReceiveSize");
      expect(server.mailbox(small.userPrincipalName).messages).toEqual([]);
    });
  });

  it("skips a large attachment in a cloud without upload sessions, naming the way out", async () => {
    await withGraph({ uploadSessions: false }, async (server) => {
      const national = await openMailbox(server);
      const folder = (await national.mailbox.ensureFolder(["INBOX"], "inbox")).id;
      const write = (bytes: number) =>
        national.mailbox.write(folder, outgoing(withAttachment(randomBytes(bytes))));
      expect(await failure(write(5 * megabyte))).toMatchObject({
        ...{ kind: "item", code: "LargeAttachmentUnsupported", inDoubt: false },
        message: expect.stringContaining("TARGET=imap"),
      });
      expect(server.mailbox(national.userPrincipalName).messages).toEqual([]);
      await write(2 * megabyte);
      expect(server.mailbox(national.userPrincipalName).messages).toHaveLength(1);
    });
  });

  it.each(["refused", "ignored"] as const)(
    "skips a message whose attachments are %s once it is there, naming the way out, and takes it with the permission",
    async (outcome) => {
      await withGraph({ sensitiveUpdates: { outcome, countsAttachments: true } }, async (server) => {
        const { mailbox, userPrincipalName } = await openMailbox(server);
        const folder = (await mailbox.ensureFolder(["INBOX"], "inbox")).id;
        const large = outgoing(withAttachment(randomBytes(5 * megabyte)));
        expect(await failure(mailbox.write(folder, large))).toMatchObject({
          ...{ kind: "item", code: "AttachmentsDenied", inDoubt: false },
          message: expect.stringContaining("Mail-Advanced.ReadWrite.All"),
        });
        expect(server.mailbox(userPrincipalName).messages).toEqual([]);
        // What fits into its creation is no update, and neither is a draft.
        await mailbox.write(folder, outgoing(withAttachment(randomBytes(2 * megabyte))));
        await mailbox.write(folder, { ...large, flags: ["\\Draft"], stamp: "draft" as Stamp });
        server.permitSensitiveUpdates(true);
        await mailbox.write(folder, large);
        const arrived = server.mailbox(userPrincipalName).folder("inbox")?.messages ?? [];
        expect(arrived.map((message) => message.attachments[0]?.size)).toEqual([
          2 * megabyte,
          5 * megabyte,
          5 * megabyte,
        ]);
      });
    },
  );

  it("stops the mailbox when it is full", async () => {
    const full = await openMailbox(graph, { quotaBytes: 2000 });
    const folder = (await full.mailbox.ensureFolder(["INBOX"], "inbox")).id;
    const error = await failure(full.mailbox.write(folder, outgoing(withAttachment(randomBytes(5000)))));
    expect(error).toMatchObject({ kind: "mailbox", code: "TargetQuotaExceeded" });
  });

  it.each([
    { kind: "gatewayTimeout", stored: true },
    { kind: "gatewayTimeout", stored: false },
    { kind: "reset", stored: true },
    { kind: "reset", stored: false },
  ] as const)("never repeats a create after $kind (stored: $stored), which is in doubt", async (fault) => {
    const folder = await inbox();
    const message = outgoing(plain());
    graph.faults.next({ ...fault, route: "^POST" });
    expect(await failure(mailbox.write(folder, message))).toMatchObject({ kind: "transient", inDoubt: true });
    const found = await mailbox.findWritten(
      folder,
      { token: "chunk-1", mark: "" },
      [candidateOf(message)],
      new Set(),
    );
    expect(found.get(message.stamp)?.length ?? 0).toBe(fault.stored ? 1 : 0);
    expect(stored().messages).toHaveLength(fault.stored ? 1 : 0);
  });

  it.each([{ retryAfterDate: false }, { retryAfterDate: true }])(
    "waits out a short pause (as a date: $retryAfterDate) and then writes once",
    async ({ retryAfterDate }) => {
      const folder = await inbox();
      graph.faults.next({ kind: "throttled", retryAfterSeconds: 1, retryAfterDate });
      graph.faults.next({ kind: "unavailable", retryAfterSeconds: 1, retryAfterDate });
      await Promise.all(
        [1, 2, 3, 4, 5, 6].map((number) => mailbox.write(folder, outgoing(plain(`m${number}`)))),
      );
      expect(stored().messages).toHaveLength(6);
      expect(graph.statistics.snapshot().mailboxes[stored().id]).toMatchObject({
        insideRetryAfter: 0,
        overConcurrency: 0,
      });
    },
  );

  it("hands on a pause that is longer than the write may take", async () => {
    const folder = await inbox();
    graph.faults.next({ kind: "throttled", retryAfterSeconds: 120 });
    const error = await failure(mailbox.write(folder, outgoing(plain())));
    expect(error).toMatchObject({ kind: "throttled", inDoubt: false });
    expect(error.retryAfterMs).toBeGreaterThan(110_000);
    // Another session of the same process keeps to it without asking.
    graph.statistics.reset();
    expect(await failure(mailbox.write(folder, outgoing(plain())))).toMatchObject({ kind: "throttled" });
    expect(graph.statistics.snapshot().requests).toEqual([]);
  });

  it("keeps to four requests at once, uploads and batches included", async () => {
    await withGraph({ latencyMs: 5 }, async (server) => {
      const busy = await openMailbox(server);
      const folder = (await busy.mailbox.ensureFolder(["INBOX"], "inbox")).id;
      const large = withAttachment(randomBytes(4 * megabyte));
      const ids = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          busy.mailbox.write(folder, outgoing(index % 4 === 0 ? large : plain(`m${index}`))),
        ),
      );
      await Promise.all([1, 2, 3].map(() => busy.mailbox.readItems(folder, ids)));
      const statistics = server.statistics.snapshot().mailboxes[server.mailbox(busy.userPrincipalName).id];
      expect(statistics?.maxConcurrency).toBe(4);
      expect(statistics?.overConcurrency).toBe(0);
    });
  });

  it.each([
    { route: "/attachments/createUploadSession", kind: "gatewayTimeout", stored: true },
    { route: "AttachmentSessions", kind: "reset", stored: true },
    { route: "AttachmentSessions", kind: "gatewayTimeout", stored: false },
    { route: "^POST .*/messages$", kind: "gatewayTimeout", stored: true },
    { route: "^POST .*/messages$", kind: "reset", stored: false },
    { route: "/move", kind: "reset", stored: true },
    { route: "/move", kind: "gatewayTimeout", stored: false },
  ] as const)(
    "puts a large message together once although $route fails ($kind, stored: $stored)",
    async (fault) => {
      const folder = await inbox();
      const bytes = randomBytes(9 * megabyte);
      graph.faults.next(fault);
      const id = await mailbox.write(folder, outgoing(withAttachment(bytes)));
      expect(stored().messages.map((message) => message.id)).toEqual([id]);
      expect(
        stored()
          .folder("inbox")
          ?.messages[0]?.attachments.map((one) => one.bytes().equals(bytes)),
      ).toEqual([true]);
    },
  );

  it("settles the last range of an upload that was taken although its answer was lost", async () => {
    const folder = await inbox();
    const bytes = randomBytes(3 * megabyte);
    graph.faults.next({ kind: "reset", stored: true, route: "^PUT" });
    await mailbox.write(folder, outgoing(withAttachment(bytes)));
    expect(stored().messages).toHaveLength(1);
    expect(stored().messages[0]?.attachments).toHaveLength(1);
  });

  it("makes the staging folder anew if somebody removed it", async () => {
    const folder = await inbox();
    const large = withAttachment(randomBytes(3 * megabyte));
    await mailbox.write(folder, outgoing(large));
    const staging = stored().folders.find((one) => one.isHidden);
    await request("POST", `/mailFolders/${staging?.id}/permanentDelete`);
    await mailbox.write(folder, outgoing(large));
    expect(stored().folder("inbox")?.messages).toHaveLength(2);
  });

  it("removes what an interrupted try left in the staging folder", async () => {
    const folder = await inbox();
    const message = outgoing(withAttachment(randomBytes(4 * megabyte)), { timeoutMs: 8000 });
    graph.faults.next({
      kind: "throttled",
      retryAfterSeconds: 30,
      route: "^PUT",
    });
    expect(await failure(mailbox.write(folder, message))).toMatchObject({
      kind: "throttled",
      inDoubt: false,
    });
    expect(stored().folder("inbox")?.messages).toEqual([]);
    expect(stored().messages).toHaveLength(1);
    const target = connector(graph);
    const next = await target.open(await target.resolve(address));
    const id = await next.write(folder, { ...message, timeoutMs: minuteMs });
    expect(stored().messages.map((one) => one.id)).toEqual([id]);
  });
});

describe("findWritten", () => {
  it("tells which of a chunk's messages are there, and which of them the user has touched", async () => {
    const folder = await inbox();
    const written = [
      outgoing(plain("a"), { flags: ["\\Seen"] }),
      outgoing(plain("b"), { flags: ["$label1"] }),
    ];
    const other = outgoing(plain("c"), { chunkToken: "chunk-2" });
    const absent = outgoing(plain("d"));
    const ids: TargetItemId[] = [];
    for (const message of [...written, other]) ids.push(await mailbox.write(folder, message));
    await request("PATCH", `/messages/${ids[1]}`, { isRead: true });
    const candidates = [...written, other, absent].map(candidateOf);
    const found = await mailbox.findWritten(folder, { token: "chunk-1", mark: "" }, candidates, new Set());
    expect([...found]).toEqual([
      [written[0]?.stamp, [{ id: ids[0], untouched: true }]],
      [written[1]?.stamp, [{ id: ids[1], untouched: false }]],
    ]);
    const known = await mailbox.findWritten(folder, { token: "chunk-1", mark: "" }, candidates, new Set(ids));
    expect(known.size).toBe(0);
  });

  it("looks through more items than a page holds", async () => {
    const folder = await inbox();
    const messages = Array.from({ length: 130 }, (_, index) => outgoing(plain(`n${index}`)));
    await Promise.all(messages.map((message) => mailbox.write(folder, message)));
    const found = await mailbox.findWritten(
      folder,
      { token: "chunk-1", mark: "" },
      messages.map(candidateOf),
      new Set(),
    );
    expect(found.size).toBe(130);
  });

  it("finds copies of messages that are no longer at the source", async () => {
    const folder = await inbox();
    const [gone, other] = [outgoing(plain("a"), { flags: ["\\Seen"] }), outgoing(plain("b"))];
    const id = await mailbox.write(folder, gone);
    await mailbox.write(folder, other);
    const chunk = { token: "chunk-1", mark: "", retired: [gone.stamp] };
    expect([...(await mailbox.findWritten(folder, chunk, [], new Set()))]).toEqual([
      [gone.stamp, [{ id, untouched: true }]],
    ]);
    expect((await mailbox.findWritten(folder, chunk, [], new Set([id]))).size).toBe(0);
  });

  it("says that the folder is gone", async () => {
    const { id } = await mailbox.ensureFolder(["Gone"]);
    // The first time into the deleted items, the second time for good.
    await request("DELETE", `/mailFolders/${id}`);
    await request("DELETE", `/mailFolders/${id}`);
    await expect(
      mailbox.findWritten(id, { token: "chunk-1", mark: "" }, [candidateOf(outgoing(plain()))], new Set()),
    ).rejects.toMatchObject({ kind: "item", code: "TargetFolderGone" });
  });

  it("needs no mark beforehand", async () => {
    expect(await mailbox.markFolder(await inbox())).toBe("");
  });
});

describe("items", () => {
  it("reads the flags of those that are still in the folder", async () => {
    const folder = await inbox();
    const flags = ["\\Answered", "\\Flagged", "\\Seen", "$label1", "Projekt"];
    const ids = await Promise.all(
      Array.from({ length: 23 }, (_, index) =>
        mailbox.write(folder, outgoing(plain(`r${index}`), { flags })),
      ),
    );
    await request("DELETE", `/messages/${ids[3]}`);
    const states = await mailbox.readItems(folder, ids);
    expect(states.size).toBe(22);
    expect(states.has(ids[3] as TargetItemId)).toBe(false);
    for (const state of states.values())
      expect(state.flags).toEqual(connector(graph).representableFlags(flags));
  });

  it("reads on although parts of a batch fail", async () => {
    const folder = await inbox();
    const ids = await Promise.all(
      [1, 2, 3].map((number) => mailbox.write(folder, outgoing(plain(`b${number}`)))),
    );
    graph.faults.next({ kind: "throttled", route: "^GET", times: 2 });
    graph.faults.next({ kind: "gatewayTimeout", route: "^GET" });
    expect((await mailbox.readItems(folder, ids)).size).toBe(3);
  });

  it("changes only the flags it is told to", async () => {
    graph.permitSensitiveUpdates(true);
    const folder = await inbox();
    const id = await mailbox.write(folder, outgoing(plain(), { flags: ["\\Seen", "Mine"] }));
    await request("PATCH", `/messages/${id}`, { categories: ["Mine", "The user's"] });
    const change = { add: ["\\Flagged", "$Forwarded", "$label2"], remove: ["\\Seen", "Mine"] };
    expect(await mailbox.changeFlags(folder, id, change)).toBe("done");
    expect(await mailbox.changeFlags(folder, id, change)).toBe("done");
    const flags = (await mailbox.readItems(folder, [id])).get(id)?.flags;
    expect(new Set(flags)).toEqual(new Set(["$Forwarded", "$label2", "The user's", "\\Flagged"]));
    expect(new Set(stored().messages[0]?.properties.categories)).toEqual(new Set(["The user's", "Work"]));
  });

  const action = { add: ["\\Answered"], remove: [] };
  const lastVerb = (message: { extended(id: string): string | undefined } | undefined) =>
    message?.extended("Integer 0x1081");

  it("does without the last action where Exchange refuses to change it, asks once, and changes all else", async () => {
    await withGraph({ sensitiveUpdates: {} }, async (server) => {
      const { mailbox, userPrincipalName } = await openMailbox(server);
      const folder = (await mailbox.ensureFolder(["INBOX"], "inbox")).id;
      const [answered, forwarded] = [
        await mailbox.write(folder, outgoing(plain("answered"))),
        await mailbox.write(folder, outgoing(plain("forwarded"), { flags: ["$Forwarded"] })),
      ];
      const first = { add: ["\\Answered", "\\Seen", "$label1"], remove: [] };
      expect(await mailbox.changeFlags(folder, answered, first)).toEqual({ unkept: ["\\Answered"] });
      const second = { add: ["\\Answered", "\\Flagged"], remove: ["$Forwarded"] };
      expect(await mailbox.changeFlags(folder, forwarded, second)).toEqual({
        unkept: ["\\Answered", "$Forwarded"],
      });
      const [one, two] = server.mailbox(userPrincipalName).messages;
      expect([one?.isRead, one?.properties.categories, lastVerb(one)]).toEqual([
        true,
        ["Important"],
        undefined,
      ]);
      expect([two?.properties.flag.flagStatus, lastVerb(two)]).toEqual(["flagged", "104"]);
      const { routes } = server.statistics.snapshot();
      expect(routes["PATCH /users/{user}/messages/{message}"]).toEqual({ "200": 2, "403": 1 });

      server.permitSensitiveUpdates(true);
      // A session that was refused asks no more; the next one does.
      expect(await mailbox.changeFlags(folder, answered, action)).toEqual({ unkept: ["\\Answered"] });
      const target = connector(server);
      const next = await target.open(await target.resolve(userPrincipalName));
      expect(await next.changeFlags(folder, answered, action)).toBe("done");
      expect(await next.changeFlags(folder, forwarded, { add: [], remove: ["$Forwarded"] })).toBe("done");
      expect(server.mailbox(userPrincipalName).messages.map(lastVerb)).toEqual(["102", "0"]);
    });
  });

  it("notices that the last action did not change although Exchange said so, by one look", async () => {
    await withGraph({ sensitiveUpdates: { outcome: "ignored" } }, async (server) => {
      const { mailbox } = await openMailbox(server);
      const folder = (await mailbox.ensureFolder(["INBOX"], "inbox")).id;
      for (const name of ["one", "two"]) {
        const item = await mailbox.write(folder, outgoing(plain(name)));
        expect(await mailbox.changeFlags(folder, item, action)).toEqual({ unkept: ["\\Answered"] });
      }
      const { routes } = server.statistics.snapshot();
      expect(routes["PATCH /users/{user}/messages/{message}"]).toEqual({ "200": 1 });
    });
    await withGraph({ sensitiveUpdates: { permitted: true } }, async (server) => {
      const { mailbox } = await openMailbox(server);
      const folder = (await mailbox.ensureFolder(["INBOX"], "inbox")).id;
      for (const name of ["one", "two"])
        await mailbox.changeFlags(folder, await mailbox.write(folder, outgoing(plain(name))), action);
      const { routes } = server.statistics.snapshot();
      expect(routes["PATCH /users/{user}/messages/{message}"]).toEqual({ "200": 2 });
      expect(routes["GET /users/{user}/messages/{message}"]).toEqual({ "200": 3 });
    });
  });

  it("changes the last action of a draft without the permission", async () => {
    await withGraph({ sensitiveUpdates: {} }, async (server) => {
      const { mailbox, userPrincipalName } = await openMailbox(server);
      const folder = (await mailbox.ensureFolder(["Drafts"], "drafts")).id;
      const draft = await mailbox.write(folder, outgoing(plain(), { flags: ["\\Draft"] }));
      expect(await mailbox.changeFlags(folder, draft, action)).toBe("done");
      expect(server.mailbox(userPrincipalName).messages.map(lastVerb)).toEqual(["102"]);
    });
  });

  it("moves an item and finds it again under the same id, however the answer got lost", async () => {
    const from = await inbox();
    const to = (await mailbox.ensureFolder(["Moved"])).id;
    const message = outgoing(plain());
    const id = await mailbox.write(from, message);
    graph.faults.next({ kind: "reset", stored: true, route: "/move" });
    expect(await mailbox.moveItem(from, id, to)).toBe(id);
    expect(await mailbox.finishMove(from, id, to, "", candidateOf(message), new Set())).toBe(id);
    expect(await mailbox.finishMove(to, id, from, "", candidateOf(message), new Set())).toBeUndefined();
    expect(await mailbox.moveItem(from, id, (await mailbox.ensureFolder(["Third"])).id)).toBeUndefined();
    expect(
      stored()
        .folder("Moved")
        ?.messages.map((one) => one.id),
    ).toEqual([id]);
  });

  it("deletes into the deleted items, and leaves alone what the user put elsewhere", async () => {
    const folder = await inbox();
    const elsewhere = (await mailbox.ensureFolder(["Elsewhere"])).id;
    const id = await mailbox.write(folder, outgoing(plain("x")));
    const moved = await mailbox.write(folder, outgoing(plain("y")));
    await mailbox.moveItem(folder, moved, elsewhere);
    expect(await mailbox.deleteItem(folder, id)).toBe("done");
    expect(await mailbox.deleteItem(folder, id)).toBe("gone");
    const trash = (await mailbox.ensureFolder(["Trash"], "trash")).id;
    expect(await mailbox.deleteItem(trash, id)).toBe("done");
    expect(await mailbox.deleteItem(folder, moved)).toBe("gone");
    expect(await mailbox.changeFlags(folder, moved, { add: ["\\Seen"], remove: [] })).toBe("gone");
    expect(
      stored()
        .folder("deleteditems")
        ?.messages.map((one) => one.id),
    ).toEqual([id]);
    expect(
      stored()
        .folder("Elsewhere")
        ?.messages.map((one) => one.isRead),
    ).toEqual([false]);
  });
});

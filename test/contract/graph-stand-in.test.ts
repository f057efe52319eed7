import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { get, type IncomingMessage, request } from "node:http";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import {
  Client,
  type Context,
  HTTPMessageHandler,
  type Middleware,
  ResponseType,
} from "@microsoft/microsoft-graph-client";
import type {
  FileAttachment,
  ItemAttachment,
  MailFolder,
  Message,
  UploadSession,
  User,
} from "@microsoft/microsoft-graph-types";
import PostalMime from "postal-mime";
import { afterEach, describe, expect, it } from "vitest";
import {
  type GraphOptions,
  type GraphStandIn,
  type NewMailbox,
  renderMime,
  startGraph,
} from "../stack/graph/index.ts";

const user = "alex@contoso.example";
const mailbox = `/users/${user}`;
const inboxMessages = `${mailbox}/mailFolders/inbox/messages`;
const stampId = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name Stamp";
const immutable = { Prefer: 'IdType="ImmutableId"' };
const megabyte = 1024 * 1024;
const rangeBytes = 10 * 320 * 1024;

/** For a machine that is busy with other suites. */
const patient = { timeout: 30_000 };

const running: GraphStandIn[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((graph) => graph.close()));
});

async function start(
  options: GraphOptions = {},
  extra: Partial<NewMailbox> = {},
): Promise<GraphStandIn & { readonly userId: string }> {
  const graph = await startGraph(options);
  running.push(graph);
  const userId = graph.addMailbox({
    userPrincipalName: user,
    proxyAddresses: ["alias@contoso.example"],
    ...extra,
  });
  return { ...graph, userId };
}

/** Adds the token, since the SDK's own handler does so for HTTPS hosts only. */
class BearerHandler implements Middleware {
  readonly #token: string;
  #next: Middleware | undefined;

  constructor(token: string) {
    this.#token = token;
  }

  async execute(context: Context): Promise<void> {
    const headers = { ...(context.options?.headers as Record<string, string> | undefined) };
    context.options = { ...context.options, headers: { ...headers, Authorization: `Bearer ${this.#token}` } };
    await this.#next?.execute(context);
  }

  setNext(next: Middleware): void {
    this.#next = next;
  }
}

/** The SDK without its RetryHandler. */
function sdk(graph: GraphStandIn): Client {
  const bearer = new BearerHandler(graph.token);
  bearer.setNext(new HTTPMessageHandler());
  return Client.initWithMiddleware({ baseUrl: graph.baseUrl, defaultVersion: "v1.0", middleware: bearer });
}

interface Reply<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

interface GraphErrorBody {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly innerError: Readonly<Record<string, string>>;
  };
}

interface Collection<T> {
  readonly value: readonly T[];
  readonly "@odata.nextLink"?: string;
}

async function call<T>(
  graph: GraphStandIn,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Reply<T>> {
  const response = await fetch(`${graph.baseUrl}/v1.0${path}`, {
    method,
    headers: {
      Authorization: `Bearer ${graph.token}`,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === "" ? undefined : JSON.parse(text)) as T,
  };
}

/** Status and code of a request that must be refused. */
async function refusal(...parameters: Parameters<typeof call>): Promise<string> {
  const { status, body } = await call<GraphErrorBody>(...parameters);
  return `${status} ${body?.error?.code}`;
}

const property = (id: string, value: string) => ({ id, value });
const arrived = [property("Integer 0x0E07", "1"), property("SystemTime 0x0E06", "2019-03-04T05:06:07Z")];

function file(name: string, bytes: Buffer, more: Partial<FileAttachment> = {}) {
  return {
    "@odata.type": "#microsoft.graph.fileAttachment",
    name,
    contentBytes: bytes.toString("base64"),
    ...more,
  };
}

async function createMessage(graph: GraphStandIn, body: object, path = inboxMessages): Promise<Message> {
  const reply = await call<Message>(graph, "POST", path, body, immutable);
  expect(reply.status).toBe(201);
  return reply.body;
}

async function openUpload(graph: GraphStandIn, message: Message, size: number): Promise<string> {
  const { status, body } = await call<UploadSession>(
    graph,
    "POST",
    `${mailbox}/messages/${message.id}/attachments/createUploadSession`,
    { AttachmentItem: { attachmentType: "file", name: "large.bin", size } },
  );
  expect(status).toBe(201);
  return body.uploadUrl ?? "";
}

function putRange(url: string, bytes: Buffer, start: number, end: number, headers = {}): Promise<Response> {
  return fetch(url, {
    method: "PUT",
    headers: { "Content-Range": `bytes ${start}-${end - 1}/${bytes.length}`, ...headers },
    body: bytes.subarray(start, end),
  });
}

async function upload(url: string, bytes: Buffer): Promise<Response> {
  let reply: Response | undefined;
  for (let at = 0; at < bytes.length; at += rangeBytes)
    reply = await putRange(url, bytes, at, Math.min(at + rangeBytes, bytes.length));
  if (reply === undefined) throw new Error("There was nothing to upload.");
  return reply;
}

describe("authorization and errors", () => {
  it("refuses a missing, a wrong and an expired token", async () => {
    let now = Date.parse("2026-01-01T00:00:00Z");
    const graph = await start({ now: () => now });
    const short = graph.issueToken(60_000);
    const withToken = (token: string) =>
      call<GraphErrorBody>(graph, "GET", mailbox, undefined, { Authorization: token });

    expect((await withToken("")).body.error.code).toBe("InvalidAuthenticationToken");
    expect((await withToken("Bearer nonsense")).status).toBe(401);
    expect((await withToken(`Bearer ${short}`)).status).toBe(200);
    now += 60_000;
    const expired = await withToken(`Bearer ${short}`);
    expect(expired.status).toBe(401);
    expect(expired.headers.get("www-authenticate")).toContain("Bearer");
  });

  it("gives errors Graph's shape and repeats the client's request id", async () => {
    const graph = await start();
    const clientRequestId = "0f6f5ac6-0000-4000-8000-000000000001";
    const reply = await call<GraphErrorBody>(graph, "GET", `${mailbox}/mailFolders/nowhere`, undefined, {
      "client-request-id": clientRequestId,
    });
    expect(reply.status).toBe(400);
    expect(reply.body.error).toEqual({
      code: "ErrorInvalidIdMalformed",
      message: expect.any(String),
      innerError: {
        date: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/),
        "request-id": reply.headers.get("request-id"),
        "client-request-id": clientRequestId,
      },
    });
  });

  it("tells unknown paths, methods, users and mailboxes apart", async () => {
    const graph = await start();
    graph.addMailbox({ userPrincipalName: "guest@contoso.example", hasMailbox: false });
    expect(await refusal(graph, "GET", `${mailbox}/nonsense`)).toBe("400 BadRequest");
    expect(await refusal(graph, "PUT", inboxMessages, {})).toBe("405 Request_BadRequest");
    expect(await refusal(graph, "GET", "/users/nobody@contoso.example")).toBe("404 Request_ResourceNotFound");
    expect(await refusal(graph, "GET", "/users/nobody@contoso.example/mailFolders")).toBe(
      "404 ErrorInvalidUser",
    );
    expect(await refusal(graph, "GET", "/users/guest@contoso.example/mailFolders")).toBe(
      "404 MailboxNotEnabledForRESTAPI",
    );
  });
});

describe("users", () => {
  it("are found by id, userPrincipalName, mail and alias, and nothing else", async () => {
    const graph = await start();
    const client = sdk(graph);
    const ids = async (filter: string) => {
      const found: Collection<User> = await client.api("/users").filter(filter).select("id").get();
      return found.value.map(({ id }) => id);
    };
    const byName: User = await client.api(mailbox).select("id,proxyAddresses").get();
    expect(byName).toMatchObject({
      id: graph.userId,
      proxyAddresses: [`SMTP:${user}`, "smtp:alias@contoso.example"],
    });
    expect(await ids("userPrincipalName eq 'ALEX@contoso.example'")).toEqual([graph.userId]);
    expect(await ids("proxyAddresses/any(p:p eq 'smtp:alias@contoso.example')")).toEqual([graph.userId]);
    expect(await ids("mail eq 'x@contoso.example' or mail eq 'alex@contoso.example'")).toEqual([
      graph.userId,
    ]);
    expect(await ids("mail eq 'o''hara@contoso.example'")).toEqual([]);
    expect(await refusal(graph, "GET", "/users/alias@contoso.example")).toBe("404 Request_ResourceNotFound");
  });

  it("need the advanced query headers where the directory does", async () => {
    const graph = await start();
    const query = "/users?$count=true&$filter=endsWith(mail,'@contoso.example')";
    expect(await refusal(graph, "GET", query)).toBe("400 Request_UnsupportedQuery");
    const advanced = await call<Collection<User>>(graph, "GET", query, undefined, {
      ConsistencyLevel: "eventual",
    });
    expect(advanced.body.value).toHaveLength(1);
    expect(await refusal(graph, "GET", "/users?$filter=proxyAddresses eq 'smtp:a@b'")).toBe(
      "400 Request_UnsupportedQuery",
    );
    expect(await refusal(graph, "GET", "/users?$filter=mail eq")).toBe("400 BadRequest");
  });
});

describe("folders", () => {
  it("are made, listed page by page, renamed, moved and deleted", async () => {
    const graph = await start();
    const client = sdk(graph);
    const parent: MailFolder = await client
      .api(`${mailbox}/mailFolders`)
      .post({ displayName: "Projects / 2019" });
    for (const displayName of ["a", "b", "c"])
      await client.api(`${mailbox}/mailFolders/${parent.id}/childFolders`).post({ displayName });
    await client
      .api(`${mailbox}/mailFolders/${parent.id}/childFolders`)
      .post({ displayName: "staging", isHidden: true });

    const children = `${mailbox}/mailFolders/${parent.id}/childFolders`;
    const first = await call<Collection<MailFolder>>(graph, "GET", `${children}?$top=2`);
    const next = new URL(first.body["@odata.nextLink"] ?? "");
    const second = await call<Collection<MailFolder>>(
      graph,
      "GET",
      next.pathname.slice("/v1.0".length) + next.search,
    );
    expect([...first.body.value, ...second.body.value].map(({ displayName }) => displayName)).toEqual([
      "a",
      "b",
      "c",
    ]);
    expect(second.body["@odata.nextLink"]).toBeUndefined();
    const hidden: Collection<MailFolder> = await client.api(`${children}?includeHiddenFolders=true`).get();
    expect(hidden.value).toHaveLength(4);

    const [a, b] = first.body.value;
    await client.api(`${mailbox}/mailFolders/${a?.id}`).patch({ displayName: "A" });
    await client.api(`${mailbox}/mailFolders/${b?.id}/move`).post({ destinationId: "archive" });
    await client.api(`${mailbox}/mailFolders/${parent.id}`).delete();
    const inspection = graph.mailbox(user);
    expect(inspection.folder("Archive", "b")?.id).toBe(b?.id);
    expect(inspection.folder("Deleted Items", "Projects / 2019", "A")?.id).toBe(a?.id);
    await client.api(`${mailbox}/mailFolders/${parent.id}`).delete();
    expect(await refusal(graph, "GET", `${mailbox}/mailFolders/${a?.id}`)).toBe("404 ErrorItemNotFound");
  });

  it("answer to well-known names whatever they are called", async () => {
    const graph = await start({}, { folderNames: { inbox: "Posteingang" } });
    const inbox: MailFolder = await sdk(graph).api(`${mailbox}/mailFolders/inbox`).get();
    expect(inbox.displayName).toBe("Posteingang");
    expect(graph.mailbox(user).folder("inbox")).toMatchObject({ id: inbox.id, wellKnownName: "inbox" });
  });

  it("refuse names that are taken, empty or too long, and changes of well-known folders", async () => {
    const graph = await start();
    const folders = `${mailbox}/mailFolders`;
    expect(await refusal(graph, "POST", folders, { displayName: "inBOX" })).toBe("409 ErrorFolderExists");
    expect(await refusal(graph, "POST", folders, { displayName: "calendar" })).toBe("409 ErrorFolderExists");
    expect(await refusal(graph, "POST", folders, { displayName: "a\0b" })).toBe("400 RequestBodyRead");
    expect(await refusal(graph, "POST", folders, { displayName: " " })).toBe("400 RequestBodyRead");
    expect(await refusal(graph, "POST", folders, {})).toBe("400 RequestBodyRead");
    expect(await refusal(graph, "POST", folders, { displayName: "x".repeat(256) })).toBe(
      "400 ErrorFolderSavePropertyError",
    );
    expect(await refusal(graph, "POST", folders, { displayName: "a", color: "red" })).toBe(
      "400 RequestBodyRead",
    );
    expect(await refusal(graph, "PATCH", `${folders}/inbox`, { displayName: "Mail" })).toBe(
      "403 ErrorAccessDenied",
    );
    expect(await refusal(graph, "DELETE", `${folders}/inbox`)).toBe("403 ErrorAccessDenied");
    const { body } = await call<MailFolder>(graph, "POST", folders, { displayName: "outer" });
    expect(await refusal(graph, "POST", `${folders}/${body.id}/move`, { destinationId: body.id })).toBe(
      "400 ErrorMoveCopyFailed",
    );
  });
});

describe("messages", () => {
  it("keep state and dates from their MAPI properties, and ignore the dates of the body", async () => {
    const graph = await start({ now: () => Date.parse("2026-01-01T00:00:00Z") });
    const created = await createMessage(graph, {
      subject: "Grüße",
      body: { contentType: "HTML", content: "<p>Hello</p>" },
      from: { emailAddress: { name: "Sam", address: "sam@example.org" } },
      toRecipients: [{ emailAddress: { address: user } }],
      importance: "High",
      categories: ["$Forwarded"],
      flag: { flagStatus: "flagged" },
      receivedDateTime: "2001-01-01T00:00:00Z",
      sentDateTime: "2001-01-01T00:00:00Z",
      singleValueExtendedProperties: [
        ...arrived,
        property("SystemTime 0x0039", "2019-03-04T05:06:00.000Z"),
        property("String 0x1035", "<1@example.org>"),
      ],
    });
    expect(created).toMatchObject({
      subject: "Grüße",
      body: { contentType: "html", content: "<p>Hello</p>" },
      from: { emailAddress: { name: "Sam", address: "sam@example.org" } },
      importance: "high",
      categories: ["$Forwarded"],
      flag: { flagStatus: "flagged" },
      isDraft: false,
      isRead: true,
      receivedDateTime: "2019-03-04T05:06:07Z",
      sentDateTime: "2019-03-04T05:06:00Z",
      internetMessageId: "<1@example.org>",
      createdDateTime: "2026-01-01T00:00:00Z",
    });
  });

  it.each([
    ["without message flags", [], true],
    ["with the unsent bit", [property("Integer 0x0E07", "9")], true],
    ["with message flags 0", [property("Integer 0x0E07", "0")], false],
  ])("%s", async (_, singleValueExtendedProperties, isDraft) => {
    const graph = await start({ now: () => Date.parse("2026-01-01T00:00:00Z") });
    const created = await createMessage(graph, { subject: "s", singleValueExtendedProperties });
    expect(created).toMatchObject({ isDraft, isRead: isDraft, receivedDateTime: "2026-01-01T00:00:00Z" });
  });

  it("are changed where Graph lets them be changed", async () => {
    const graph = await start({ sensitiveUpdates: { permitted: true } });
    const { id } = await createMessage(graph, { subject: "s", singleValueExtendedProperties: arrived });
    const client = sdk(graph);
    const before: Message = await client.api(`${mailbox}/messages/${id}`).get();
    const after: Message = await client.api(`${mailbox}/messages/${id}`).patch({
      isRead: false,
      flag: { flagStatus: "complete" },
      categories: ["red"],
      importance: "low",
      singleValueExtendedProperties: [property(stampId, "two")],
    });
    expect(after).toMatchObject({
      isRead: false,
      flag: { flagStatus: "complete" },
      categories: ["red"],
      importance: "low",
    });
    expect(after.changeKey).not.toBe(before.changeKey);
    const [stored] = graph.mailbox(user).messages;
    expect(stored?.extended(stampId)).toBe("two");
    expect(stored?.extended("Integer 0x0E07")).toBe("0");

    const patch = (body: object) => refusal(graph, "PATCH", `${mailbox}/messages/${id}`, body);
    const refused = "400 ErrorInvalidPropertySet";
    expect(await patch({ subject: "other" })).toBe(refused);
    expect(await patch({ body: { contentType: "text", content: "other" } })).toBe(refused);
    expect(await patch({ isDraft: true })).toBe(refused);
    expect(await patch({ receivedDateTime: "2001-01-01T00:00:00Z" })).toBe(refused);
    expect(
      await patch({ isRead: true, singleValueExtendedProperties: [property("Integer 0x0E07", "1")] }),
    ).toBe(refused);
    expect(graph.mailbox(user).messages[0]?.isRead).toBe(false);
  });

  it("keep their sensitive properties from the day of the rule on, unless the app has the permission", async () => {
    let now = Date.UTC(2026, 11, 30);
    const from = Date.UTC(2026, 11, 31);
    const graph = await start({ now: () => now, sensitiveUpdates: { from, countsAttachments: true } });
    const { id } = await createMessage(graph, { subject: "s", singleValueExtendedProperties: arrived });
    const path = `${mailbox}/messages/${id}`;
    const stamp = (value: string) => ({ singleValueExtendedProperties: [property(stampId, value)] });
    const stampNow = () =>
      graph
        .mailbox(user)
        .messages.find((one) => one.id === id || one.restId === id)
        ?.extended(stampId);
    const status = async (method: string, under: string, body: object) =>
      (await call(graph, method, path + under, body)).status;
    const file = {
      "@odata.type": "#microsoft.graph.fileAttachment",
      name: "a.txt",
      contentBytes: "YQ==",
    };
    const large = { AttachmentItem: { attachmentType: "file", name: "b.bin", size: 4 * megabyte } };

    expect(await status("PATCH", "", stamp("before"))).toBe(200);
    now = from;
    const plain = { isRead: true, flag: { flagStatus: "flagged" }, categories: ["c"], importance: "low" };
    expect(await refusal(graph, "PATCH", path, { ...plain, ...stamp("after") })).toBe(
      "403 ErrorAccessDenied",
    );
    for (const sensitive of [
      { subject: "x" },
      { body: { contentType: "text", content: "x" } },
      { replyTo: [] },
    ])
      expect(await refusal(graph, "PATCH", path, sensitive)).toBe("403 ErrorAccessDenied");
    expect(graph.mailbox(user).messages[0]?.properties.importance).toBe("normal");
    expect(await status("PATCH", "", plain)).toBe(200);
    expect(await refusal(graph, "POST", `${path}/attachments`, file)).toBe("403 ErrorAccessDenied");
    expect(await refusal(graph, "POST", `${path}/attachments/createUploadSession`, large)).toBe(
      "403 ErrorAccessDenied",
    );
    expect(stampNow()).toBe("before");

    const draft = await createMessage(graph, { subject: "d" }, `${mailbox}/messages`);
    expect((await call(graph, "PATCH", `${mailbox}/messages/${draft.id}`, stamp("draft"))).status).toBe(200);
    graph.permitSensitiveUpdates(true);
    expect(await status("PATCH", "", stamp("permitted"))).toBe(200);
    expect(await status("POST", "/attachments", file)).toBe(201);
    expect(stampNow()).toBe("permitted");
  });

  it("can be played to answer with success and change nothing", async () => {
    const graph = await start({ sensitiveUpdates: { outcome: "ignored", countsAttachments: true } });
    const { id } = await createMessage(graph, { subject: "s", singleValueExtendedProperties: arrived });
    const path = `${mailbox}/messages/${id}`;
    const update = { isRead: true, singleValueExtendedProperties: [property(stampId, "two")] };
    expect((await call(graph, "PATCH", path, update)).status).toBe(200);
    const file = { "@odata.type": "#microsoft.graph.fileAttachment", name: "a.txt", contentBytes: "YQ==" };
    expect((await call(graph, "POST", `${path}/attachments`, file)).status).toBe(201);
    const [stored] = graph.mailbox(user).messages;
    expect(stored).toMatchObject({ isRead: true, attachments: [] });
    expect(stored?.extended(stampId)).toBeUndefined();
  });

  it("let a draft change its subject", async () => {
    const graph = await start();
    const { id } = await createMessage(graph, { subject: "s" }, `${mailbox}/messages`);
    const changed: Message = await sdk(graph).api(`${mailbox}/messages/${id}`).patch({ subject: "t" });
    expect(changed).toMatchObject({ subject: "t", isDraft: true });
    expect(graph.mailbox(user).folder("drafts")?.messages).toHaveLength(1);
  });

  it("come as drafts of today when they are made from MIME", async () => {
    const graph = await start({ now: () => Date.parse("2026-01-01T00:00:00Z") });
    const mime =
      "From: Sam <sam@example.org>\r\nSubject: old\r\nDate: Mon, 1 Jan 2001 00:00:00 +0000\r\n\r\nHello\r\n";
    const created = await call<Message>(graph, "POST", inboxMessages, Buffer.from(mime).toString("base64"), {
      "Content-Type": "text/plain",
    });
    expect(created.body).toMatchObject({
      subject: "old",
      isDraft: true,
      receivedDateTime: "2026-01-01T00:00:00Z",
      from: { emailAddress: { name: "Sam", address: "sam@example.org" } },
    });
    expect(await refusal(graph, "POST", inboxMessages, "no base64!", { "Content-Type": "text/plain" })).toBe(
      "400 ErrorMimeContentInvalidBase64String",
    );
  });

  it("are moved to Deleted Items, deleted there, copied, and deleted for good", async () => {
    const graph = await start();
    const client = sdk(graph);
    const one = await createMessage(graph, { subject: "one", singleValueExtendedProperties: arrived });
    const two = await createMessage(graph, { subject: "two", singleValueExtendedProperties: arrived });
    const copy: Message = await client
      .api(`${mailbox}/messages/${two.id}/copy`)
      .post({ destinationId: "archive" });
    expect(copy.subject).toBe("two");
    expect(graph.mailbox(user).folder("archive")?.messages[0]?.extended("SystemTime 0x0E06")).toBe(
      "2019-03-04T05:06:07.000Z",
    );
    await client.api(`${mailbox}/messages/${one.id}`).delete();
    expect(
      graph
        .mailbox(user)
        .folder("deleteditems")
        ?.messages.map(({ id }) => id),
    ).toEqual([one.id]);
    await client.api(`${mailbox}/messages/${one.id}`).delete();
    await client.api(`${mailbox}/messages/${two.id}/permanentDelete`).post({});
    expect(await refusal(graph, "GET", `${mailbox}/messages/${one.id}`)).toBe("404 ErrorItemNotFound");
    expect(graph.mailbox(user).messages).toHaveLength(1);
  });

  it("keep the immutable id when they are moved, and lose the other", async () => {
    const graph = await start();
    const { id } = await createMessage(graph, { subject: "s" });
    const plain = await call<Message>(graph, "GET", `${mailbox}/messages/${id}`);
    expect(plain.body.id).not.toBe(id);
    const moved = await call<Message>(graph, "POST", `${mailbox}/messages/${plain.body.id}/move`, {
      destinationId: "archive",
    });
    expect(moved.status).toBe(201);
    expect(moved.body.id).not.toBe(plain.body.id);
    expect(await refusal(graph, "GET", `${mailbox}/messages/${plain.body.id}`)).toBe("404 ErrorItemNotFound");
    expect(await refusal(graph, "GET", `${inboxMessages}/${id}`)).toBe("404 ErrorItemNotFound");
    const again = await call<Message>(graph, "GET", `${mailbox}/messages/${id}`, undefined, immutable);
    expect(again.body.id).toBe(id);
    expect(again.headers.get("preference-applied")).toBe('IdType="ImmutableId"');
    expect(graph.statistics.snapshot().mailboxes[graph.userId]?.withoutImmutableId).toBe(4);
  });

  const refused: [string, object | string, string][] = [
    ["an unknown property", { subject: "s", colour: "red" }, "400 RequestBodyRead"],
    [
      "an unknown property inside",
      { from: { emailAddress: { address: "a@b", smtp: "x" } } },
      "400 RequestBodyRead",
    ],
    ["a value of the wrong type", { subject: 5 }, "400 RequestBodyRead"],
    ["null for a collection", { toRecipients: null }, "400 RequestBodyRead"],
    ["an unknown enumeration member", { importance: "urgent" }, "400 RequestBodyRead"],
    ["a date that is none", { receivedDateTime: "yesterday" }, "400 RequestBodyRead"],
    ["half a character", { subject: "\ud800" }, "400 RequestBodyRead"],
    ["broken JSON", "{", "400 BadRequest"],
    [
      "a due date without a start",
      { flag: { flagStatus: "flagged", dueDateTime: { dateTime: "2026-01-01T00:00:00", timeZone: "UTC" } } },
      "400 ErrorInvalidRequest",
    ],
    [
      "a header that is not custom",
      { internetMessageHeaders: [{ name: "Received", value: "x" }] },
      "400 InvalidInternetMessageHeader",
    ],
    [
      "six headers",
      { internetMessageHeaders: [1, 2, 3, 4, 5, 6].map((n) => ({ name: `x-${n}`, value: "v" })) },
      "400 InvalidInternetMessageHeader",
    ],
    [
      "a long header",
      { internetMessageHeaders: [{ name: "x-a", value: "v".repeat(996) }] },
      "400 InvalidInternetMessageHeader",
    ],
    [
      "an attachment without a type",
      { attachments: [{ name: "a", contentBytes: "" }] },
      "400 RequestBodyRead",
    ],
    [
      "an attachment that is no base64",
      { attachments: [{ ...file("a", Buffer.alloc(0)), contentBytes: "=x" }] },
      "400 RequestBodyRead",
    ],
    [
      "an attachment over 3 MB",
      { attachments: [file("a", Buffer.alloc(3 * megabyte + 1))] },
      "413 BadRequest",
    ],
    ["a subject of 256 characters", { subject: "x".repeat(256) }, "400 ErrorPropertyValidationFailure"],
    ["a subject with a NUL", { subject: "a\0b" }, "400 RequestBodyRead"],
    ["a request over 4 MB", { body: { content: "x".repeat(4 * megabyte) } }, "413 BadRequest"],
  ];
  it.each(refused)("are refused with %s", async (_, body, expected) => {
    const graph = await start();
    expect(await refusal(graph, "POST", inboxMessages, body)).toBe(expected);
    expect(graph.mailbox(user).messages).toHaveLength(0);
  });

  it("are refused in a folder that does not exist", async () => {
    const graph = await start();
    const { body } = await call<MailFolder>(graph, "POST", `${mailbox}/mailFolders`, { displayName: "gone" });
    const folder = `${mailbox}/mailFolders/${body.id}`;
    await call(graph, "POST", `${folder}/permanentDelete`, {});
    expect(await refusal(graph, "POST", `${folder}/messages`, { subject: "s" })).toBe(
      "404 ErrorItemNotFound",
    );
    expect(
      await refusal(graph, "POST", inboxMessages, '{"subject":"s"}', { "Content-Type": "text/html" }),
    ).toBe("415 RequestBodyRead");
  });
});

describe("extended properties", () => {
  it("come back in Graph's spelling of their ids, also those that Exchange computes", async () => {
    const graph = await start();
    const { id } = await createMessage(graph, {
      singleValueExtendedProperties: [
        ...arrived,
        property("String {66F5A359-4659-4830-9070-00047EC6AC6E} Name Stamp", "Value"),
        property("String 0x007D001F", "Subject: x\r\n"),
      ],
    });
    const ids = [stampId, "Integer 0x0E07", "String 0x007d", "String 0x001A", "String 0x1042"];
    const found: Message = await sdk(graph)
      .api(`${mailbox}/messages/${id}`)
      .select("id")
      .expand(`singleValueExtendedProperties($filter=${ids.map((one) => `id eq '${one}'`).join(" or ")})`)
      .get();
    expect(found.singleValueExtendedProperties).toEqual([
      property(stampId, "Value"),
      property("Integer 0xe07", "1"),
      property("String 0x7d", "Subject: x\r\n"),
      property("String 0x1a", "IPM.Note"),
    ]);
    expect(found.subject).toBeUndefined();
  });

  it("find messages by value, one or several, in one folder", async () => {
    const graph = await start();
    const ids: (string | undefined)[] = [];
    for (const stamp of ["A-1", "B-2", "it's"]) {
      const singleValueExtendedProperties = [...arrived, property(stampId, stamp)];
      ids.push((await createMessage(graph, { singleValueExtendedProperties })).id);
    }
    await createMessage(
      graph,
      { singleValueExtendedProperties: [property(stampId, "A-1")] },
      `${mailbox}/mailFolders/archive/messages`,
    );
    const any = (id: string, value: string) =>
      `singleValueExtendedProperties/Any(ep: ep/id eq '${id}' and ep/value eq '${value}')`;
    const find = async (filter: string) => {
      const query = `?$select=id&$filter=${encodeURIComponent(filter)}`;
      const reply = await call<Collection<Message>>(
        graph,
        "GET",
        inboxMessages + query,
        undefined,
        immutable,
      );
      expect(reply.status).toBe(200);
      return reply.body.value.map(({ id }) => id).sort();
    };
    expect(await find(any(stampId, "A-1"))).toEqual([ids[0]]);
    expect(await find(any(stampId, "a-1"))).toEqual([ids[0]]);
    expect(await find(any(stampId, "it''s"))).toEqual([ids[2]]);
    expect(await find(any(stampId.replace("Stamp", "stamp"), "A-1"))).toEqual([]);
    expect(await find(`(${any(stampId, "A-1")}) or (${any(stampId, "B-2")})`)).toEqual(
      [ids[0], ids[1]].sort(),
    );
    const anyValue = `singleValueExtendedProperties/any(ep: ep/id eq '${stampId}' and ep/value ne null)`;
    expect(await find(anyValue)).toHaveLength(3);
    expect(await find(`isRead eq true and ${any(stampId, "B-2")}`)).toEqual([ids[1]]);
  });

  const invalid: [string, string, string][] = [
    ["0x0E07", "1", "400 ErrorInvalidProperty"],
    ["Number 0x0E07", "1", "400 ErrorInvalidProperty"],
    ["String {66f5a359} Name Stamp", "1", "400 ErrorInvalidProperty"],
    ["String 66f5a359-4659-4830-9070-00047ec6ac6e Name Stamp", "1", "400 ErrorInvalidProperty"],
    ["String 0x8001", "1", "400 ErrorInvalidProperty"],
    ["String 0x0E07", "1", "400 ErrorInvalidProperty"],
    ["String 0x0E060040", "x", "400 ErrorInvalidProperty"],
    ["Integer 0x0E07", "one", "400 ErrorInvalidArgument"],
    ["Integer 0x0E07", "4294967296", "400 ErrorInvalidArgument"],
    ["SystemTime 0x0E06", "Mon, 1 Jan 2001 00:00:00 +0000", "400 ErrorInvalidArgument"],
    ["SystemTime 0x0E06", "1500-01-01T00:00:00Z", "400 ErrorInvalidArgument"],
    ["Boolean 0x0E1F", "1", "400 ErrorInvalidArgument"],
    ["Binary 0x0FFF", "x", "400 ErrorInvalidArgument"],
  ];
  it.each(invalid)("refuse id '%s' with value '%s'", async (id, value, expected) => {
    const graph = await start();
    const body = { singleValueExtendedProperties: [property(id, value)] };
    expect(await refusal(graph, "POST", inboxMessages, body)).toBe(expected);
  });
});

describe("lists of messages", () => {
  async function withMessages(count: number): Promise<GraphStandIn> {
    const graph = await start();
    for (let day = 1; day <= count; day++)
      await createMessage(graph, {
        subject: `message ${day}`,
        singleValueExtendedProperties: [
          property("Integer 0x0E07", "1"),
          property("SystemTime 0x0E06", `2019-03-${String(day).padStart(2, "0")}T00:00:00Z`),
        ],
      });
    return graph;
  }

  it("come newest first, ten a page, with a link to the next", async () => {
    const graph = await withMessages(12);
    const first = await call<Collection<Message>>(graph, "GET", `${inboxMessages}?$select=subject`);
    expect(first.body.value.map(({ subject }) => subject).slice(0, 2)).toEqual(["message 12", "message 11"]);
    expect(first.body.value).toHaveLength(10);
    const next = await fetch(first.body["@odata.nextLink"] ?? "", {
      headers: { Authorization: `Bearer ${graph.token}` },
    });
    expect(((await next.json()) as Collection<Message>).value.map(({ subject }) => subject)).toEqual([
      "message 2",
      "message 1",
    ]);
  });

  it("are filtered and sorted", async () => {
    const graph = await withMessages(4);
    const found: Collection<Message> = await sdk(graph)
      .api(inboxMessages)
      .filter("receivedDateTime ge 2019-03-02T00:00:00Z and not (subject eq 'message 3')")
      .orderby("receivedDateTime asc")
      .top(1000)
      .get();
    expect(found.value.map(({ subject }) => subject)).toEqual(["message 2", "message 4"]);
  });

  it.each([
    ["$top=1001", "400 ErrorInvalidUrlQuery"],
    ["$top=x", "400 ErrorInvalidUrlQuery"],
    ["$select=colour", "400 RequestBroker--ParseUri"],
    ["$expand=colour", "400 RequestBroker--ParseUri"],
    ["$search=x", "400 ErrorInvalidUrlQuery"],
    ["$filter=id eq 'x'", "400 ErrorInvalidProperty"],
    ["$filter=subject eq", "400 BadRequest"],
    ["$filter=(subject eq 'x'", "400 BadRequest"],
    ["$filter=subject eq 'x'&$orderby=receivedDateTime", "400 InefficientFilter"],
    ["$expand=singleValueExtendedProperties", "400 ErrorInvalidUrlQuery"],
    ["$filter=singleValueExtendedProperties/any(ep: ep/value eq 'x')", "400 ErrorInvalidUrlQueryFilter"],
    [
      "$filter=singleValueExtendedProperties/any(ep: ep/id eq 'Stamp' and ep/value eq 'x')",
      "400 ErrorInvalidProperty",
    ],
  ])("refuse ?%s", async (query, expected) => {
    const graph = await withMessages(1);
    expect(await refusal(graph, "GET", `${inboxMessages}?${query}`)).toBe(expected);
  });
});

describe("attachments", () => {
  it("come with the message, or later, and keep their bytes", async () => {
    const graph = await start();
    const client = sdk(graph);
    const bytes = randomBytes(2 * megabyte);
    const { id } = await createMessage(graph, {
      singleValueExtendedProperties: arrived,
      attachments: [
        file("large.bin", bytes),
        file("logo.png", Buffer.from("png"), { isInline: true, contentId: "logo", contentType: "image/png" }),
      ],
    });
    const attachments = `${mailbox}/messages/${id}/attachments`;
    await client.api(attachments).post(file("late.txt", Buffer.from("late")));
    const list: Collection<FileAttachment> = await client.api(attachments).select("id,name,size").get();
    expect(list.value.map(({ name, size }) => [name, size])).toEqual([
      ["large.bin", bytes.length],
      ["logo.png", 3],
      ["late.txt", 4],
    ]);
    expect(list.value[0]?.contentBytes).toBeUndefined();

    const first: FileAttachment = await client.api(`${attachments}/${list.value[0]?.id}`).get();
    expect(Buffer.from(String(first.contentBytes), "base64").equals(bytes)).toBe(true);
    const raw: ArrayBuffer = await client
      .api(`${attachments}/${list.value[0]?.id}/$value`)
      .responseType(ResponseType.ARRAYBUFFER)
      .get();
    expect(Buffer.from(raw).equals(bytes)).toBe(true);

    const expanded: Message = await client
      .api(`${mailbox}/messages/${id}`)
      .select("hasAttachments")
      .expand("attachments($select=name,isInline)")
      .get();
    expect(expanded).toMatchObject({
      hasAttachments: true,
      attachments: [
        { name: "large.bin", isInline: false },
        { name: "logo.png", isInline: true },
        { name: "late.txt", isInline: false },
      ],
    });
    await client.api(`${attachments}/${list.value[0]?.id}`).delete();
    const [stored] = graph.mailbox("alias@contoso.example").messages;
    expect(stored?.attachments.map(({ name, sha256 }) => [name, sha256])).toEqual([
      ["logo.png", createHash("sha256").update("png").digest("hex")],
      ["late.txt", createHash("sha256").update("late").digest("hex")],
    ]);
  });

  it("hold whole messages", async () => {
    const graph = await start();
    const inner = {
      "@odata.type": "#microsoft.graph.message",
      subject: "inner",
      body: { contentType: "text", content: "inside" },
      attachments: [file("deep.txt", Buffer.from("deep"))],
      singleValueExtendedProperties: arrived,
    };
    const { id } = await createMessage(graph, {
      attachments: [{ "@odata.type": "#microsoft.graph.itemAttachment", name: "inner", item: inner }],
    });
    const [attachment] = graph.mailbox(user).messages[0]?.attachments ?? [];
    expect(attachment?.item?.properties.subject).toBe("inner");
    expect(attachment?.item?.isDraft).toBe(false);
    expect(attachment?.item?.attachments[0]?.bytes().toString()).toBe("deep");
    const shown: ItemAttachment = await sdk(graph)
      .api(`${mailbox}/messages/${id}/attachments/${attachment?.id}`)
      .expand("microsoft.graph.itemattachment/item")
      .get();
    expect(shown.item).toMatchObject({ subject: "inner" });
  });

  it("respect the size of a message and the quota", async () => {
    const graph = await start({ maxMessageBytes: 3 * megabyte }, { quotaBytes: 4 * megabyte });
    const message = await createMessage(graph, { attachments: [file("a", Buffer.alloc(2 * megabyte))] });
    const attachments = `${mailbox}/messages/${message.id}/attachments`;
    expect(await refusal(graph, "POST", attachments, file("b", Buffer.alloc(megabyte)))).toBe(
      "413 ErrorMessageSizeExceeded",
    );
    const other = { attachments: [file("a", Buffer.alloc(2 * megabyte))] };
    expect(await refusal(graph, "POST", inboxMessages, other)).toBe("507 ErrorQuotaExceeded");
    const used = graph.mailbox(user).usedBytes;
    expect(used).toBeGreaterThan(2 * megabyte);
    const longer = { subject: "x".repeat(200), singleValueExtendedProperties: [property(stampId, "value")] };
    await call(graph, "PATCH", `${mailbox}/messages/${message.id}`, longer);
    expect(graph.mailbox(user).usedBytes).toBe(used + 205);
    await call(graph, "POST", `${mailbox}/messages/${message.id}/permanentDelete`, {});
    expect(graph.mailbox(user).usedBytes).toBe(0);
  });
});

describe("upload sessions", () => {
  it("take a large attachment in ranges, in order", async () => {
    const graph = await start();
    const message = await createMessage(graph, { singleValueExtendedProperties: arrived });
    const bytes = randomBytes(8 * megabyte + 1);
    const url = await openUpload(graph, message, bytes.length);
    expect(new URL(url).pathname.startsWith("/v1.0")).toBe(false);

    const first = await putRange(url, bytes, 0, rangeBytes);
    expect(first.status).toBe(200);
    expect(await first.json()).toMatchObject({ nextExpectedRanges: [String(rangeBytes)] });
    expect((await putRange(url, bytes, 0, rangeBytes)).status).toBe(416);
    expect((await putRange(url, bytes, 2 * rangeBytes, bytes.length)).status).toBe(416);
    const state = await fetch(url);
    expect(await state.json()).toMatchObject({ nextExpectedRanges: [String(rangeBytes)] });
    expect((await putRange(url, bytes, rangeBytes, 2 * rangeBytes)).status).toBe(200);
    const last = await putRange(url, bytes, 2 * rangeBytes, bytes.length);
    expect(last.status).toBe(201);
    expect(last.headers.get("location")).toMatch(/\/Attachments\('AA[^']+'\)$/);
    expect((await putRange(url, bytes, 0, rangeBytes)).status).toBe(404);

    const [attachment] = graph.mailbox(user).messages[0]?.attachments ?? [];
    expect(attachment).toMatchObject({ name: "large.bin", size: bytes.length });
    expect(attachment?.bytes().equals(bytes)).toBe(true);
  });

  it("refuse what is out of their rules", async () => {
    const graph = await start();
    const message = await createMessage(graph, {});
    const session = `${mailbox}/messages/${message.id}/attachments/createUploadSession`;
    const item = (size: number) => ({ AttachmentItem: { attachmentType: "file", name: "a", size } });
    expect(await refusal(graph, "POST", session, item(2_999_999))).toBe(
      "400 ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
    );
    expect(await refusal(graph, "POST", session, item(150 * megabyte + 1))).toBe(
      "413 ErrorAttachmentSizeLimitExceeded",
    );
    expect(await refusal(graph, "POST", session, { AttachmentItem: { name: "a" } })).toBe(
      "400 ErrorInvalidRequest",
    );

    const bytes = Buffer.alloc(9 * megabyte);
    const url = await openUpload(graph, message, bytes.length);
    const authorized = await putRange(url, bytes, 0, rangeBytes, { Authorization: `Bearer ${graph.token}` });
    expect(authorized.status).toBe(401);
    expect((await putRange(url, bytes, 0, 1000)).status).toBe(400);
    expect((await putRange(url, bytes, 0, 4 * megabyte + 1)).status).toBe(413);
    expect((await putRange(url, bytes.subarray(1), 0, rangeBytes)).status).toBe(400);
    expect((await fetch(url, { method: "PUT", body: bytes.subarray(0, rangeBytes) })).status).toBe(400);
    expect((await putRange(url, bytes, 0, rangeBytes)).status).toBe(200);

    expect((await fetch(url, { method: "DELETE" })).status).toBe(204);
    expect((await putRange(url, bytes, rangeBytes, 2 * rangeBytes)).status).toBe(404);
    expect(graph.mailbox(user).messages[0]?.attachments).toHaveLength(0);
  });

  it("expire", async () => {
    let now = Date.parse("2026-01-01T00:00:00Z");
    const graph = await start({ now: () => now, uploadSessionLifetimeMs: 60_000 });
    const bytes = Buffer.alloc(5 * megabyte);
    const url = await openUpload(graph, await createMessage(graph, {}), bytes.length);
    now += 60_000;
    expect((await putRange(url, bytes, 0, rangeBytes)).status).toBe(404);
  });

  it("end where the message gets too large or has gone", async () => {
    const graph = await start({ maxMessageBytes: 5 * megabyte });
    const message = await createMessage(graph, {});
    const bytes = Buffer.alloc(8 * megabyte);
    const url = await openUpload(graph, message, bytes.length);
    expect((await putRange(url, bytes, 0, rangeBytes)).status).toBe(200);
    const over = await putRange(url, bytes, rangeBytes, 2 * rangeBytes);
    expect(over.status).toBe(413);
    expect(((await over.json()) as GraphErrorBody).error.code).toBe("ErrorMessageSizeExceeded");
    const second = await openUpload(graph, message, bytes.length);
    await call(graph, "POST", `${mailbox}/messages/${message.id}/permanentDelete`, {});
    expect((await putRange(second, bytes, 0, rangeBytes)).status).toBe(404);
  });

  it("hold 150 MB without holding them in memory", async () => {
    const graph = await start({ maxMessageBytes: 160 * megabyte, limits: { uploadBytes: 200 * megabyte } });
    const message = await createMessage(graph, {});
    const bytes = Buffer.alloc(150 * megabyte, "0123456789abcdef");
    const last = await upload(await openUpload(graph, message, bytes.length), bytes);
    expect(last.status).toBe(201);
    const [attachment] = graph.mailbox(user).messages[0]?.attachments ?? [];
    expect(attachment?.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("are absent in some clouds", async () => {
    const graph = await start({ uploadSessions: false });
    const message = await createMessage(graph, {});
    expect(
      await refusal(graph, "POST", `${mailbox}/messages/${message.id}/attachments/createUploadSession`, {
        AttachmentItem: { attachmentType: "file", name: "a", size: 4 * megabyte },
      }),
    ).toBe("501 notSupported");
  });
});

interface BatchReply {
  readonly responses: readonly {
    readonly id: string;
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
  }[];
}

describe("batches", () => {
  it("run their steps, four at a time, those that depend on others after them", async () => {
    const graph = await start({ latencyMs: 5 });
    const creates = Array.from({ length: 18 }, (_, index) => ({
      id: String(index),
      method: "POST",
      url: inboxMessages,
      headers: { "Content-Type": "application/json", ...immutable },
      body: { subject: `message ${index}` },
    }));
    const reply: BatchReply = await sdk(graph)
      .api("/$batch")
      .post({
        requests: [
          ...creates,
          {
            id: "list",
            method: "GET",
            url: `${inboxMessages}?$top=100&$select=id`,
            dependsOn: creates.map(({ id }) => id),
          },
          { id: "missing", method: "GET", url: `${mailbox}/mailFolders/nowhere` },
        ],
      });
    expect(reply.responses[0]?.id).not.toBe(creates[0]?.id);
    const byId = new Map(reply.responses.map((response) => [response.id, response]));
    expect(creates.map(({ id }) => byId.get(id)?.status)).toEqual(creates.map(() => 201));
    expect(byId.get("list")?.body).toMatchObject({ value: creates.map(() => ({})) });
    expect(byId.get("missing")?.status).toBe(400);
    expect(graph.statistics.snapshot().mailboxes[graph.userId]).toMatchObject({
      requests: 20,
      maxConcurrency: 4,
      overConcurrency: 0,
    });
  });

  it("do not run what depends on a failed step", async () => {
    const graph = await start();
    const { body } = await call<BatchReply>(graph, "POST", "/$batch", {
      requests: [
        { id: "1", method: "GET", url: `${mailbox}/mailFolders/nowhere` },
        { id: "2", method: "DELETE", url: `${mailbox}/mailFolders/archive`, dependsOn: ["1"] },
      ],
    });
    expect(body.responses.toReversed().map(({ status }) => status)).toEqual([400, 424]);
  });

  it.each([
    ["21 steps", Array.from({ length: 21 }, (_, id) => ({ id: `${id}`, method: "GET", url: mailbox }))],
    ["no steps", []],
    ["the same id twice", ["a", "A"].map((id) => ({ id, method: "GET", url: mailbox }))],
    ["a step without an id", [{ method: "GET", url: mailbox }]],
    ["a number as id", [{ id: 1, method: "GET", url: mailbox }]],
    ["a body without a type", [{ id: "1", method: "POST", url: inboxMessages, body: {} }]],
    ["an absolute URL", [{ id: "1", method: "GET", url: `https://graph.microsoft.com/v1.0${mailbox}` }]],
    ["an unknown dependency", [{ id: "1", method: "GET", url: mailbox, dependsOn: ["2"] }]],
  ])("are refused with %s", async (_, requests) => {
    const graph = await start();
    expect(await refusal(graph, "POST", "/$batch", { requests })).toBe("400 BadRequest");
  });
});

describe("limits of a mailbox", () => {
  it("refuse the fifth request at once, and count it", async () => {
    const graph = await start();
    const body = "{}";
    // Under way as long as their bodies have not come.
    const open = Array.from({ length: 4 }, () => {
      const started = request(`${graph.baseUrl}/v1.0${inboxMessages}`, {
        method: "POST",
        headers: {
          Authorization: `Bearer ${graph.token}`,
          "Content-Type": "application/json",
          "Content-Length": body.length,
        },
      });
      started.flushHeaders();
      return started;
    });
    const counts = () => graph.statistics.snapshot().mailboxes[graph.userId];
    await expect.poll(() => counts()?.requests, patient).toBe(4);
    const fifth = await call<GraphErrorBody>(graph, "GET", `${mailbox}/mailFolders/inbox`);
    expect(fifth.status).toBe(429);
    expect(fifth.body.error).toMatchObject({
      code: "ApplicationThrottled",
      message: "Application is over its MailboxConcurrency limit.",
    });
    expect(Number(fifth.headers.get("retry-after"))).toBeGreaterThan(0);
    const statuses = open.map(async (started) => {
      started.end(body);
      const [answer] = (await once(started, "response")) as [IncomingMessage];
      answer.resume();
      return answer.statusCode;
    });
    expect(await Promise.all(statuses)).toEqual([201, 201, 201, 201]);
    expect(counts()).toMatchObject({ requests: 5, maxConcurrency: 5, overConcurrency: 1 });
  });

  it("refuse too many requests and too many bytes until the window has passed", async () => {
    let now = Date.parse("2026-01-01T00:00:00Z");
    const graph = await start({ now: () => now, limits: { requests: 3, uploadBytes: 2000 } });
    const inbox = `${mailbox}/mailFolders/inbox`;
    const large = { body: { content: "x".repeat(1500) } };
    expect((await call(graph, "POST", inboxMessages, large)).status).toBe(201);
    now += 60_000;
    const uploads = await call(graph, "POST", inboxMessages, large);
    expect([uploads.status, uploads.headers.get("retry-after")]).toEqual([429, "240"]);
    expect((await call(graph, "GET", inbox)).status).toBe(200);
    const requests = await call(graph, "GET", inbox);
    expect([requests.status, requests.headers.get("retry-after")]).toEqual([429, "540"]);
    // Only what came on the connection that was told to wait was surely sent after that, until some time has passed.
    const inside = () => graph.statistics.snapshot().mailboxes[graph.userId]?.insideRetryAfter ?? 0;
    const early = inside();
    expect(early).toBeGreaterThan(0);
    now += 1000;
    await call(graph, "GET", inbox);
    expect(inside()).toBe(early + 1);
    now += 600_000;
    expect((await call(graph, "POST", inboxMessages, large)).status).toBe(201);
  });
});

describe("faults", () => {
  const create = "POST /users/\\{user\\}/mailFolders/\\{folder\\}/messages$";

  it("refuse with a Retry-After in seconds or as a date, and take no effect", async () => {
    const graph = await start({ now: () => Date.parse("2026-01-01T00:00:00Z") });
    graph.faults.next({ kind: "throttled", route: create, retryAfterSeconds: 7 });
    graph.faults.next({ kind: "unavailable", route: create, retryAfterSeconds: 7, retryAfterDate: true });
    graph.faults.next({ kind: "unavailable", route: create, retryAfterMissing: true });
    const replies = [
      await call(graph, "POST", inboxMessages, {}),
      await call(graph, "GET", `${mailbox}/mailFolders/inbox`),
      await call(graph, "POST", inboxMessages, {}),
      await call(graph, "POST", inboxMessages, {}),
      await call(graph, "POST", inboxMessages, {}),
    ];
    expect(replies.map(({ status, headers }) => [status, headers.get("retry-after")])).toEqual([
      [429, "7"],
      [200, null],
      [503, "Thu, 01 Jan 2026 00:00:07 GMT"],
      [503, null],
      [201, null],
    ]);
    expect(graph.mailbox(user).messages).toHaveLength(1);
  });

  it("lose the answer of a request that took effect, now or later, or not at all", async () => {
    const graph = await start();
    const subjects = () => graph.mailbox(user).messages.map(({ properties }) => properties.subject);
    graph.faults.next({ kind: "gatewayTimeout" });
    expect((await call(graph, "POST", inboxMessages, { subject: "none" })).status).toBe(504);
    graph.faults.next({ kind: "gatewayTimeout", stored: true });
    expect((await call(graph, "POST", inboxMessages, { subject: "now" })).status).toBe(504);
    expect(subjects()).toEqual(["now"]);
    graph.faults.next({ kind: "reset" });
    await expect(call(graph, "POST", inboxMessages, { subject: "none" })).rejects.toThrow();
    graph.faults.next({ kind: "reset", stored: true, storeDelayMs: 200 });
    await expect(call(graph, "POST", inboxMessages, { subject: "late" })).rejects.toThrow();
    await graph.faults.settled();
    expect(subjects()).toEqual(["now", "late"]);
    expect(graph.faults.lateEffects).toBe(1);
    const { routes } = graph.statistics.snapshot();
    expect(routes["POST /users/{user}/mailFolders/{folder}/messages"]).toEqual({ 504: 2, reset: 2 });
  });

  it("lose the answer to a range that was taken", async () => {
    const graph = await start();
    const bytes = randomBytes(5 * megabyte);
    const url = await openUpload(graph, await createMessage(graph, {}), bytes.length);
    graph.faults.next({ kind: "reset", stored: true, route: "^PUT AttachmentSessions$" });
    await expect(putRange(url, bytes, 0, rangeBytes)).rejects.toThrow();
    expect(await (await fetch(url)).json()).toMatchObject({ nextExpectedRanges: [String(rangeBytes)] });
    expect((await putRange(url, bytes, rangeBytes, bytes.length)).status).toBe(201);
    expect(graph.mailbox(user).messages[0]?.attachments[0]?.bytes().equals(bytes)).toBe(true);
  });

  it("let a late effect happen for a caller that went away", async () => {
    const graph = await start({ latencyMs: 1000, faults: { seed: 1, storeDelayMs: 100 } });
    const caller = new AbortController();
    const response = fetch(`${graph.baseUrl}/v1.0${inboxMessages}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${graph.token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ subject: "orphan" }),
      signal: caller.signal,
    });
    await expect.poll(() => graph.statistics.snapshot().mailboxes[graph.userId]?.requests, patient).toBe(1);
    caller.abort();
    await expect(response).rejects.toThrow();
    await expect
      .poll(() => graph.mailbox(user).messages.map(({ properties }) => properties.subject), patient)
      .toEqual(["orphan"]);
  });

  it("come in the same order for the same seed", async () => {
    const plan = { seed: 42, throttled: 0.2, unavailable: 0.2, gatewayTimeout: 0.2, stored: 0.5 };
    const run = async () => {
      const graph = await start({ faults: plan });
      const statuses: number[] = [];
      for (let index = 0; index < 40; index++)
        statuses.push((await call(graph, "POST", inboxMessages, {})).status);
      const created = graph.mailbox(user).messages.length;
      graph.faults.clear();
      statuses.push((await call(graph, "POST", inboxMessages, {})).status);
      return { statuses, created };
    };
    const first = await run();
    expect(await run()).toEqual(first);
    expect(new Set(first.statuses)).toEqual(new Set([201, 429, 503, 504]));
    expect(first.created).toBeGreaterThan(first.statuses.filter((status) => status === 201).length - 1);
  });

  it("fail steps of a batch one by one", async () => {
    const graph = await start();
    graph.faults.next({ kind: "reset", stored: true });
    const { body } = await call<BatchReply>(graph, "POST", "/$batch", {
      requests: ["1", "2"].map((id) => ({
        id,
        method: "POST",
        url: inboxMessages,
        headers: { "Content-Type": "application/json" },
        body: {},
      })),
    });
    expect(body.responses.toReversed().map(({ status }) => status)).toEqual([504, 201]);
    expect(graph.mailbox(user).messages).toHaveLength(2);
  });
});

describe("messages as MIME", () => {
  const render = (graph: GraphStandIn): Buffer => {
    const [message] = graph.mailbox(user).messages;
    if (message === undefined) throw new Error("There is no message.");
    return renderMime(message);
  };

  it("have the original header and every part of the content", async () => {
    const graph = await start();
    const original = [
      "Received: from a by b;\r\n\tMon, 4 Mar 2019 05:06:07 +0000",
      "Subject: =?iso-8859-1?Q?Gr=FC=DFe?=",
      "Content-Type: multipart/mixed; boundary=old",
      "MIME-Version: 1.0",
      "From: sam@example.org",
    ].join("\r\n");
    const inner = { "@odata.type": "#microsoft.graph.message", subject: "inner" };
    const picture = randomBytes(300);
    const nested = "Subject: nested\r\n\r\nbody without an end of line";
    const { id } = await createMessage(graph, {
      subject: "Grüße",
      body: { contentType: "html", content: '<img src="cid:logo">' },
      singleValueExtendedProperties: [...arrived, property("String 0x007D", `${original}\r\n`)],
      attachments: [
        file("logo.png", picture, { isInline: true, contentId: "logo", contentType: "image/png" }),
        file("Übersicht.pdf", Buffer.from("pdf"), { contentType: "application/pdf" }),
        file("nested.eml", Buffer.from(nested), { contentType: "message/rfc822" }),
        { "@odata.type": "#microsoft.graph.itemAttachment", name: "inner", item: inner },
      ],
    });
    const mime = render(graph);
    const parsed = await PostalMime.parse(mime, { forceRfc822Attachments: true });
    expect(parsed.headers.map(({ key }) => key)).toEqual([
      "received",
      "subject",
      "from",
      "mime-version",
      "content-type",
    ]);
    expect(parsed.subject).toBe("Grüße");
    expect(parsed.html).toContain('<img src="cid:logo">');
    expect(parsed.attachments.map(({ filename, mimeType }) => [filename, mimeType])).toEqual([
      ["logo.png", "image/png"],
      ["Übersicht.pdf", "application/pdf"],
      ["nested.eml", "message/rfc822"],
      ["inner", "message/rfc822"],
    ]);
    const contents = parsed.attachments.map(({ content }) => Buffer.from(content as ArrayBuffer));
    expect(contents[0]?.equals(picture)).toBe(true);
    expect(mime.includes(`\r\n\r\n${nested}\r\n--`)).toBe(true);
    expect(contents[3]?.toString()).toContain("Subject: inner\n");
    const served = await fetch(`${graph.baseUrl}/v1.0${mailbox}/messages/${id}/$value`, {
      headers: { Authorization: `Bearer ${graph.token}` },
    });
    expect(Buffer.from(await served.arrayBuffer()).equals(mime)).toBe(true);
  });

  it("have a header made from their properties where there is no original", async () => {
    const graph = await start();
    const long = "Überaus lange Betreffzeile mit vielen Umlauten äöüß und 🎉, die gefaltet werden muss";
    await createMessage(graph, {
      subject: long,
      from: { emailAddress: { name: 'Sam "the man"', address: "sam@example.org" } },
      toRecipients: [
        { emailAddress: { address: user } },
        { emailAddress: { name: "Zoë", address: "z@b.c" } },
      ],
      internetMessageHeaders: [{ name: "X-Custom", value: "yes" }],
      singleValueExtendedProperties: [
        property("Integer 0x0E07", "1"),
        property("SystemTime 0x0039", "2019-03-04T05:06:07Z"),
        property("String 0x1035", "<1@example.org>"),
        property("String 0x1042", "<0@example.org>"),
      ],
    });
    const parsed = await PostalMime.parse(render(graph));
    expect(parsed).toMatchObject({
      subject: long,
      from: { name: 'Sam "the man"', address: "sam@example.org" },
      to: [
        { name: "", address: user },
        { name: "Zoë", address: "z@b.c" },
      ],
      messageId: "<1@example.org>",
      inReplyTo: "<0@example.org>",
      date: "2019-03-04T05:06:07.000Z",
    });
    expect(parsed.headers.find(({ key }) => key === "x-custom")?.value).toBe("yes");
  });

  it("give a signed or encrypted entity back byte by byte", async () => {
    const graph = await start();
    const signed = Buffer.from(
      'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; boundary=b\n\n--b\nContent-Type: text/plain\n\n trailing space \n--b--\n',
    );
    const header = "From: sam@example.org\r\nContent-Type: multipart/signed; boundary=b\r\n";
    const secured = (messageClass: string, content: Buffer, contentType: string) => ({
      singleValueExtendedProperties: [
        ...arrived,
        property("String 0x007D", header),
        property("String 0x001A", messageClass),
      ],
      attachments: [file("smime.p7m", content, { contentType })],
    });
    await createMessage(graph, secured("IPM.Note.SMIME.MultipartSigned", signed, "multipart/signed"));
    const whole = render(graph);
    expect(whole.subarray(-signed.length).equals(signed)).toBe(true);
    expect(whole.toString("latin1").match(/^content-type: multipart\/signed/gim)).toHaveLength(1);

    const opaque = await start();
    const cms = randomBytes(200);
    await createMessage(opaque, secured("IPM.Note.SMIME", cms, "application/pkcs7-mime"));
    const body = render(opaque).toString("latin1").split("\r\n\r\n")[1] ?? "";
    expect(Buffer.from(body, "base64").equals(cms)).toBe(true);
  });
});

describe("a stand-in in a process of its own", () => {
  it("is set up, broken, watched and read over HTTP", async () => {
    const script = fileURLToPath(new URL("../stack/graph/main.ts", import.meta.url));
    const child = spawn(process.execPath, [script], {
      env: { ...process.env, PORT: "0", GRAPH_TOKEN: "a-test-token" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
      const { baseUrl } = JSON.parse(line) as { baseUrl: string };
      const admin = (method: string, path: string, body?: object) =>
        fetch(`${baseUrl}/admin${path}`, {
          method,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
      const graph = { baseUrl, token: "a-test-token" } as GraphStandIn;

      expect((await admin("POST", "/mailboxes", { userPrincipalName: user })).status).toBe(201);
      expect((await admin("POST", "/mailboxes", { userPrincipalName: user })).status).toBe(400);
      await admin("PUT", "/faults", { seed: 1, throttled: 1 });
      expect((await call(graph, "POST", inboxMessages, {})).status).toBe(429);
      await admin("DELETE", "/faults");
      await admin("POST", "/faults/next", { kind: "unavailable" });
      expect((await call(graph, "POST", inboxMessages, {})).status).toBe(503);
      await createMessage(graph, { subject: "kept", attachments: [file("a.txt", Buffer.from("a"))] });

      const snapshot = (await (await admin("GET", "/mailboxes")).json()) as Collection<{
        folders: { wellKnownName?: string; messages: object[] }[];
      }>;
      const inbox = snapshot.value[0]?.folders.find(({ wellKnownName }) => wellKnownName === "inbox");
      expect(inbox?.messages).toMatchObject([
        {
          properties: { subject: "kept" },
          attachments: [{ name: "a.txt", sha256: createHash("sha256").update("a").digest("hex") }],
        },
      ]);
      const statistics = await (await admin("GET", "/statistics")).json();
      expect(statistics).toMatchObject({
        routes: { "POST /users/{user}/mailFolders/{folder}/messages": { 201: 1, 429: 1, 503: 1 } },
      });
      const [answer] = (await once(
        get(`${baseUrl}/admin/mailboxes`, { headers: { Host: "rebound.example" } }),
        "response",
      )) as [IncomingMessage];
      answer.resume();
      expect(answer.statusCode).toBe(403);
    } finally {
      child.kill("SIGTERM");
    }
    expect(await exited).toEqual([0, null]);
  });
});

import { GraphError } from "./errors.ts";
import type { Mailbox, StoredFolder, StoredMessage } from "./mailbox.ts";
import { createItem, type MessageItem, updateItem } from "./message-item.ts";
import { messageComparator, messagePredicate, newestFirst, requireEfficientOrder } from "./message-query.ts";
import { renderMime } from "./mime.ts";
import { parseMime } from "./mime-draft.ts";
import { parseCount, parseExpand, parseFilter, parseOrderBy, parseSelect } from "./odata.ts";
import { importedItem, type RawMime, replacement } from "./raw-mime.ts";
import { messagePropertyNames, messageResource, type View } from "./resources.ts";
import { readDestination } from "./routes-folders.ts";
import {
  type Answer,
  type Call,
  type MailboxRoute,
  mailboxRoute,
  mediaType,
  type Parameters,
  pageAnswer,
  parameter,
  type Route,
  readJson,
  requireKnownOptions,
  requireNoBody,
  wantsImmutableIds,
} from "./routing.ts";
import { messageShape, requireShape } from "./schema.ts";
import type { SensitiveUpdates } from "./sensitive-updates.ts";
import type { Tenant } from "./tenant.ts";

export function messageRoutes(tenant: Tenant, updates: SensitiveUpdates, rawMime?: RawMime): Route[] {
  return [
    mailboxRoute("GET", "/messages", (call, _, mailbox) => {
      const messages = [...mailbox.folders].flatMap((folder) => [...folder.messages]);
      return list(call, messages);
    }),
    mailboxRoute("GET", "/mailFolders/{folder}/messages", (call, parameters, mailbox) =>
      list(call, [...mailbox.folder(parameter(parameters, "folder")).messages]),
    ),
    mailboxRoute("POST", "/messages", (call, _, mailbox) =>
      create(tenant, call, mailbox, mailbox.folder("drafts")),
    ),
    mailboxRoute("POST", "/mailFolders/{folder}/messages", (call, parameters, mailbox) =>
      create(tenant, call, mailbox, mailbox.folder(parameter(parameters, "folder"))),
    ),
    ...onMessage("GET", "", (call, message) => one(call, message, 200)),
    ...onMessage("GET", "/$value", (_, message) => ({
      status: 200,
      headers: { "Content-Type": "text/plain" },
      bytes: message.item.mime ?? renderMime(message.item),
    })),
    mailboxRoute("POST", "/mailFolders/{folder}/importMime", async (call, parameters, mailbox) => {
      const context = { contents: tenant.contents, now: tenant.now() };
      const item = await importedItem(rawMime, call.body, context);
      return one(call, mailbox.addMessage(mailbox.folder(parameter(parameters, "folder")), item), 201);
    }),
    ...onMessage("PATCH", "", async (call, message, mailbox) => {
      if (rawMime !== undefined && mediaType(call) === "text/plain") {
        const context = { contents: tenant.contents, now: tenant.now() };
        mailbox.changeMessage(message, await replacement(rawMime, call.body, context));
        return one(call, message, 200);
      }
      const body = requireShape(readJson(call), messageShape);
      mailbox.changeMessage(message, (item) => updateItem(item, updates.admit(item, body), tenant.now()));
      return one(call, message, 200);
    }),
    ...onMessage("DELETE", "", (_, message, mailbox) => {
      mailbox.deleteMessage(message, tenant.now());
      return { status: 204 };
    }),
    ...onMessage("POST", "/move", (call, message, mailbox) => {
      mailbox.moveMessage(message, mailbox.folder(readDestination(call)), tenant.now());
      return one(call, message, 201);
    }),
    ...onMessage("POST", "/copy", (call, message, mailbox) =>
      one(call, mailbox.copyMessage(message, mailbox.folder(readDestination(call)), tenant.now()), 201),
    ),
    ...onMessage("POST", "/permanentDelete", (call, message, mailbox) => {
      requireNoBody(call);
      mailbox.eraseMessage(message);
      return { status: 204 };
    }),
  ];
}

type OnMessage = (
  call: Call,
  message: StoredMessage,
  mailbox: Mailbox,
  parameters: Parameters,
) => Answer | Promise<Answer>;

/** A message is reached by itself and through its folder; through another folder it does not exist. */
export function onMessage(method: string, suffix: string, run: OnMessage): MailboxRoute[] {
  return [
    mailboxRoute(method, `/messages/{message}${suffix}`, (call, parameters, mailbox) =>
      run(call, mailbox.message(parameter(parameters, "message")), mailbox, parameters),
    ),
    mailboxRoute(method, `/mailFolders/{folder}/messages/{message}${suffix}`, (call, parameters, mailbox) => {
      const folder = mailbox.folder(parameter(parameters, "folder"));
      return run(call, mailbox.message(parameter(parameters, "message"), folder), mailbox, parameters);
    }),
  ];
}

/** learn.microsoft.com/graph/api/user-list-messages: ten a page unless $top says 1 to 1000. */
function list(call: Call, messages: StoredMessage[]): Answer {
  requireKnownOptions(call, ["$select", "$expand", "$filter", "$orderby", "$top", "$skip", "$count"]);
  const top = parseCount(call.query.get("$top") ?? "10", "$top", 1, 1000);
  const skip = parseCount(call.query.get("$skip") ?? "0", "$skip", 0, Number.MAX_SAFE_INTEGER);
  const view = viewOf(call);
  const filter = call.query.get("$filter");
  const orderBy = call.query.get("$orderby");
  const orders = orderBy === null ? newestFirst : parseOrderBy(orderBy);
  let found = messages;
  if (filter !== null) {
    const parsed = parseFilter(filter);
    if (orderBy !== null) requireEfficientOrder(parsed, orders);
    const matches = messagePredicate(parsed);
    found = messages.filter((message) => matches(message.item));
  }
  found.sort(messageComparator(orders));
  return pageAnswer(call, found, { top, skip }, (message) => messageResource(message, view));
}

/** learn.microsoft.com/graph/api/mailfolder-post-messages: JSON, or MIME in base64, which always makes a draft. */
async function create(tenant: Tenant, call: Call, mailbox: Mailbox, folder: StoredFolder): Promise<Answer> {
  const context = { contents: tenant.contents, now: tenant.now() };
  const item: MessageItem =
    mediaType(call) === "text/plain"
      ? await parseMime(call.body, context)
      : createItem(requireShape(readJson(call), messageShape), context);
  // The folder may have gone while the MIME was read.
  return one(call, mailbox.addMessage(mailbox.folder(folder.id), item), 201);
}

function one(call: Call, message: StoredMessage, status: number): Answer {
  requireKnownOptions(call, ["$select", "$expand"]);
  return {
    status,
    json: {
      "@odata.context": `${call.root}/$metadata#messages/$entity`,
      ...messageResource(message, viewOf(call)),
    },
  };
}

export function viewOf(call: Call): View {
  const select = call.query.get("$select");
  const expand = call.query.get("$expand");
  if (select?.split(",").includes("attachments") === true)
    throw new GraphError(400, "ErrorInvalidUrlQuery", "Attachments are shown by $expand.");
  return {
    immutableIds: wantsImmutableIds(call),
    select:
      select === null ? undefined : parseSelect(select, "microsoft.graph.message", messagePropertyNames),
    expand: expand === null ? [] : parseExpand(expand),
  };
}

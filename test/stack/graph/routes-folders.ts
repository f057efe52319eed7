import { invalidBody } from "./errors.ts";
import type { JsonObject } from "./json.ts";
import type { Mailbox, StoredFolder } from "./mailbox.ts";
import { parseCount, parseSelect } from "./odata.ts";
import { folderPropertyNames, folderResource } from "./resources.ts";
import {
  type Answer,
  type Call,
  mailboxRoute,
  pageAnswer,
  parameter,
  type Route,
  readJson,
  requireKnownOptions,
  requireNoBody,
} from "./routing.ts";
import { destinationShape, mailFolderShape, requireShape } from "./schema.ts";

export function folderRoutes(): Route[] {
  return [
    mailboxRoute("GET", "/mailFolders", (call, _, mailbox) => list(call, mailbox, mailbox.root)),
    mailboxRoute("POST", "/mailFolders", (call, _, mailbox) => create(call, mailbox, mailbox.root)),
    mailboxRoute("GET", "/mailFolders/{folder}", (call, parameters, mailbox) =>
      one(call, mailbox, mailbox.folder(parameter(parameters, "folder")), 200),
    ),
    mailboxRoute("PATCH", "/mailFolders/{folder}", (call, parameters, mailbox) => {
      const folder = mailbox.folder(parameter(parameters, "folder"));
      const body = requireShape(readJson(call), mailFolderShape);
      const unknown = Object.keys(body).find((name) => name !== "displayName" && name !== "@odata.type");
      if (unknown !== undefined)
        throw invalidBody(`The property '${unknown}' of a folder cannot be changed.`);
      mailbox.renameFolder(folder, displayName(body));
      return one(call, mailbox, folder, 200);
    }),
    mailboxRoute("DELETE", "/mailFolders/{folder}", (_, parameters, mailbox) => {
      mailbox.deleteFolder(mailbox.folder(parameter(parameters, "folder")));
      return { status: 204 };
    }),
    mailboxRoute("GET", "/mailFolders/{folder}/childFolders", (call, parameters, mailbox) =>
      list(call, mailbox, mailbox.folder(parameter(parameters, "folder"))),
    ),
    mailboxRoute("POST", "/mailFolders/{folder}/childFolders", (call, parameters, mailbox) =>
      create(call, mailbox, mailbox.folder(parameter(parameters, "folder"))),
    ),
    mailboxRoute("POST", "/mailFolders/{folder}/move", (call, parameters, mailbox) => {
      const folder = mailbox.folder(parameter(parameters, "folder"));
      mailbox.moveFolder(folder, mailbox.folder(readDestination(call)));
      return one(call, mailbox, folder, 201);
    }),
    mailboxRoute("POST", "/mailFolders/{folder}/permanentDelete", (call, parameters, mailbox) => {
      requireNoBody(call);
      mailbox.eraseFolder(mailbox.folder(parameter(parameters, "folder")));
      return { status: 204 };
    }),
  ];
}

/** learn.microsoft.com/graph/api/message-move, mailfolder-move: an id or a well-known name. */
export function readDestination(call: Call): string {
  const { destinationId } = requireShape(readJson(call), destinationShape);
  if (typeof destinationId !== "string" || destinationId === "")
    throw invalidBody("destinationId is required.");
  return destinationId;
}

/** learn.microsoft.com/graph/api/user-list-mailfolders: direct children only, hidden ones only when asked for. */
function list(call: Call, mailbox: Mailbox, parent: StoredFolder): Answer {
  requireKnownOptions(call, ["$select", "$top", "$skip", "$count"]);
  const select = selection(call);
  const top = parseCount(call.query.get("$top") ?? "10", "$top", 1, 1000);
  const skip = parseCount(call.query.get("$skip") ?? "0", "$skip", 0, Number.MAX_SAFE_INTEGER);
  const hidden = call.query.get("includeHiddenFolders")?.toLowerCase() === "true";
  const folders = mailbox.children(parent).filter((folder) => hidden || !folder.isHidden);
  return pageAnswer(call, folders, { top, skip }, (folder) => folderResource(mailbox, folder, select));
}

function create(call: Call, mailbox: Mailbox, parent: StoredFolder): Answer {
  const body = requireShape(readJson(call), mailFolderShape);
  const folder = mailbox.createFolder(parent, displayName(body), body.isHidden === true);
  return one(call, mailbox, folder, 201);
}

function displayName(body: JsonObject): string {
  const name = body.displayName;
  if (typeof name !== "string") throw invalidBody("A folder needs a displayName.");
  return name;
}

function one(call: Call, mailbox: Mailbox, folder: StoredFolder, status: number): Answer {
  requireKnownOptions(call, ["$select"]);
  return {
    status,
    json: {
      "@odata.context": `${call.root}/$metadata#users('${mailbox.user.id}')/mailFolders/$entity`,
      ...folderResource(mailbox, folder, selection(call)),
    },
  };
}

function selection(call: Call): ReadonlySet<string> | undefined {
  const select = call.query.get("$select");
  return select === null ? undefined : parseSelect(select, "microsoft.graph.mailFolder", folderPropertyNames);
}

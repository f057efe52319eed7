import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { z } from "zod";
import { actOnFolder, batchControl, status } from "../shared/composition.ts";
import { batchNameSchema, folderIdSchema, mailboxIdSchema } from "../shared/domain/names.ts";
import { mailboxStatusSchema } from "../shared/domain/states.ts";
import type { ControlResult } from "../shared/migration/control/batch-control.ts";
import { errorResponse, route } from "./http.ts";

const batchParams = z.object({ batch: batchNameSchema });
const mailboxParams = batchParams.extend({ mailboxId: mailboxIdSchema });
const actionParams = batchParams.extend({ action: z.enum(["start", "stop", "sync", "retry", "complete"]) });
const folderParams = mailboxParams.extend({
  folderId: folderIdSchema,
  action: z.enum(["recreate", "confirm"]),
});
const listQuery = z.object({
  status: mailboxStatusSchema.optional(),
  $top: z.coerce.number().int().min(1).max(999).default(100),
  $skiptoken: z.string().optional(),
});
const noBatch = errorResponse(404, "BatchNotFound", "There is no batch of this name.");

export async function listBatches(): Promise<HttpResponseInit> {
  return { jsonBody: { value: await (await status()).batches(), nextLink: null } };
}

export async function getBatch(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const view = await (await status()).batch(batch);
  return view ? { jsonBody: view } : noBatch;
}

export async function listMailboxes(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const query = listQuery.parse(Object.fromEntries(request.query));
  const page = await (await status()).mailboxes(batch, {
    top: query.$top,
    ...(query.status ? { status: query.status } : {}),
    ...(query.$skiptoken ? { continuation: query.$skiptoken } : {}),
  });
  if (page === undefined) return noBatch;
  const next = new URL(request.url);
  if (page.continuation) next.searchParams.set("$skiptoken", page.continuation);
  return { jsonBody: { value: page.value, nextLink: page.continuation ? next.href : null } };
}

export async function getMailbox(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch, mailboxId } = mailboxParams.parse(request.params);
  const view = await (await status()).mailbox(batch, mailboxId);
  return view
    ? { jsonBody: view }
    : errorResponse(404, "MailboxNotFound", "There is no such mailbox in this batch.");
}

export async function actOnBatch(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch, action } = actionParams.parse(request.params);
  return answer(await (await batchControl())[action](batch));
}

export async function deleteBatch(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const force = z
    .enum(["true", "false"])
    .default("false")
    .parse(request.query.get("force") ?? undefined);
  return answer(await (await batchControl()).remove(batch, force === "true"));
}

export async function actOnMailboxFolder(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch, mailboxId, folderId, action } = folderParams.parse(request.params);
  const result = await (await actOnFolder())(batch, mailboxId, folderId, action);
  return result.outcome === "notFound"
    ? errorResponse(404, "FolderNotFound", "There is no such folder in this mailbox.")
    : answer(result);
}

function answer(result: ControlResult): HttpResponseInit {
  if (result.outcome === "notFound") return noBatch;
  if (result.outcome === "refused")
    return errorResponse(409, result.code, result.reasons.join(" "), { reasons: result.reasons });
  return { status: 202, jsonBody: { mailboxes: result.mailboxes } };
}

route("batches-list", "GET", "batches", "Migration.Read", listBatches);
route("batches-get", "GET", "batches/{batch}", "Migration.Read", getBatch);
route("batches-delete", "DELETE", "batches/{batch}", "Migration.Operate", deleteBatch);
route("batches-act", "POST", "batches/{batch}/{action}", "Migration.Operate", actOnBatch);
route("mailboxes-list", "GET", "batches/{batch}/mailboxes", "Migration.Read", listMailboxes);
route("mailboxes-get", "GET", "batches/{batch}/mailboxes/{mailboxId}", "Migration.Read", getMailbox);
route(
  "folders-act",
  "POST",
  "batches/{batch}/mailboxes/{mailboxId}/folders/{folderId}/{action}",
  "Migration.Operate",
  actOnMailboxFolder,
);

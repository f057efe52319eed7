import { createHash } from "node:crypto";
import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { z } from "zod";
import { actOnFolder, batchControl, changeOptions, status } from "../shared/composition.ts";
import type { ErrorListAnswer, HistoryAnswer, SampleListAnswer } from "../shared/domain/api/batches.ts";
import type { MailboxListAnswer } from "../shared/domain/api/mailboxes.ts";
import {
  actionBody,
  actionParams,
  approvalBody,
  batchParams,
  deleteQuery,
  folderParams,
  forgetBody,
  historyQuery,
  mailboxActionParams,
  mailboxesQuery,
  mailboxParams,
  operationParams,
  skippedQuery,
  undoBody,
} from "../shared/domain/api/requests.ts";
import type { Refused } from "../shared/migration/batch/acts.ts";
import type { Begun } from "../shared/migration/operations/begin-operation.ts";
import { mailboxIdIn } from "../shared/migration/upload/mailbox-of-row.ts";
import { bodyOf, callerOf, errorResponse, jsonText, route } from "./http.ts";
import { selectionOf } from "./selection.ts";

const actionText = jsonText.pipe(actionBody);
const forgetText = jsonText.pipe(forgetBody);
const undoText = jsonText.pipe(undoBody);
const patchText = jsonText.pipe(z.record(z.string(), z.unknown()));
const noMailbox = errorResponse(404, "MailboxNotFound", "There is no such mailbox in this batch.");
const noBatch = errorResponse(404, "BatchNotFound", "There is no batch of this name.");

export async function listBatches(request: HttpRequest): Promise<HttpResponseInit> {
  return tagged(request, { value: await (await status()).batches(), nextLink: null });
}

export async function getBatch(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const view = await (await status()).batch(batch);
  return view ? tagged(request, view) : noBatch;
}

export async function listMailboxes(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const query = mailboxesQuery.parse(Object.fromEntries(request.query));
  const list = await (await status()).mailboxes(batch, {
    status: query.status,
    errorCode: query.errorCode,
    search: query.$search,
    orderBy: query.$orderby,
    top: query.$top,
    skip: query.$skip,
    continuation: query.$skiptoken,
  });
  if (list === undefined) return noBatch;
  const { continuation, ...shown } = list;
  const next = new URL(request.url);
  next.searchParams.delete("$skip");
  if (continuation) next.searchParams.set("$skiptoken", continuation);
  return tagged(request, {
    ...shown,
    nextLink: continuation ? next.href : null,
  } satisfies MailboxListAnswer);
}

export async function getMailbox(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch, mailboxId } = mailboxParams.parse(request.params);
  const view = await (await status()).mailbox(batch, mailboxIdIn(batch, mailboxId));
  return view ? { jsonBody: view } : noMailbox;
}

export async function actOnBatch(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch, action } = actionParams.parse(request.params);
  const text = await bodyOf(request);
  const { mailboxes, filter, ...consent } = text.trim() === "" ? {} : actionText.parse(text);
  const selection = selectionOf(batch, { mailboxes, filter });
  const control = await batchControl();
  return answer(request, await control.act(batch, action, callerOf(request), { ...consent, selection }));
}

export async function actOnMailbox(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch, mailboxId, action } = mailboxActionParams.parse(request.params);
  const id = mailboxIdIn(batch, mailboxId);
  if (!(await (await status()).hasMailbox(batch, id))) return noMailbox;
  const selection = { mailboxes: [id] };
  return answer(request, await (await batchControl()).act(batch, action, callerOf(request), { selection }));
}

export async function deleteMailbox(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch, mailboxId } = mailboxParams.parse(request.params);
  const id = mailboxIdIn(batch, mailboxId);
  if (!(await (await status()).hasMailbox(batch, id))) return noMailbox;
  return answer(request, await (await batchControl()).removeMailboxes(batch, [id], callerOf(request)));
}

/** Changes the options that are sent; the answer is the batch with those that hold from now on. */
export async function patchBatch(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const patch = patchText.parse(await bodyOf(request));
  const expected = request.headers.get("if-match")?.trim() || undefined;
  const result = await (await changeOptions())(batch, patch, expected, callerOf(request));
  switch (result.outcome) {
    case "notFound":
      return noBatch;
    case "unconditional":
      return errorResponse(428, "OptionsUnconditional", "Send the batch's optionsETag in If-Match.");
    case "changed":
      return errorResponse(
        412,
        "OptionsChanged",
        "The options are not those named in If-Match. Get the batch again, and send the optionsETag you receive.",
      );
    case "invalid":
      return errorResponse(400, "BatchOptionsInvalid", "The options need attention.", result.issues);
    case "refused":
      return refused(result);
    default:
      return getBatch(request);
  }
}

export async function getHistory(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const { mailbox } = historyQuery.parse(Object.fromEntries(request.query));
  const value = await (await status()).history(
    batch,
    mailbox === undefined ? undefined : mailboxIdIn(batch, mailbox),
  );
  return value ? { jsonBody: { value, nextLink: null } satisfies HistoryAnswer } : noBatch;
}

export async function getSamples(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const value = await (await status()).samples(batch);
  return value ? { jsonBody: { value, nextLink: null } satisfies SampleListAnswer } : noBatch;
}

export async function getErrors(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const value = await (await status()).errors(batch);
  return value ? { jsonBody: { value, nextLink: null } satisfies ErrorListAnswer } : noBatch;
}

export async function listSkippedItems(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch, mailboxId } = mailboxParams.parse(request.params);
  const { $top, $skiptoken } = skippedQuery.parse(Object.fromEntries(request.query));
  const found = await (await status()).skippedItems(batch, mailboxIdIn(batch, mailboxId), $skiptoken, $top);
  if (found === undefined) return noMailbox;
  const next = new URL(request.url);
  next.searchParams.set("$skiptoken", String($skiptoken + $top));
  return { jsonBody: { value: found.value, nextLink: found.more ? next.href : null } };
}

/** Everything skipped before now, of the batch, or of the mailboxes and codes that the body names. */
export async function approveSkipped(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const text = await bodyOf(request);
  const { codes, ...some } = approvalBody.parse(text === "" ? {} : jsonText.parse(text));
  const selection = { ...selectionOf(batch, some), codes };
  return answer(request, await (await batchControl()).approve(batch, callerOf(request), selection));
}

/** Takes out of the target what was copied for the mailboxes and nobody has touched since. */
export async function undoMailboxes(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const { mailboxes, forGood } = undoText.parse(await bodyOf(request));
  const ids = mailboxes.map((reference) => mailboxIdIn(batch, reference));
  return answer(request, await (await batchControl()).undo(batch, ids, { forGood }, callerOf(request)));
}

/** Forgets what was copied for the mailboxes, so that they can be copied again. */
export async function forgetMailboxes(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const { acceptDoubles, ...some } = forgetText.parse(await bodyOf(request));
  // No body says nothing, but should one, that is nobody rather than all.
  const selection = selectionOf(batch, some) ?? { mailboxes: [] };
  const control = await batchControl();
  return answer(request, await control.forget(batch, selection, acceptDoubles, callerOf(request)));
}

export async function deleteBatch(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const { force, forget } = deleteQuery.parse(Object.fromEntries(request.query));
  const by = callerOf(request);
  return answer(request, await (await batchControl()).remove(batch, force === "true", by, forget === "true"));
}

export async function actOnMailboxFolder(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch, mailboxId, folderId, action } = folderParams.parse(request.params);
  const result = await (await actOnFolder())(batch, mailboxIdIn(batch, mailboxId), folderId, action);
  return result.outcome === "notFound"
    ? errorResponse(404, "FolderNotFound", "There is no such folder in this mailbox.")
    : result.outcome === "refused"
      ? refused(result)
      : { status: 202, jsonBody: { mailboxes: result.mailboxes } };
}

export async function listOperations(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const value = await (await status()).operations(batch);
  return value ? { jsonBody: { value, nextLink: null } } : noBatch;
}

export async function getOperation(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch, operation } = operationParams.parse(request.params);
  const view = await (await status()).operation(batch, operation);
  return view
    ? { jsonBody: view }
    : errorResponse(404, "OperationNotFound", "There is no such operation of this batch.");
}

/** The operation goes on after the answer, which says where its progress can be read. */
function answer(request: HttpRequest, result: Begun): HttpResponseInit {
  if (result.outcome === "notFound") return noBatch;
  if (result.outcome === "refused") return refused(result);
  const { batch, seq, kind } = result.operation;
  const location = new URL(`/api/batches/${batch}/operations/${seq}`, request.url).href;
  return { status: 202, headers: { Location: location }, jsonBody: { operation: { id: seq, kind } } };
}

function refused({ code, reasons }: Refused): HttpResponseInit {
  return errorResponse(409, code, reasons.join(" "), { reasons });
}

/** With an ETag of what is shown, whenever it was read; 304 where the caller has it already. */
function tagged(request: HttpRequest, body: object): HttpResponseInit {
  const text = JSON.stringify(body, (key, value: unknown) => (key === "asOf" ? undefined : value));
  const ETag = `"${createHash("sha256").update(text).digest("base64url").slice(0, 27)}"`;
  if (request.headers.get("if-none-match") === ETag) return { status: 304, headers: { ETag } };
  return { headers: { ETag }, jsonBody: body };
}

route("batches-list", listBatches);
route("batches-get", getBatch);
route("batches-patch", patchBatch);
route("batches-history", getHistory);
route("batches-samples", getSamples);
route("batches-errors", getErrors);
route("batches-delete", deleteBatch);
route("batches-act", actOnBatch);
route("batches-approve", approveSkipped);
route("batches-undo", undoMailboxes);
route("batches-forget", forgetMailboxes);
route("operations-list", listOperations);
route("operations-get", getOperation);
route("mailboxes-list", listMailboxes);
route("mailboxes-get", getMailbox);
route("mailboxes-skipped", listSkippedItems);
route("mailboxes-act", actOnMailbox);
route("mailboxes-delete", deleteMailbox);
route("folders-act", actOnMailboxFolder);

import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { batchControl, verification } from "../shared/composition.ts";
import { batchParams } from "../shared/domain/api/requests.ts";
import { verificationBody } from "../shared/domain/api/verification.ts";
import { bodyOf, callerOf, errorResponse, jsonText, route } from "./http.ts";
import { selectionOf } from "./selection.ts";

const requestText = jsonText.pipe(verificationBody);
const noBatch = errorResponse(404, "BatchNotFound", "There is no batch of this name.");

/** Has mailboxes compared with what was copied; nothing is changed on either side. Without a body all, by level items. */
export async function verifyBatch(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const { mailboxes, filter, ...wanted } = requestText.parse((await bodyOf(request)) || "{}");
  const selection = selectionOf(batch, { mailboxes, filter });
  const begun = await (await batchControl()).verify(batch, wanted, callerOf(request), selection);
  if (begun.outcome === "notFound") return noBatch;
  if (begun.outcome === "refused")
    return errorResponse(409, begun.code, begun.reasons.join(" "), { reasons: begun.reasons });
  const { seq, kind } = begun.operation;
  const location = new URL(`/api/batches/${batch}/operations/${seq}`, request.url).href;
  return { status: 202, headers: { Location: location }, jsonBody: { operation: { id: seq, kind } } };
}

/** What the last verifications of the batch found. */
export async function getVerification(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const view = await (await verification())(batch);
  return view ? { jsonBody: view } : noBatch;
}

route("verification-begin", verifyBatch);
route("verification-get", getVerification);

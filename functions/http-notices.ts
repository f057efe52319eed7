import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { listNotices } from "../shared/composition.ts";
import { batchParams } from "../shared/domain/api/requests.ts";
import { errorResponse, route } from "./http.ts";

/** The mails about a batch, newest first. */
export async function getNotices(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const value = await (await listNotices())(batch);
  return value
    ? { jsonBody: { value, nextLink: null } }
    : errorResponse(404, "BatchNotFound", "There is no batch of this name.");
}

route("notices-list", getNotices);

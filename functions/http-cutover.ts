import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { cutover } from "../shared/composition.ts";
import { batchParams, confirmationBody, cutoverQuery } from "../shared/domain/api/requests.ts";
import { bodyOf, callerOf, errorResponse, jsonText, route } from "./http.ts";

const confirmationText = jsonText.pipe(confirmationBody);

/** May the batch be given up? Asks DNS for what was not asked within the hour, and with `refresh` within half a minute. */
export async function getCutover(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const { refresh } = cutoverQuery.parse(Object.fromEntries(request.query));
  const view = await (await cutover()).view(batch, refresh === "true");
  return view ? { jsonBody: view } : errorResponse(404, "BatchNotFound", "There is no batch of this name.");
}

/** Where a filter service hands mail to cannot be seen from outside: an operator says so. */
export async function confirmFilter(request: HttpRequest): Promise<HttpResponseInit> {
  const { batch } = batchParams.parse(request.params);
  const { domain, handsMailOn } = confirmationText.parse(await bodyOf(request));
  switch (await (await cutover()).confirm(batch, domain, handsMailOn, callerOf(request))) {
    case "unknownBatch":
      return errorResponse(404, "BatchNotFound", "There is no batch of this name.");
    case "unknownDomain":
      return errorResponse(404, "DomainNotFound", "No mailbox of this batch has an address of this domain.");
    case "noFilter":
      return errorResponse(
        409,
        "NothingToConfirm",
        "The MX record of this domain names no filter service that is known: what it says can be seen from outside.",
      );
    default:
      return { status: 204 };
  }
}

route("cutover-get", getCutover);
route("cutover-confirm", confirmFilter);

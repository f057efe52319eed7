import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { uploadSending } from "../shared/composition.ts";
import { checkQuery, uploadParams } from "../shared/domain/api/requests.ts";
import { maxBytes } from "../shared/migration/upload/file-limits.ts";
import { parseUploadName, type UploadName } from "../shared/migration/upload/upload-name.ts";
import { bytesOf, errorResponse, route } from "./http.ts";

/** `{batch}.csv` or the options `{batch}.json` beside it. */
export async function putUpload(request: HttpRequest): Promise<HttpResponseInit> {
  const { endpoint, file } = uploadParams.parse(request.params);
  const name = nameOf(endpoint, file);
  if (name === undefined) return badName;
  const content = await bytesOf(request, maxBytes);
  const sending = await uploadSending();
  const sent = /\.json$/i.test(file)
    ? await sending.sendOptions(name, content.toString("utf8"))
    : await sending.sendCsv(name, content);
  switch (sent.outcome) {
    case "endpointNotFound":
      return errorResponse(409, "EndpointNotFound", `There is no endpoint ${name.endpoint}. Make it first.`);
    case "invalid":
      return errorResponse(400, "BatchOptionsInvalid", "The options need attention.", sent.issues);
    default:
      return { status: 202 };
  }
}

/** What an upload would come to; nothing is stored, and no password comes back. */
export async function checkUpload(request: HttpRequest): Promise<HttpResponseInit> {
  const { endpoint, file } = uploadParams.parse(request.params);
  const { authentication } = checkQuery.parse(Object.fromEntries(request.query));
  const name = /\.csv$/i.test(file) ? nameOf(endpoint, file) : undefined;
  if (name === undefined) return badName;
  return {
    jsonBody: await (await uploadSending()).check(name, await bytesOf(request, maxBytes), authentication),
  };
}

const badName = errorResponse(
  400,
  "FileNameInvalid",
  "The address has to end with {endpoint}/{batch}.csv, or .json for options. Each of the two names has up to 64 letters, digits, '-' and '_', and begins with a letter or digit.",
);

function nameOf(endpoint: string, file: string): UploadName | undefined {
  const [, batch] = /^(.+)\.(?:csv|json)$/i.exec(file) ?? [];
  if (batch === undefined) return undefined;
  const name = parseUploadName(`${endpoint}/${batch}.csv`);
  return "issues" in name ? undefined : name;
}

route("uploads-put", putUpload);
route("uploads-check", checkUpload);

import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { targetTests } from "../shared/composition.ts";
import { targetTestParams } from "../shared/domain/api/requests.ts";
import { targetTestRequestSchema } from "../shared/domain/api/target-test.ts";
import { bodyOf, errorResponse, jsonText, route } from "./http.ts";

const requestText = jsonText.pipe(targetTestRequestSchema);

/** Takes minutes, so the answer names where it is read how far it is. */
export async function testTarget(request: HttpRequest): Promise<HttpResponseInit> {
  const tests = await targetTests();
  if (tests === undefined)
    return errorResponse(
      409,
      "TargetTestUnsupported",
      "The test is for Microsoft Graph. With TARGET=imap, the option testLogins of a batch tries every mailbox.",
    );
  const test = await tests.start(requestText.parse(await bodyOf(request)));
  return { status: 202, headers: { Location: `/api/target/test/${test.id}` }, jsonBody: test };
}

export async function getTargetTest(request: HttpRequest): Promise<HttpResponseInit> {
  const { test: id } = targetTestParams.parse(request.params);
  const test = await (await targetTests())?.get(id);
  return test === undefined
    ? errorResponse(404, "TargetTestNotFound", "There is no test of this id.")
    : { jsonBody: test };
}

route("target-test", testTarget);
route("target-test-get", getTargetTest);

/** Subscribes the blob trigger to new CSV files. Its webhook has a key only once the app is deployed. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { maxBytes } from "../../shared/migration/upload/file-limits.ts";
import { runCommand } from "./command.ts";
import { type Rest, RestError, restOfCli, services } from "./rest.ts";
import { deploymentValue } from "./values.ts";

/** Name of the blob-triggered function, in functions/upload-trigger.ts. */
export const uploadFunction = "upload";

const hostKeys = z.object({ systemKeys: z.record(z.string(), z.string()) });
const eventSubscription = z.object({ properties: z.object({ provisioningState: z.string() }) });

export interface UploadSubscription {
  /** Resource ids. */
  readonly functionAppId: string;
  readonly systemTopicId: string;
  readonly apiUrl: string;
  /** Name of the blob-triggered function. */
  readonly functionName: string;
}

/** Milliseconds before each further look or attempt; as many as there are pauses, and one. */
export interface Patience {
  /** For the key, which appears when the host has started with the trigger. */
  readonly key: readonly number[];
  /** For the end of one attempt to create the subscription. */
  readonly state: readonly number[];
  /** Between attempts: Event Grid validates the webhook, which a host that just starts does not answer in time. */
  readonly attempts: readonly number[];
}

/** Role assignments, which the host needs to start, may take ten minutes to be seen. */
const patience: Patience = {
  key: Array<number>(60).fill(10_000),
  state: Array<number>(24).fill(5_000),
  attempts: [15_000, 30_000, 60_000, 60_000],
};

/**
 * Creates or replaces the subscription, and waits until Event Grid has validated the webhook. Repeatable.
 * @throws Error if the key does not appear: the app has not started or has no blob trigger; or if the webhook does not
 * pass the validation.
 * @throws RestError where the caller may not do it.
 * @see https://learn.microsoft.com/azure/azure-functions/functions-event-grid-blob-trigger
 * @see https://learn.microsoft.com/rest/api/eventgrid/controlplane/system-topic-event-subscriptions/create-or-update
 */
export async function subscribe(
  arm: Rest,
  subscription: UploadSubscription,
  wait: Patience = patience,
): Promise<void> {
  const key = await blobsExtensionKey(arm, subscription.functionAppId, wait.key);
  const endpoint = new URL("/runtime/webhooks/blobs", subscription.apiUrl);
  endpoint.searchParams.set("functionName", `Host.Functions.${subscription.functionName}`);
  endpoint.searchParams.set("code", key);
  const path = `${subscription.systemTopicId}/eventSubscriptions/uploads?api-version=2025-02-15`;
  const body = {
    properties: {
      destination: {
        endpointType: "WebHook",
        properties: { endpointUrl: endpoint.href, maxEventsPerBatch: 1 },
      },
      eventDeliverySchema: "EventGridSchema",
      filter: {
        includedEventTypes: ["Microsoft.Storage.BlobCreated"],
        subjectBeginsWith: "/blobServices/default/containers/uploads/blobs/",
        subjectEndsWith: ".csv",
        isSubjectCaseSensitive: false,
        // The host loads a file before the app sees it. What is too large is refused by the janitor, which streams it.
        advancedFilters: [
          { operatorType: "NumberLessThanOrEquals", key: "data.contentLength", value: maxBytes },
        ],
      },
      retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 },
    },
  };
  const withoutKey = (text: string): string =>
    text.replaceAll(key, "<key>").replaceAll(encodeURIComponent(key), "<key>");
  let outcome = "";
  for (const pause of [0, ...wait.attempts]) {
    await sleep(pause);
    outcome = withoutKey(await attempt(arm, path, body, wait.state));
    if (outcome === "Succeeded") return;
  }
  throw new Error(
    `Event Grid has not made the subscription to new CSV files: ${outcome}. The app must answer on ${endpoint.origin}${endpoint.pathname}: look at its log stream, then run \`azd hooks run postdeploy\` (or this script) again.`,
  );
}

/** One attempt. @returns `Succeeded`, or what stands in its way. */
async function attempt(arm: Rest, path: string, body: unknown, wait: readonly number[]): Promise<string> {
  try {
    let state = stateOf(await arm("PUT", path, body));
    for (const pause of wait) {
      if (!/^(Creating|Updating)$/.test(state)) break;
      await sleep(pause);
      state = stateOf(await arm("GET", path));
    }
    return state;
  } catch (error) {
    if (error instanceof RestError && mayPass(error)) return `${error.status} ${error.message}`;
    throw error;
  }
}

function stateOf(answer: unknown): string {
  return eventSubscription.parse(answer).properties.provisioningState;
}

/** A webhook that failed its validation (400, or gone again), another change under way (409), a fault of the service. */
function mayPass({ status, message }: RestError): boolean {
  return status === 404 || status === 409 || status >= 500 || (status === 400 && /validat/i.test(message));
}

async function blobsExtensionKey(arm: Rest, functionAppId: string, wait: readonly number[]): Promise<string> {
  for (const pause of [0, ...wait]) {
    await sleep(pause);
    const key = await readKey(arm, functionAppId);
    if (key !== undefined) return key;
  }
  throw new Error(
    "The app has no key blobs_extension: it has not started, or its blob trigger is not indexed. Look at the app's log stream, then run `azd hooks run postdeploy` (or this script) again.",
  );
}

async function readKey(arm: Rest, functionAppId: string): Promise<string | undefined> {
  try {
    const keys = await arm("POST", `${functionAppId}/host/default/listKeys?api-version=2024-04-01`);
    return hostKeys.parse(keys).systemKeys.blobs_extension;
  } catch (error) {
    if (error instanceof RestError && isStarting(error)) return undefined;
    throw error;
  }
}

/** While the host starts, it answers with a server error, or Resource Manager with 400 in its place. */
function isStarting({ status, message }: RestError): boolean {
  return status >= 500 || (status === 400 && /host runtime/i.test(message));
}

async function main(): Promise<void> {
  await subscribe(restOfCli(services.resourceManager), {
    functionAppId: deploymentValue("FUNCTION_APP_ID"),
    systemTopicId: deploymentValue("SYSTEM_TOPIC_ID"),
    apiUrl: deploymentValue("API_URL"),
    functionName: uploadFunction,
  });
  console.log("New CSV files in the container uploads now start the app.");
}

if (import.meta.main) await runCommand(main);

/** Subscribes the blob trigger to new CSV files. Its webhook has a key only once the app is deployed. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { azdValue, type Rest, RestError, restOfCli } from "./rest.ts";

/** Name of the blob-triggered function, in functions/upload-trigger.ts. */
export const uploadFunction = "upload";

const hostKeys = z.object({ systemKeys: z.record(z.string(), z.string()) });

export interface UploadSubscription {
  /** Resource ids. */
  readonly functionAppId: string;
  readonly systemTopicId: string;
  readonly apiUrl: string;
  /** Name of the blob-triggered function. */
  readonly functionName: string;
}

/**
 * Creates or replaces the subscription. Repeatable.
 * @param wait how long to wait, in milliseconds, before each further look for the key, which appears with the trigger.
 * @throws Error if the key does not appear: the app has not started or has no blob trigger.
 * @see https://learn.microsoft.com/azure/azure-functions/functions-event-grid-blob-trigger
 */
export async function subscribe(
  arm: Rest,
  subscription: UploadSubscription,
  wait: readonly number[] = Array<number>(18).fill(10_000),
): Promise<void> {
  const key = await blobsExtensionKey(arm, subscription.functionAppId, wait);
  const endpoint = new URL("/runtime/webhooks/blobs", subscription.apiUrl);
  endpoint.searchParams.set("functionName", `Host.Functions.${subscription.functionName}`);
  endpoint.searchParams.set("code", key);
  await arm("PUT", `${subscription.systemTopicId}/eventSubscriptions/uploads?api-version=2025-02-15`, {
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
      },
      retryPolicy: { maxDeliveryAttempts: 30, eventTimeToLiveInMinutes: 1440 },
    },
  });
}

async function blobsExtensionKey(arm: Rest, functionAppId: string, wait: readonly number[]): Promise<string> {
  for (const pause of [0, ...wait]) {
    await sleep(pause);
    const key = await readKey(arm, functionAppId);
    if (key !== undefined) return key;
  }
  throw new Error(
    "The app has no key blobs_extension: it has not started, or its blob trigger is not indexed. Look at the app's log stream, then run `azd hooks run postdeploy`.",
  );
}

async function readKey(arm: Rest, functionAppId: string): Promise<string | undefined> {
  try {
    const keys = await arm("POST", `${functionAppId}/host/default/listKeys?api-version=2024-04-01`);
    return hostKeys.parse(keys).systemKeys.blobs_extension;
  } catch (error) {
    // The host answers with a server error while it starts.
    if (error instanceof RestError && error.status >= 500) return undefined;
    throw error;
  }
}

if (import.meta.main) {
  await subscribe(restOfCli(azdValue("AZURE_RESOURCE_MANAGER_URL")), {
    functionAppId: azdValue("FUNCTION_APP_ID"),
    systemTopicId: azdValue("SYSTEM_TOPIC_ID"),
    apiUrl: azdValue("API_URL"),
    functionName: uploadFunction,
  });
  console.log("New CSV files in the container uploads now start the app.");
}

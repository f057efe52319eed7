import { setTimeout as sleep } from "node:timers/promises";
import { type BlobServiceClient, type ContainerClient, RestError } from "@azure/storage-blob";
import type { QueueServiceClient } from "@azure/storage-queue";
import { type BlobPath, compileBlobPath } from "./blob-path.ts";
import { type BlobReceipts, createBlobReceipts } from "./blob-receipts.ts";
import type { Clients } from "./clients.ts";
import type { HostConfig } from "./host-config.ts";
import type { Invoker, TriggeredFunction } from "./invocation.ts";
import { describeError, type Log } from "./log.ts";
import { toTriggerMetadata } from "./rpc.ts";
import { resolveSettings, type Settings } from "./settings.ts";
import { createQueueListener } from "./storage-queue.ts";
import type { TriggerListener } from "./trigger-listener.ts";

/** Milliseconds between two looks at a container. The real host looks every ten seconds. */
const scanIntervalMs = 500;
/** The same where events announce blobs, which in Azure takes no ten seconds. */
const eventIntervalMs = 100;

/** A blob version that waits for its function, as the WebJobs SDK writes it; also what lies in the poison queue. */
interface BlobTriggerMessage {
  readonly Type: "BlobTrigger";
  readonly FunctionId: string;
  readonly BlobType: string;
  readonly ContainerName: string;
  readonly BlobName: string;
  readonly ETag: string;
}

interface Registration {
  readonly target: TriggeredFunction;
  readonly functionId: string;
  readonly path: BlobPath;
  /** True if events announce blobs instead of scans. */
  readonly byEvents: boolean;
  readonly blobs: BlobServiceClient;
  readonly queues: QueueServiceClient;
}

export interface BlobTriggerOptions {
  readonly targets: readonly TriggeredFunction[];
  readonly settings: Settings;
  readonly clients: Clients;
  readonly hostId: string;
  /** The host's own container, where the receipts lie. */
  readonly hostContainer: ContainerClient;
  /** The host's own queues. */
  readonly hostQueues: QueueServiceClient;
  readonly config: HostConfig["extensions"]["blobs"];
  readonly invoker: Invoker;
  readonly log: Log;
}

/**
 * Runs functions for new and changed blobs, as the WebJobs SDK does for `LogsAndContainerScan`: a scan finds blob
 * versions without a receipt and puts them into a queue of the host, from which they are tried `poisonBlobThreshold`
 * times and then written to `webjobs-blobtrigger-poison` of the storage account the blob is in. For the source
 * `EventGrid` the scan stands for the service that sends events: each version is announced as often as the setting
 * HOST_BLOB_EVENT_COPIES says (once), since events may come twice; there is no receipt, and whatever version lies there
 * is handed over, to two invocations at once where two events came.
 */
export function createBlobTriggers(options: BlobTriggerOptions): TriggerListener {
  const { hostId, invoker, log, config } = options;
  const registrations = options.targets.map((target) => register(target, options));
  const receipts = createBlobReceipts(options.hostContainer, hostId);
  const queue = options.hostQueues.getQueueClient(`azure-webjobs-blobtrigger-${hostId}`);
  const find = (text: string) => {
    const message = JSON.parse(text) as BlobTriggerMessage;
    return {
      message,
      registration: registrations.find(({ functionId }) => functionId === message.FunctionId),
    };
  };

  const listener = createQueueListener({
    queue,
    poisonQueueOf: (text) =>
      (find(text).registration?.queues ?? options.hostQueues).getQueueClient("webjobs-blobtrigger-poison"),
    maxDequeueCount: config.poisonBlobThreshold,
    concurrency: Math.min(config.maxDegreeOfParallelism, 32),
    retryDelayMs: 0,
    handle: async (text) => {
      const { message, registration } = find(text);
      if (registration) await run(registration, message, invoker);
    },
    log,
  });

  const eventCopies = Number(options.settings.HOST_BLOB_EVENT_COPIES ?? 1);
  const enqueue = async (message: BlobTriggerMessage, copies: number): Promise<void> => {
    const text = Buffer.from(JSON.stringify(message)).toString("base64");
    for (let copy = 0; copy < copies; copy++) await queue.sendMessage(text);
    listener.notify();
  };
  const stopping = new AbortController();
  const scanners: Promise<void>[] = [];

  async function scanRepeatedly(registration: Registration): Promise<void> {
    let settled = new Set<string>();
    while (!stopping.signal.aborted) {
      try {
        settled = await scan(
          registration,
          settled,
          registration.byEvents ? unconditionally : receipts,
          (message) => enqueue(message, registration.byEvents ? eventCopies : 1),
        );
      } catch (error) {
        log("error", `Host.Triggers.Blob.${registration.target.name}`, "Container not scanned", {
          error: describeError(error),
        });
      }
      const intervalMs = registration.byEvents ? eventIntervalMs : scanIntervalMs;
      await sleep(intervalMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  return {
    async start() {
      await listener.start();
      scanners.push(...registrations.map(scanRepeatedly));
    },
    async stop() {
      stopping.abort();
      await Promise.all([...scanners, listener.stop()]);
    },
  };
}

function register(target: TriggeredFunction, { settings, clients }: BlobTriggerOptions): Registration {
  const { source = "LogsAndContainerScan", path, connection = "AzureWebJobsStorage" } = target.trigger;
  return {
    target,
    functionId: `Host.Functions.${target.name}`,
    path: compileBlobPath(resolveSettings(String(path), settings)),
    byEvents: resolveSettings(String(source), settings) === "EventGrid",
    blobs: clients.blobs(String(connection)),
    queues: clients.queues(String(connection)),
  };
}

/** Stands for receipts where there are none. */
const unconditionally: BlobReceipts = {
  async once(_key, action) {
    await action();
    return true;
  },
};

/**
 * Looks through the container once.
 * @param settled versions found with a receipt before, which need no second look.
 * @returns the versions of this scan that have a receipt now.
 */
async function scan(
  { functionId, path, blobs }: Registration,
  settled: ReadonlySet<string>,
  receipts: BlobReceipts,
  enqueue: (message: BlobTriggerMessage) => Promise<void>,
): Promise<Set<string>> {
  const found = new Set<string>();
  try {
    for await (const { name, properties } of blobs.getContainerClient(path.container).listBlobsFlat()) {
      if (!path.match(name)) continue;
      const message: BlobTriggerMessage = {
        Type: "BlobTrigger",
        FunctionId: functionId,
        BlobType: properties.blobType ?? "BlockBlob",
        ContainerName: path.container,
        BlobName: name,
        ETag: unquote(properties.etag),
      };
      const version = `${message.ETag}/${name}`;
      const key = `${functionId}/${message.ETag}/${path.container}/${name}`;
      if (settled.has(version) || (await receipts.once(key, () => enqueue(message)))) found.add(version);
    }
  } catch (error) {
    // The container may not exist yet.
    if (!isStatus(error, 404)) throw error;
  }
  return found;
}

/** Runs the function for a version unless the blob is gone or another version by now; the scan finds that one. */
async function run(
  { target, path, byEvents, blobs }: Registration,
  message: BlobTriggerMessage,
  invoker: Invoker,
): Promise<void> {
  const blob = blobs.getContainerClient(message.ContainerName).getBlobClient(message.BlobName);
  let content: Buffer;
  let properties: Awaited<ReturnType<typeof blob.getProperties>>;
  try {
    properties = await blob.getProperties();
    if (!byEvents && unquote(properties.etag ?? "") !== message.ETag) return;
    content = await blob.downloadToBuffer();
  } catch (error) {
    if (isStatus(error, 404)) return;
    throw error;
  }
  await invoker.invoke(target, {
    data: { bytes: content },
    triggerMetadata: toTriggerMetadata({
      ...path.match(message.BlobName),
      BlobTrigger: `${message.ContainerName}/${message.BlobName}`,
      Uri: blob.url.split("?", 1)[0],
      Metadata: properties.metadata ?? {},
      Properties: {
        LastModified: properties.lastModified,
        CreatedOn: properties.createdOn,
        ContentLength: properties.contentLength,
        ContentType: properties.contentType,
        ETag: properties.etag,
      },
    }),
  });
}

function unquote(etag: string): string {
  return etag.replaceAll('"', "");
}

function isStatus(error: unknown, status: number): boolean {
  return error instanceof RestError && error.statusCode === status;
}

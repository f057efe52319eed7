import type { IncomingMessage } from "node:http";
import { parentPort } from "node:worker_threads";
import { startAzurite } from "../stack/azurite.ts";

// Azurite in a thread of its own, which counts what it is asked for; told `counts` it answers with the counters, and begins
// them anew.

/** Requests of each kind. */
export type Requests = Readonly<Record<"transactions" | "pages" | "looks" | "rows" | "blobs", number>>;

const none: Requests = { transactions: 0, pages: 0, looks: 0, rows: 0, blobs: 0 };
let requests: Record<keyof Requests, number> = { ...none };

/** Looks read what changed, pages all rows of a range; both count each page of an answer. */
function kindOf(service: string, { method, url = "" }: IncomingMessage): keyof Requests | undefined {
  if (service !== "table") return service === "blob" ? "blobs" : undefined;
  if (url.includes("$batch")) return "transactions";
  if (method !== "GET" || !/%24filter=|\$filter=/.test(url)) return "rows";
  return /Timestamp%20ge|Timestamp\+ge|Timestamp ge/.test(url) ? "looks" : "pages";
}

const azurite = await startAzurite({
  onRequest: (service, request) => {
    const kind = kindOf(service, request);
    if (kind) requests[kind]++;
  },
});
parentPort?.on("message", () => {
  parentPort?.postMessage(requests);
  requests = { ...none };
});
parentPort?.postMessage(azurite.connectionString);

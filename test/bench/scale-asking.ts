import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { TableClient } from "@azure/data-tables";

// Asks the API again and again, in a thread that does nothing else, until it is told to end; then it says what each kind
// of answer took, in milliseconds.

/** What the thread is given. */
export interface Asked {
  readonly url: string;
  /** Of batches. */
  readonly names: readonly string[];
  /** Connection string of Azurite. */
  readonly storage: string;
}

const { url, names, storage } = workerData as Asked;
const pauseMs = 250;
const ended = new AbortController();
parentPort?.once("message", () => ended.abort());

const table = TableClient.fromConnectionString(storage, "batches", { allowInsecureConnection: true });
const taken: Record<string, number[]> = {};

async function asking(shown: string, ask: (name: string) => Promise<boolean>): Promise<void> {
  const times: number[] = [];
  taken[shown] = times;
  for (let turn = 0; !ended.signal.aborted; turn++) {
    const startedAt = performance.now();
    // An idle connection may end just as it is used.
    if (await ask(names[turn % names.length] as string).catch(() => false))
      times.push(performance.now() - startedAt);
    await sleep(pauseMs, undefined, { signal: ended.signal }).catch(() => undefined);
  }
}

const get = (path: (name: string) => string) => async (name: string) => {
  const response = await fetch(`${url}/api/${path(name)}`);
  await response.arrayBuffer();
  return response.ok;
};

await Promise.all([
  asking(
    "GET batches/{b}",
    get((name) => `batches/${name}`),
  ),
  asking(
    "GET batches/{b}/mailboxes",
    get((name) => `batches/${name}/mailboxes?$top=50`),
  ),
  asking(
    "GET batches",
    get(() => "batches"),
  ),
  // Reads nothing: what it takes is the machine's and the event loop's.
  asking(
    "GET me",
    get(() => "me"),
  ),
  asking("a row of Azurite itself", async () => {
    for await (const _ of table.listEntities().byPage({ maxPageSize: 1 })) return true;
    return false;
  }),
]);
parentPort?.postMessage(taken);

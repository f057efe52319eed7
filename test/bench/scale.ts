import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { startDeployment } from "../stack/deployment.ts";
import type { Asked } from "./scale-asking.ts";
import type { Requests } from "./scale-azurite.ts";

// What control, status and lists of large batches take, on Azurite: `npm run bench:scale -- --rows 50000 --batches 1`. The
// app has a process of its own; storage, which does everything in one thread, and who asks have a thread each. After each part
// it says what storage was asked for, and how busy that thread was. No mailbox has one in the target: each fails as soon as it
// is let in, and lets the next one in, which asks more of storage than copying does. Ends with 1 where a limit is passed. What
// is asked during an operation waits behind its transactions, the janitor's requests too, so these are shown without a limit.
// The figures follow as JSON lines.

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "50000" },
    batches: { type: "string", default: "1" },
    work: { type: "string", default: "180" },
  },
});
const rows = Number(values.rows);
const names = Array.from({ length: Number(values.batches) }, (_, index) => `scale-${index}`);

/** Milliseconds. */
const limits = { call: 2_000, queued: 60_000, view: 200, sweep: 5_000 } as const;
const askEveryMs = 250;
/** Milliseconds in which nothing but the app's own work goes on. */
const atWorkMs = Number(values.work) * 1_000;
const patienceMs = 30 * 60_000;

const widths = [46, 14, 14, 14];
const print = (...cells: readonly (string | number)[]) =>
  console.log(cells.map((cell, column) => String(cell).padEnd(widths[column] ?? 0)).join(""));
const seconds = (ms: number) => (ms / 1000).toFixed(2);
const percentile = (sorted: readonly number[], part: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;

const figures: object[] = [];

function told(title: string, ms: number, limit?: number): void {
  figures.push({ what: title.trim(), seconds: Number(seconds(ms)), limitSeconds: limit && limit / 1_000 });
  print(
    title,
    seconds(ms),
    limit === undefined ? "" : seconds(limit),
    limit !== undefined && ms > limit ? "OVER" : "",
  );
  if (limit !== undefined && ms > limit) process.exitCode = 1;
}

const azurite = new Worker(new URL("./scale-azurite.ts", import.meta.url));
const [storage] = (await once(azurite, "message")) as [string];
const deployment = await startDeployment({
  settings: {
    AzureWebJobsStorage: storage,
    CREDENTIAL_KEY: Buffer.alloc(32, 7).toString("base64"),
  },
});
let busyBefore = azurite.performance.eventLoopUtilization();

/** Says what storage was asked for since the last time. */
async function tellRequests(title: string): Promise<void> {
  azurite.postMessage("counts");
  const [requests] = (await once(azurite, "message")) as [Requests];
  const busy = azurite.performance.eventLoopUtilization();
  const { utilization, active, idle } = azurite.performance.eventLoopUtilization(busy, busyBefore);
  busyBefore = busy;
  const sum = Object.values(requests).reduce((total, count) => total + count, 0);
  const parts = Object.entries(requests).map(([kind, count]) => `${count} ${kind}`);
  print(
    `  ${title}: ${sum} requests, ${(sum / (rows * names.length)).toFixed(4)} a mailbox: ${parts.join(", ")};`,
    ` ${(sum / ((active + idle) / 1000)).toFixed(0)}/s, its thread busy ${Math.round(utilization * 100)} of 100`,
  );
}

/** An idle connection may end just as it is used: then the request is made anew. */
const request: typeof deployment.request = (method, path) =>
  deployment.request(method, path).catch(() => deployment.request(method, path));

/**
 * What the API took to answer while `work` was under way, asked from a thread of its own.
 * @param limit of the answers; without one they are shown beside a read of one row of Azurite, which all of them wait for.
 */
async function whileAsked<T>(title: string, work: () => Promise<T>, limit?: number): Promise<T> {
  const workerData: Asked = { url: deployment.app.url, names, storage };
  const asking = new Worker(new URL("./scale-asking.ts", import.meta.url), { workerData });
  try {
    return await work();
  } finally {
    asking.postMessage("end");
    const [taken] = (await once(asking, "message")) as [Readonly<Record<string, readonly number[]>>];
    await asking.terminate();
    for (const [shown, times] of Object.entries(taken)) {
      const held = shown.startsWith("GET batches") ? limit : undefined;
      const sorted = [...times].sort((a, b) => a - b);
      if (sorted.length === 0) continue;
      told(`  ${title}: ${shown}, 95 of 100 (${sorted.length})`, percentile(sorted, 0.95), held);
      print(
        "    half of them, and the longest",
        seconds(percentile(sorted, 0.5)),
        seconds(sorted.at(-1) ?? 0),
      );
    }
  }
}

/** Calls for every batch at once. @returns the addresses of the operations. */
async function control(
  title: string,
  method: string,
  path: (name: string) => string,
): Promise<readonly string[]> {
  const calls = names.map(async (name) => {
    const startedAt = performance.now();
    const { status, body } = await request(method, path(name));
    const id = (body as { operation?: { id: number } } | undefined)?.operation?.id;
    return { took: performance.now() - startedAt, status, operation: `batches/${name}/operations/${id}` };
  });
  const answers = await Promise.all(calls);
  told(`${title}: the call`, Math.max(...answers.map(({ took }) => took)), limits.call);
  const unexpected = answers.filter(({ status }) => status !== 202).map(({ status }) => status);
  if (unexpected.length > 0) throw new Error(`${title} was answered with ${unexpected.join()}`);
  return answers.map(({ operation }) => operation);
}

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + patienceMs; !(await done()); await sleep(askEveryMs))
    if (Date.now() > deadline) throw new Error(`${what}: not within ${patienceMs / 60_000} minutes`);
}

/** Until the operations are through. @returns how many mailboxes they passed and changed. */
async function throughWith(operations: readonly string[]) {
  const views = new Map<string, { passedCount: number; changedCount: number }>();
  await until("the operation", async () => {
    for (const operation of operations) {
      if (views.has(operation)) continue;
      const { body } = await request("GET", operation);
      const view = body as { status: string; passedCount: number; changedCount: number };
      if (view.status === "Finished") views.set(operation, view);
    }
    return views.size === operations.length;
  });
  const all = [...views.values()];
  const sum = (of: "passedCount" | "changedCount") => all.reduce((total, view) => total + view[of], 0);
  return { passed: sum("passedCount"), changed: sum("changedCount") };
}

async function operated(title: string, action: string, limit?: number): Promise<void> {
  const startedAt = performance.now();
  const operations = await control(title, "POST", (name) => `batches/${name}/${action}`);
  const { passed, changed } = await inOperation(() => whileAsked(title, () => throughWith(operations)));
  told(`${title}: through, ${passed} passed, ${changed} changed`, performance.now() - startedAt, limit);
  await tellRequests(title);
  if (passed !== rows * names.length) throw new Error(`${title} passed ${passed} mailboxes`);
}

/** When operations ran, milliseconds since 1970. */
const operating: { readonly from: number; readonly to: number }[] = [];

async function inOperation<T>(work: () => Promise<T>): Promise<T> {
  const from = Date.now();
  try {
    return await work();
  } finally {
    operating.push({ from, to: Date.now() });
  }
}

const admittedAt = () =>
  deployment.log.flatMap(({ message, time }) => (message === "mailbox.admitted" ? [Date.parse(time)] : []));

try {
  const uploads = deployment.stack.blobs?.getContainerClient("uploads");
  if (uploads === undefined) throw new Error("the stack has storage of its own");
  const put = (name: string, text: string) =>
    uploads.getBlockBlobClient(name).upload(text, Buffer.byteLength(text));
  await deployment.putEndpoint("nowhere", { host: "imap.invalid" });
  print(`${names.length} x ${rows} mailboxes`, "s", "limit, s");

  let startedAt = performance.now();
  for (const name of names) {
    const lines = Array.from(
      { length: rows },
      (_, index) => `u${index}@${name}.example,u${index},secret-${index}`,
    );
    await put(`nowhere/${name}.json`, JSON.stringify({ autoStart: false }));
    await put(`nowhere/${name}.csv`, `EmailAddress,UserName,Password\r\n${lines.join("\r\n")}\r\n`);
  }
  await whileAsked("upload", () =>
    until("the upload", async () => {
      for (const name of names) {
        const batch = await deployment.batch(name);
        if (batch?.totalCount !== rows || batch.operations.length > 0) return false;
        if (await uploads.getBlockBlobClient(`nowhere/${name}.csv`).exists()) return false;
      }
      return true;
    }),
  );
  told("upload: read", performance.now() - startedAt);
  await tellRequests("upload");

  await operated("start", "start", limits.queued);
  await whileAsked("at work", () => sleep(atWorkMs), limits.view);
  await tellRequests("at work");
  startedAt = performance.now();
  for (const name of names) {
    const { status } = await request("DELETE", `batches/${name}`);
    if (status !== 409) throw new Error(`a DELETE without force was answered with ${status}`);
  }
  told("DELETE without force, refused", (performance.now() - startedAt) / names.length, limits.call);

  startedAt = performance.now();
  const stops = await control("stop", "POST", (name) => `batches/${name}/stop`);
  const inForce = Date.now();
  const stopped = await inOperation(() => whileAsked("stop", () => throughWith(stops)));
  told(`stop: through, ${stopped.passed} passed, ${stopped.changed} changed`, performance.now() - startedAt);
  await tellRequests("stop");
  await sleep(15_000);
  // A transaction that was under way when the stop was written still gives its permits.
  const late = admittedAt().filter((at) => at > inForce + 1_000);
  print("stop: admitted later than a second after the answer", late.length, 0, late.length > 0 ? "OVER" : "");
  if (late.length > 0) process.exitCode = 1;

  await operated("start again", "start", limits.queued);
  // Nothing is synced, so there is nothing to complete: it passes the same pages.
  await operated("retry", "retry");
  startedAt = performance.now();
  await control("DELETE with force", "DELETE", (name) => `batches/${name}?force=true`);
  await inOperation(() =>
    until("the removal", async () => {
      for (const name of names) if ((await request("GET", `batches/${name}`)).status !== 404) return false;
      return true;
    }),
  );
  told("DELETE with force: gone", performance.now() - startedAt);
  await tellRequests("DELETE");

  const sweeps = deployment.log
    .filter(({ message }) => message === "janitor.swept")
    .map(({ time, durationMs }) => ({ to: Date.parse(time), took: Number(durationMs) }));
  const beside = sweeps.filter(({ to, took }) =>
    operating.some((operation) => operation.from < to && operation.to > to - took),
  );
  const longest = (of: typeof sweeps) => Math.max(0, ...of.map(({ took }) => took));
  const alone = sweeps.filter((sweep) => !beside.includes(sweep));
  told(`the janitor's longest of ${alone.length} minutes`, longest(alone), limits.sweep);
  told(`the longest of ${beside.length} beside operations`, longest(beside));
  for (const figure of figures)
    console.log(JSON.stringify({ benchmark: "scale", batches: names.length, rows, ...figure }));
} finally {
  await deployment.stop();
  await azurite.terminate();
}

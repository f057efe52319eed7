/**
 * `npm start`: builds the app and runs it on this machine with everything it needs around it.
 *   --once       ends when the sample batch is through: 0 if it is Synced and everything arrived, else 1
 *   --no-sample  serves without a sample
 * Settings in the environment win: a part of the stack whose setting is there is not started.
 */
import { createServer } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type AppProcess, type LogEvent, startApp } from "./app-process.ts";
import { createDisplay, followBatch } from "./progress.ts";
import { addTargetMailboxes, arrivalsOf, sampleName, sampleZone, uploadSample } from "./sample-batch.ts";
import { type SampleSource, startSampleSource } from "./sample-source.ts";
import { showcaseZone, uploadShowcase, verifyPilot } from "./showcase.ts";
import { type Stack, startStack } from "./stack.ts";

/** The port Core Tools use. */
const usualPort = 7071;
/** Milliseconds the sample may take with --once. */
const sampleTimeoutMs = 10 * 60_000;

const { values: flags } = parseArgs({
  options: { once: { type: "boolean", default: false }, "no-sample": { type: "boolean", default: false } },
});
const display = createDisplay(process.stdout);
const stopping = new AbortController();
const failed = new AbortController();
const ended = AbortSignal.any([stopping.signal, failed.signal]);
let stack: Stack | undefined;
const sources: SampleSource[] = [];
let app: AppProcess | undefined;

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    // The second one is for those who cannot wait.
    if (stopping.signal.aborted) process.exit(1);
    stopping.abort();
  });

let exitCode = 0;
try {
  exitCode = await run();
} catch (error) {
  if (!stopping.signal.aborted) {
    display.note(error instanceof Error ? error.message : String(error));
    exitCode = 1;
  }
} finally {
  stopping.abort();
  await app?.stop();
  for (const source of sources) await source.close();
  await stack?.close();
}
process.exit(exitCode);

async function run(): Promise<number> {
  await import(pathToFileURL(join(import.meta.dirname, "..", "..", "build.ts")).href);
  stack = await startStack({ settings: process.env });
  const { url } = await startServing(stack.settings, Number(process.env.HOST_PORT ?? (await freePort())));
  display.note(`Page ${url}/api/dashboard`);
  display.note(`API  ${url}/api/batches`);

  const arrived = flags["no-sample"] ? true : await copySample(stack, `${url}/api`);
  if (flags.once) return arrived ? 0 : 1;
  if (!flags["no-sample"]) await showMore(stack, `${url}/api`);
  display.note(`Look at ${url}/api/dashboard. Ctrl-C stops.`);
  return new Promise((_, reject) => {
    ended.addEventListener("abort", () => reject(ended.reason));
    if (ended.aborted) reject(ended.reason);
  });
}

/** Starts the app, and starts it again whenever it ends, as the platform does. */
async function startServing(settings: Readonly<Record<string, string>>, port: number): Promise<AppProcess> {
  const started = await startApp({ settings, port, onEvent: showProblem });
  app = started;
  started.exited
    .then(async ({ code, signal }) => {
      if (stopping.signal.aborted) return;
      display.note(`The app ended with ${signal ?? code} and is started again.`);
      await startServing(settings, Number(new URL(started.url).port));
    })
    .catch((error: unknown) => failed.abort(error));
  return started;
}

function showProblem({ level, category, message, error }: LogEvent): void {
  if (level === "error" || level === "critical")
    display.note(
      `${category}: ${message}${typeof error === "string" ? ` (${error.split("\n", 1)[0]})` : ""}`,
    );
}

/** @returns true if the batch is Synced and the target holds exactly what the source has. */
async function copySample({ blobs, graph, dns }: Stack, apiUrl: string): Promise<boolean> {
  if (!blobs || !graph) {
    display.note("The sample needs local storage and the Graph stand-in; upload a CSV of your own instead.");
    return false;
  }
  dns?.setRecords(sampleZone);
  const source = await startSampleSource();
  sources.push(source);
  addTargetMailboxes(graph, source);
  await uploadSample(blobs, source);
  const timeout = flags.once ? [AbortSignal.timeout(sampleTimeoutMs)] : [];
  const { status } = await followBatch(apiUrl, sampleName, display, AbortSignal.any([ended, ...timeout]));

  const arrivals = arrivalsOf(graph, source);
  display.note("What is in the target now:");
  for (const { address, folders, arrived, expected, missing, unexpected } of arrivals) {
    display.note(`  ${address}: ${arrived} of ${expected} messages`);
    for (const { path, messages } of folders) display.note(`    ${String(messages).padStart(5)}  ${path}`);
    if (missing + unexpected > 0)
      display.note(`    ${missing} missing, ${unexpected} that should not be there`);
  }
  return status === "Synced" && arrivals.every(({ missing, unexpected }) => missing + unexpected === 0);
}

/** Further batches, in the states that an operator meets. */
async function showMore({ blobs, graph, dns }: Stack, apiUrl: string): Promise<void> {
  if (!blobs || !graph) return;
  dns?.setRecords(showcaseZone);
  sources.push(...(await uploadShowcase(blobs, graph)));
  verifyPilot(apiUrl, ended).catch((error: unknown) => ended.aborted || display.note(String(error)));
}

/** The usual port, or 0 if something else has it. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(0));
    probe.listen(usualPort, "127.0.0.1", () => probe.close(() => resolve(usualPort)));
  });
}

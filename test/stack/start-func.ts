/**
 * `npm run start:func`: the built app and the local stack under Azure Functions Core Tools instead of our own host.
 * Settings in the environment win: a part of the stack whose setting is there is not started, so that the official
 * emulators (infra/local/compose.yaml) can stand in its place. Arguments go to `func start`.
 */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { addTargetMailboxes, uploadSample } from "./sample-batch.ts";
import { startSampleSource } from "./sample-source.ts";
import { startStack } from "./stack.ts";

const root = join(import.meta.dirname, "..", "..");
/** On Windows `func` is a script that only a shell can run. */
const shell = process.platform === "win32";

const version = spawnSync("func", ["--version"], { shell, encoding: "utf8" });
if (version.status !== 0) {
  console.error(
    [
      "Azure Functions Core Tools are not installed: there is no `func` on the PATH.",
      "Install version 4 with `npm i -g azure-functions-core-tools@4`, or see",
      "https://learn.microsoft.com/azure/azure-functions/functions-run-local.",
      "`npm start` runs the same app without them.",
    ].join("\n"),
  );
  process.exit(1);
}

const stack = await startStack({ settings: process.env });
const func = spawn("func", ["start", ...process.argv.slice(2)], {
  cwd: root,
  shell,
  stdio: "inherit",
  env: { ...process.env, ...stack.settings, FUNCTIONS_WORKER_RUNTIME: "node" },
});
const ended = new Promise<number>((resolve) => {
  func.once("error", () => resolve(1));
  func.once("exit", (code) => resolve(code ?? 1));
});
// The terminal sends the signal to `func`, too: this process waits for it to end.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => func.kill(signal));

const { blobs, graph } = stack;
const source = blobs && graph ? await startSampleSource() : undefined;
if (blobs && graph && source) {
  addTargetMailboxes(graph, source);
  await uploadSample(blobs, source);
}
const code = await ended;
await source?.close();
await stack.close();
process.exit(code);

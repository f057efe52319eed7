/**
 * What a cold start takes: `npm run bench:cold-start [-- --runs 5]`, on Linux. From the start of the host, as which the local
 * one is timed, to the first healthy answer, and on to the first list of batches, for which adapters are built; beside it an
 * app of one function that answers and does nothing else. Prints a table of medians, and a JSON line a row.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startApp } from "../stack/app-process.ts";
import { startStack } from "../stack/stack.ts";
import { median } from "./links/measured.ts";
import { cpuOf, memoryOf, workerOf } from "./processes.ts";

const { values } = parseArgs({ options: { runs: { type: "string", default: "5" } } });

interface Start {
  /** Until the first healthy answer. */
  readonly healthySeconds: number;
  readonly firstListSeconds: number;
  /** Of the worker, which runs the app. */
  readonly cpuSeconds: number;
  readonly memoryMB: number;
}

const stack = await startStack();
const programs = [
  { program: "app", list: "/api/batches", packageDirectory: undefined },
  {
    program: "one function",
    list: "/api/health",
    packageDirectory: join(import.meta.dirname, "cold-start", "one-function"),
  },
];
const all = programs.map((program) => ({ ...program, starts: [] as Start[] }));
try {
  // The first start of each reads its files from the disk.
  for (let run = 0; run <= Number(values.runs); run++)
    for (const { list, packageDirectory, starts } of all) {
      const started = await start(list, packageDirectory);
      if (run > 0) starts.push(started);
    }
} finally {
  await stack.close();
}
const rows = all.map(({ program, starts }) => ({ program, runs: starts.length, ...median(starts) }));
for (const row of rows) console.log(JSON.stringify({ benchmark: "cold-start", ...row }));
console.table(rows);

async function start(list: string, packageDirectory: string | undefined): Promise<Start> {
  const from = performance.now();
  const seconds = () => (performance.now() - from) / 1000;
  const app = await startApp({ settings: stack.settings, packageDirectory });
  try {
    const healthySeconds = seconds();
    const answer = await fetch(`${app.url}${list}`);
    if (!answer.ok) throw new Error(`${list} was answered with ${answer.status}`);
    await answer.arrayBuffer();
    const worker = workerOf(app.pid);
    return {
      healthySeconds,
      firstListSeconds: seconds() - healthySeconds,
      cpuSeconds: cpuOf(worker),
      memoryMB: memoryOf(worker, "VmRSS"),
    };
  } finally {
    await app.stop();
  }
}

/**
 * All that is measured of speed and cost, one benchmark after another: `npm run bench [-- --only links,rounds --out figures.jsonl]`,
 * on Linux, within some hours on a machine that does nothing else. Each prints its tables; their JSON lines are added to the
 * file as well. One that fails keeps none of the others from running. Ends with 1 if one did.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const benchmarks: Readonly<Record<string, readonly string[]>> = {
  "cold-start": [],
  links: [],
  rounds: [],
  graph: [],
  memory: [],
  scale: ["--rows", "50000", "--batches", "1"],
  "scale-ten-batches": ["--rows", "5000", "--batches", "10"],
  cost: [],
};
const { values } = parseArgs({
  options: { only: { type: "string", default: Object.keys(benchmarks).join(",") }, out: { type: "string" } },
});
const failed: string[] = [];
for (const name of values.only.split(",")) {
  const options = benchmarks[name];
  if (options === undefined)
    throw new Error(`--only takes ${Object.keys(benchmarks).join(", ")}, not ${name}`);
  console.log(`\n${name}`);
  if ((await run(join(import.meta.dirname, `${name.replace("-ten-batches", "")}.ts`), options)) !== 0)
    failed.push(name);
}
if (failed.length > 0) {
  console.error(`Failed, or beyond a limit: ${failed.join(", ")}`);
  process.exitCode = 1;
}

/** @returns what it ended with. */
async function run(file: string, options: readonly string[]): Promise<number | null> {
  const child = spawn(process.execPath, [file, ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    if (values.out !== undefined && line.startsWith("{")) await appendFile(values.out, `${line}\n`);
  }
  const [code] = (await ended) as [number | null];
  return code;
}

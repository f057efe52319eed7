import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/** Runs once before the tests that drive the built package. */
export default async function setup(): Promise<void> {
  const root = join(import.meta.dirname, "..", "..", "..");
  if (!existsSync(join(root, "functions", "index.ts"))) return;
  await promisify(execFile)(process.execPath, ["build.ts"], { cwd: root });
}

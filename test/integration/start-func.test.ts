import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const script = join(import.meta.dirname, "../stack/start-func.ts");

interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Runs the script with only these programs on the PATH. */
function run(path: string, ...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env: { PATH: path } }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, output: stdout + stderr }),
    );
  });
}

describe("npm run start:func", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "func-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("says how to install Core Tools where they are missing", async () => {
    const { code, output } = await run(folder);
    expect(code).toBe(1);
    expect(output).toContain("npm i -g azure-functions-core-tools@4");
  });

  it("starts them with the settings of the local stack, hands arguments on, and ends as they end", async () => {
    const func = join(folder, "func");
    writeFileSync(
      func,
      [
        "#!/bin/sh",
        '[ "$1" = "--version" ] && exit 0',
        'echo "arguments $*"',
        'echo "worker $FUNCTIONS_WORKER_RUNTIME"',
        'echo "queues $ServiceBusConnection"',
        'echo "storage $AzureWebJobsStorage"',
        "exit 7",
        "",
      ].join("\n"),
    );
    chmodSync(func, 0o755);
    const { code, output } = await run(folder, "--verbose");
    expect(output).toContain("arguments start --verbose");
    expect(output).toContain("worker node");
    expect(output).toMatch(/queues Endpoint=sb:\/\/127\.0\.0\.1:\d+/);
    expect(output).toMatch(/storage .*BlobEndpoint=http:\/\/127\.0\.0\.1:\d+/);
    expect(code).toBe(7);
  });
});

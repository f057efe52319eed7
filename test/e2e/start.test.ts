import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");

interface Run {
  readonly lines: readonly string[];
  readonly ended: Promise<number | null>;
  /** Resolves with the first line that fits. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  interrupt(): void;
}

/** Runs what `npm start` runs, on a port the system chooses. */
function start(...flags: readonly string[]): Run {
  const child = spawn(process.execPath, [join("test", "stack", "start.ts"), ...flags], {
    cwd: root,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, HOST_PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const lines: string[] = [];
  const input = createInterface({ input: child.stdout });
  input.on("line", (line) => lines.push(line));
  return {
    lines,
    ended: once(child, "close").then(([code]) => code as number | null),
    async line(pattern) {
      for (;;) {
        for (const line of lines) {
          const match = pattern.exec(line);
          if (match) return match;
        }
        await once(input, "line");
      }
    },
    interrupt: () => child.kill("SIGINT"),
  };
}

test("npm start -- --once copies the sample and ends with 0", async () => {
  const run = start("--once");
  expect(await run.ended).toBe(0);
  const arrivals = run.lines.flatMap((line) => {
    const match = /^ {2}(\S+@\S+): (\d+) of (\d+) messages$/.exec(line);
    return match ? [{ address: match[1], arrived: Number(match[2]), expected: Number(match[3]) }] : [];
  });
  expect(arrivals).toHaveLength(5);
  for (const { arrived, expected } of arrivals) {
    expect(arrived).toBeGreaterThan(0);
    expect(arrived).toBe(expected);
  }
});

test("npm start -- --no-sample serves until it is stopped", async () => {
  const run = start("--no-sample");
  const [, url = ""] = await run.line(/^API {2}(http:\/\/127\.0\.0\.1:\d+\/api\/batches)$/);
  expect(await (await fetch(url)).json()).toEqual({ value: [], nextLink: null });
  run.interrupt();
  expect(await run.ended).toBe(0);
  await expect(fetch(url)).rejects.toThrow();
});

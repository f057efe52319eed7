import { defineConfig } from "vitest/config";
import { Interleaved } from "./test/stack/setup/interleaved.ts";

/** Far above what a test takes, so that a busy machine fails none; in milliseconds. */
const testTimeout = 360_000;

const project = (name: string, include: string[], globalSetup: string[], setupFiles: string[] = []) => ({
  test: {
    name,
    include,
    globalSetup,
    setupFiles,
    pool: "forks" as const,
    testTimeout,
    hookTimeout: testTimeout,
  },
});

const servers = "test/stack/setup/servers.ts";
const build = "test/stack/setup/build.ts";
const answers = "test/stack/setup/answers.ts";

export default defineConfig({
  test: {
    // Most of the time tests wait for servers, leases and timers.
    maxWorkers: 4,
    sequence: { sequencer: Interleaved },
    projects: [
      project("unit", ["test/unit/**/*.test.ts"], []),
      project("exactly-once", ["test/exactly-once/**/*.test.ts"], []),
      project("contract", ["test/contract/**/*.test.ts"], [servers]),
      project(
        "system",
        ["test/integration/**/*.test.ts", "test/e2e/**/*.test.ts"],
        [servers, build],
        [answers],
      ),
    ],
  },
});

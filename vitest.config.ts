import { defineConfig } from "vitest/config";

const project = (name: string, include: string[], globalSetup: string[]) => ({
  test: { name, include, globalSetup, pool: "forks" as const, testTimeout: 120_000, hookTimeout: 180_000 },
});

const servers = "test/stack/setup/servers.ts";
const build = "test/stack/setup/build.ts";

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project("unit", ["test/unit/**/*.test.ts"], []),
      project("contract", ["test/contract/**/*.test.ts"], [servers]),
      project("system", ["test/integration/**/*.test.ts", "test/e2e/**/*.test.ts"], [servers, build]),
    ],
  },
});

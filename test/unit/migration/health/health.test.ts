import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MigrationError } from "../../../../shared/domain/errors.ts";
import { appPermissions } from "../../../../shared/domain/permissions.ts";
import { createHealth, type HealthParts } from "../../../../shared/migration/health/health.ts";

const start = Date.UTC(2026, 0, 5, 9);
const at = (ms: number): string => new Date(start + ms).toISOString();
const away = new MigrationError("transient", "StorageUnreachable", "Table Storage did not answer.");
const missing = new MigrationError("fatal", "ServiceBusQueueMissing", "A queue is missing.");

let failing: Error | undefined;
let probes: number;

beforeEach(() => {
  vi.useFakeTimers({ now: start });
  failing = undefined;
  probes = 0;
});
afterEach(() => vi.useRealTimers());

const fine = { probe: async () => undefined };
const health = (change: Partial<HealthParts> = {}) =>
  createHealth({
    version: "1.2.3",
    settings: fine,
    connections: {
      bus: fine,
      tables: {
        async probe() {
          probes++;
          if (failing) throw failing;
        },
      },
    },
    sweeps: { age: async () => 61_400 },
    lackingPermissions: async () => [],
    clock: Date.now,
    ...change,
  });

describe("health", () => {
  it("tells what is there, and since when it has been seen so", async () => {
    const { details } = health();
    await details();
    vi.advanceTimersByTime(60_000);
    expect(await details()).toEqual({
      status: "healthy",
      version: "1.2.3",
      connections: ["settings", "bus", "tables"].map((name) => ({ name, status: "ok", since: at(0) })),
      lastSweep: { ageSeconds: 61 },
      missingPermissions: [],
    });
  });

  it.each([
    ["away", away],
    ["missing", missing],
  ] as const)("tells what is %s since when, and when it came back", async (status, error) => {
    const { details } = health();
    await details();
    vi.advanceTimersByTime(60_000);
    failing = error;
    const expected = { name: "tables", status, since: at(60_000), code: error.code, message: error.message };
    await details();
    vi.advanceTimersByTime(60_000);
    const found = await details();
    expect(found.status).toBe("unhealthy");
    expect(found.connections[2]).toEqual(expected);
    failing = undefined;
    expect((await details()).connections[2]).toEqual({ name: "tables", status: "ok", since: at(120_000) });
  });

  it("needs no answer from anybody, and waits five seconds for all of them together", async () => {
    const never = { probe: () => new Promise<void>(() => undefined) };
    const { details } = health({
      connections: { one: never, two: never },
      sweeps: { age: () => new Promise(() => undefined) },
      lackingPermissions: () => Promise.reject(away),
    });
    const answer = details();
    await vi.advanceTimersByTimeAsync(5_000);
    const { connections, lastSweep, missingPermissions } = await answer;
    expect(connections.map(({ status, code }) => [status, code])).toEqual([
      ["ok", undefined],
      ["away", "NoAnswer"],
      ["away", "NoAnswer"],
    ]);
    expect([lastSweep, missingPermissions]).toEqual([null, null]);
  });

  it("shows nothing of an error it does not know", async () => {
    failing = new Error("Endpoint=sb://x;SharedAccessKey=secret");
    expect(JSON.stringify(await health().details())).not.toContain("secret");
  });

  it("asks nobody with settings that are wrong", async () => {
    const settings = {
      probe: () => Promise.reject(new MigrationError("fatal", "InvalidSettings", "DataStorage: expected …")),
    };
    const { connections, status } = await health({ settings }).details();
    expect([status, connections.map(({ code }) => code), probes]).toEqual([
      "unhealthy",
      ["InvalidSettings"],
      0,
    ]);
  });

  it("says to anybody yes or no, and asks anew after some seconds, for all who ask", async () => {
    const { isHealthy } = health();
    expect(await Promise.all([isHealthy(), isHealthy(), isHealthy()])).toEqual([true, true, true]);
    failing = away;
    vi.advanceTimersByTime(4_999);
    expect([await isHealthy(), probes]).toEqual([true, 1]);
    vi.advanceTimersByTime(1);
    expect([await isHealthy(), probes]).toEqual([false, 2]);
    failing = undefined;
    vi.advanceTimersByTime(1_000);
    expect(await isHealthy()).toBe(true);
  });

  it("names permissions that the token lacks, and says where that is right", async () => {
    const { details } = health({
      lackingPermissions: async () => [appPermissions.users, appPermissions.mail],
    });
    expect((await details()).missingPermissions).toEqual([
      {
        name: "User.Read.All",
        optional: false,
        message: "The token does not name it. No mailbox is found by its address.",
      },
      {
        name: "Mail.ReadWrite",
        optional: false,
        message:
          'The token does not name it. Nothing is copied. That is right if Exchange gives "Application Mail.ReadWrite" for a group.',
      },
    ]);
  });
});

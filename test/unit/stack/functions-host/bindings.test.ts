import { describe, expect, test } from "vitest";
import { compileBlobPath } from "../../../stack/functions-host/blob-path.ts";
import { parseHostConfig } from "../../../stack/functions-host/host-config.ts";
import { compileRoute } from "../../../stack/functions-host/http-routes.ts";
import { parseSchedule } from "../../../stack/functions-host/ncrontab.ts";
import { connectionOf, isDisabled, resolveSettings } from "../../../stack/functions-host/settings.ts";

describe("NCRONTAB", () => {
  test.each([
    ["0 0 3 * * *", "2026-11-24T03:00:00Z", "2026-11-25T03:00:00Z"],
    ["0 0 3 * * *", "2026-11-24T02:59:59.999Z", "2026-11-24T03:00:00Z"],
    ["*/20 * * * * *", "2026-11-24T00:00:20Z", "2026-11-24T00:00:40Z"],
    ["0 */5 * * * *", "2026-11-24T23:56:00Z", "2026-11-25T00:00:00Z"],
    ["30 15-17 8,20 * * *", "2026-11-24T08:17:30Z", "2026-11-24T20:15:30Z"],
    ["0 0 0 29 2 *", "2026-11-24T00:00:00Z", "2028-02-29T00:00:00Z"],
    ["0 0 9 * Jan Mon-Fri", "2026-11-24T00:00:00Z", "2027-01-01T09:00:00Z"],
    ["0 0 0 1 * sun", "2026-11-24T00:00:00Z", "2027-08-01T00:00:00Z"],
    ["0 12 * * *", "2026-11-24T12:00:00Z", "2026-11-25T12:00:00Z"],
    ["0 5/20 * * * *", "2026-11-24T10:05:00Z", "2026-11-24T10:25:00Z"],
  ])("%s after %s is %s", (expression, after, next) => {
    expect(parseSchedule(expression).next(new Date(after))).toEqual(new Date(next));
  });

  test.each([
    "* * * *",
    "60 * * * * *",
    "0 0 0 0 * *",
    "0 0 0 * * 7",
    "0 0 5-3 * * *",
    "0 */0 * * * *",
    "x * * * * *",
  ])("refuses %s", (expression) => {
    expect(() => parseSchedule(expression)).toThrow(SyntaxError);
  });

  test("says when a date never comes", () => {
    expect(() => parseSchedule("0 0 0 30 2 *").next(new Date())).toThrow(RangeError);
  });
});

describe("blob path", () => {
  test.each([
    ["uploads/{name}", "a/b.csv", { name: "a/b.csv" }],
    ["uploads/{endpoint}/{batch}.csv", "ep/b.csv", { endpoint: "ep", batch: "b" }],
    ["uploads/{endpoint}/{batch}.csv", "a/b/c.csv", { endpoint: "a/b", batch: "c" }],
    ["uploads/{endpoint}/{batch}.csv", "ep/.csv", { endpoint: "ep", batch: "" }],
    ["uploads/{endpoint}/{batch}.csv", "ep/b.CSV", undefined],
    ["uploads/{endpoint}/{batch}.csv", "ep/b.csvx", undefined],
    ["uploads/{{x}}{a}.csv", "{x}1.csv", { a: "1" }],
    ["uploads", "anything", {}],
  ])("%s and %s", (path, blob, values) => {
    expect(compileBlobPath(path).match(blob)).toEqual(values);
  });

  test.each(["{container}/a", "uploads/{a", "/a"])("refuses %s", (path) => {
    expect(() => compileBlobPath(path)).toThrow(SyntaxError);
  });
});

describe("route", () => {
  test.each([
    ["api/batches/{batch}", "/api/Batches/B%20x", { batch: "B x" }],
    ["api/batches/{batch}", "/api/batches/", undefined],
    ["api/batches/{batch}", "/api/batches/a/b", undefined],
    ["api/batches/{batch?}", "/api/batches", {}],
    [
      "api/{id:guid}/x",
      "/api/00000000-0000-0000-0000-00000000000A/x",
      { id: "00000000-0000-0000-0000-00000000000A" },
    ],
    ["api/{id:guid}/x", "/api/1/x", undefined],
    ["api/{*rest}", "/api", {}],
    ["api/{*rest}", "/api/a/b%2Fc", { rest: "a/b/c" }],
  ])("%s and %s", (template, path, parameters) => {
    expect(compileRoute(template).match(path)).toEqual(parameters);
  });

  test("puts literals before parameters and parameters before the rest", () => {
    const templates = ["api/{*rest}", "api/{id}/x", "api/{id:int}/x", "api/a/x", "api/{id}"];
    const ordered = templates.toSorted((a, b) =>
      compileRoute(a).precedence < compileRoute(b).precedence ? -1 : 1,
    );
    expect(ordered).toEqual(["api/a/x", "api/{id:int}/x", "api/{id}", "api/{id}/x", "api/{*rest}"]);
  });

  test.each(["api/a{b}c", "api/{a:range(1,2)}"])("refuses %s", (template) => {
    expect(() => compileRoute(template)).toThrow(SyntaxError);
  });
});

describe("host.json", () => {
  test("has the real host's defaults", () => {
    const { functionTimeout, logging, extensions } = parseHostConfig('{"version":"2.0"}');
    expect(functionTimeout).toBe(1_800_000);
    expect(logging.logLevel).toEqual({ default: "information" });
    expect(extensions.http.routePrefix).toBe("api");
    expect(extensions.blobs).toEqual({ maxDegreeOfParallelism: 8, poisonBlobThreshold: 5 });
    expect(extensions.serviceBus).toEqual({
      prefetchCount: 0,
      autoCompleteMessages: true,
      maxAutoLockRenewalDuration: 300_000,
      maxConcurrentCalls: 16,
      maxConcurrentSessions: 8,
      sessionIdleTimeout: 60_000,
    });
  });

  test.each([
    ["00:00:01.5", 1_500],
    ["1.02:03:04", 93_784_000],
    ["-1", Number.POSITIVE_INFINITY],
  ])("reads the time span %s", (functionTimeout, milliseconds) => {
    expect(parseHostConfig(JSON.stringify({ version: "2.0", functionTimeout })).functionTimeout).toBe(
      milliseconds,
    );
  });

  test("names what is wrong", () => {
    const text = JSON.stringify({ version: "2.0", extensions: { serviceBus: { maxConcurrentCalls: 0 } } });
    expect(() => parseHostConfig(text)).toThrow("maxConcurrentCalls");
  });
});

describe("settings", () => {
  test("are put in place of their names", () => {
    expect(resolveSettings("a-%QUEUE%-%N%", { QUEUE: "q", N: "1" })).toBe("a-q-1");
    expect(() => resolveSettings("%QUEUE%", {})).toThrow("QUEUE");
  });

  test.each([
    ["a connection string", { Data: "x=y" }, { kind: "connectionString", connectionString: "x=y" }],
    ["the prefixed name", { AzureWebJobsData: "x" }, { kind: "connectionString", connectionString: "x" }],
    [
      "an identity",
      { Data__blobServiceUri: "https://a", Data__credential: "managedidentity" },
      { kind: "identity", options: { blobserviceuri: "https://a", credential: "managedidentity" } },
    ],
  ])("hold a connection as %s", (_, settings, connection) => {
    expect(connectionOf("Data", settings)).toEqual(connection);
  });

  test("switch a function off", () => {
    expect(isDisabled("f", { "AzureWebJobs.f.Disabled": "True" })).toBe(true);
    expect(isDisabled("f", { "AzureWebJobs.f.Disabled": "false" })).toBe(false);
  });
});

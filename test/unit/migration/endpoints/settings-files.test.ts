import { describe, expect, it } from "vitest";
import { defaultBatchOptions } from "../../../../shared/domain/batch-options.ts";
import { parseEndpointFile } from "../../../../shared/migration/endpoints/endpoint-file.ts";
import { parseBatchOptionsFile } from "../../../../shared/migration/upload/batch-options-file.ts";

describe("an endpoint file", () => {
  it("gets defaults for what it leaves out", () => {
    expect(parseEndpointFile('\uFEFF{ "host": "imap.contoso.com" }')).toMatchObject({
      value: { host: "imap.contoso.com", port: 993, security: "ssl", maxConcurrentMigrations: 20 },
    });
  });

  it("is refused with every key that is wrong", () => {
    const parsed = parseEndpointFile(
      '{ "port": "993", "securty": "ssl", "tokenSource": { "type": "x", "secret": "s" } }',
    );
    if ("value" in parsed) throw new Error("the file was taken");
    const paths = parsed.issues.map(({ path }) => path);
    expect(paths).toEqual(
      expect.arrayContaining(["host", "port", "tokenSource.type", "tokenSource.secret", "securty"]),
    );
    expect(parsed.issues.find(({ path }) => path === "securty")?.message).toContain(
      'Did you mean "security"?',
    );
    expect(parsed.issues.find(({ path }) => path === "port")?.message).toMatch(/expected number/);
  });

  it.each([
    ["", /empty/],
    ["{", /line 1, column 2/],
    ['{\n  "host": "a",\n  "port": 143,\n}', /line 4, column 1/],
    ["[]", /expected object/],
  ])("is refused when it holds %j", (text, message) => {
    const parsed = parseEndpointFile(text);
    if ("value" in parsed) throw new Error("the file was taken");
    expect(parsed.issues).toHaveLength(1);
    expect(parsed.issues[0]).toMatchObject({ path: "", message: expect.stringMatching(message) });
  });

  it("is read where it still has a key that was dropped, whatever it says", () => {
    const settings = parseEndpointFile('{ "host": "a" }');
    expect(settings).toHaveProperty("value.host", "a");
    expect(parseEndpointFile('{ "host": "a", "maxConnectionsPerMailbox": 1 }')).toEqual(settings);
    expect(parseEndpointFile('{ "host": "a", "maxConnectionsPerMailbox": 4 }')).toEqual(settings);
    expect(parseEndpointFile('{ "host": "a", "maxConnectionPerMailbox": 1 }')).toEqual({
      issues: [{ path: "maxConnectionPerMailbox", message: expect.stringContaining("no such setting") }],
    });
  });

  it("protects its server by rates and by hours of the day", () => {
    const readingHours = { from: "20:00", to: "06:00", timeZone: "Europe/Berlin" };
    const limits = { maxBytesPerSecond: 10_000, maxMessagesPerSecond: 1, readingHours };
    expect(parseEndpointFile(JSON.stringify({ host: "a", ...limits }))).toMatchObject({ value: limits });
  });

  it.each([
    [{ maxBytesPerSecond: 9_999 }, "maxBytesPerSecond", /10000/],
    [{ maxMessagesPerSecond: 0.5 }, "maxMessagesPerSecond", /int/],
    [{ readingHours: "20:00-06:00" }, "readingHours", /expected object/],
    [{ readingHours: { from: "20:00", to: "06:00" } }, "readingHours.timeZone", /expected string/],
    [{ readingHours: { from: "8 pm", to: "06:00", timeZone: "UTC" } }, "readingHours.from", /"00:00"/],
    [{ readingHours: { from: "20:00", to: "24:00", timeZone: "UTC" } }, "readingHours.to", /"23:59"/],
    [{ readingHours: { from: "20:00", to: "20:00", timeZone: "UTC" } }, "readingHours.to", /same as from/],
    [
      { readingHours: { from: "20:00", to: "06:00", timeZone: "Mars/Base" } },
      "readingHours.timeZone",
      /IANA/,
    ],
    [{ readingHours: { from: "20:00", to: "06:00", timeZone: "+01:00" } }, "readingHours.timeZone", /IANA/],
    [
      { readingHours: { from: "20:00", to: "06:00", timeZone: "UTC", day: 1 } },
      "readingHours.day",
      /no such/,
    ],
  ])("is refused where it would protect its server by %j", (limits, path, message) => {
    expect(parseEndpointFile(JSON.stringify({ host: "a", ...limits }))).toEqual({
      issues: [{ path, message: expect.stringMatching(message) }],
    });
  });

  it("is not read where it is larger than settings are", () => {
    const large = {
      issues: [{ path: "", message: expect.stringContaining("larger than 65536 characters") }],
    };
    expect(parseEndpointFile(" ".repeat(70_000))).toEqual(large);
    expect(parseEndpointFile(`{ "host": "a" }${" ".repeat(70_000)}`)).toEqual(large);
  });

  it("is refused with a few of its faults, and how many more there are", () => {
    const keys = Array.from({ length: 5_000 }, (_, n) => `"k${n}":0`).join(",");
    const parsed = parseEndpointFile(`{ "host": "a", ${keys} }`);
    expect("issues" in parsed && parsed.issues).toHaveLength(21);
    expect("issues" in parsed && parsed.issues.at(-1)?.message).toBe("Another 4980 settings need attention.");
    const long = parseEndpointFile(`{ "host": "a", "${"k".repeat(50_000)}": 0 }`);
    expect(JSON.stringify(long).length).toBeLessThan(300);
  });

  it("never shows a value", () => {
    for (const text of ['{"host":"canary"', '{"port":"canary"}', '{"security":"canary"}', '"canary" x']) {
      const parsed = parseEndpointFile(text);
      expect("issues" in parsed && JSON.stringify(parsed.issues)).not.toContain("canary");
    }
  });
});

describe("a batch options file", () => {
  it("gets defaults, and instants as milliseconds", () => {
    expect(parseBatchOptionsFile("{}")).toEqual({ value: defaultBatchOptions });
    expect(parseBatchOptionsFile('{ "startAfter": "2026-03-01T22:00:00+01:00" }')).toMatchObject({
      value: { startAfter: Date.UTC(2026, 2, 1, 21) },
    });
  });

  it("names what it does not know and what it expected", () => {
    const parsed = parseBatchOptionsFile(
      '{ "autostart": true, "startAfter": "tomorrow", "maxItemSize": -1 }',
    );
    if ("value" in parsed) throw new Error("the file was taken");
    expect(parsed.issues.map(({ path }) => path).sort()).toEqual(["autostart", "maxItemSize", "startAfter"]);
    expect(JSON.stringify(parsed.issues)).toContain('Did you mean \\"autoStart\\"?');
  });
});

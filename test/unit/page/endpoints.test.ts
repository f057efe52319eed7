import { describe, expect, it } from "vitest";
import {
  protectionFaultsOf,
  protectionOf,
  withProtection,
} from "../../../functions/page/endpoints/protection.ts";
import { endpointSchema } from "../../../shared/domain/endpoint.ts";

const endpoint = (more: object) => endpointSchema.parse({ host: "imap.contoso.com", ...more });
const plain = protectionOf(endpoint({}), "Europe/Berlin");

describe("how much is asked of a server", () => {
  it("a form shows all that is set, and sends what it has shown", () => {
    const settings = endpoint({
      rootFolder: "INBOX",
      maxConcurrentMigrations: 4,
      maxBytesPerSecond: 2_500_000,
      maxMessagesPerSecond: 20,
      maxBytesPerDayPerMailbox: 1_234_567,
      readingHours: { from: "20:00", to: "06:00", timeZone: "America/New_York" },
    });
    const draft = protectionOf(settings, "Europe/Berlin");
    expect(draft).toMatchObject({ megabytesPerSecond: "2.5", from: "20:00", timeZone: "America/New_York" });
    expect(protectionFaultsOf(draft)).toEqual([]);
    expect(withProtection(settings, draft)).toEqual(settings);
  });

  it("what is emptied is no longer asked for, and all else stays", () => {
    const settings = endpoint({ rootFolder: "INBOX", maxBytesPerSecond: 50_000 });
    const changed = withProtection(settings, { ...plain, megabytesPerSecond: " " });
    expect(changed).toEqual(endpoint({ rootFolder: "INBOX" }));
  });

  it("what it sends is what an endpoint takes", () => {
    const draft = {
      ...plain,
      megabytesPerSecond: "0,5",
      maxMessagesPerSecond: "3",
      from: "20:00",
      to: "06:00",
    };
    expect(endpointSchema.parse(withProtection(endpoint({}), draft))).toMatchObject({
      maxBytesPerSecond: 500_000,
      maxMessagesPerSecond: 3,
      readingHours: { from: "20:00", to: "06:00", timeZone: "Europe/Berlin" },
    });
  });

  it.each([
    [{ megabytesPerSecond: "0.001" }, "megabytesPerSecond"],
    [{ megabytesPerSecond: "fast" }, "megabytesPerSecond"],
    [{ megabytesPerDay: "0" }, "megabytesPerDay"],
    [{ maxMessagesPerSecond: "1.5" }, "maxMessagesPerSecond"],
    [{ maxConcurrentMigrations: "" }, "maxConcurrentMigrations"],
    [{ from: "20:00" }, "to"],
    [{ to: "06:00" }, "from"],
    [{ from: "20:00", to: "20:00" }, "to"],
    [{ from: "20:00", to: "06:00", timeZone: "" }, "timeZone"],
  ] as const)("says what is wrong with %j", (change, field) => {
    expect(protectionFaultsOf({ ...plain, ...change }).map((fault) => fault.field)).toEqual([field]);
  });
});

import { describe, expect, it } from "vitest";
import { sourceAccount } from "../../../shared/domain/credentials.ts";
import { providerOf } from "../../../shared/domain/providers.ts";
import { parseEndpointFile } from "../../../shared/migration/endpoints/endpoint-file.ts";
import { describeWarnings, folderWarnings } from "../../../shared/migration/warnings.ts";

function settingsOf(file: object): object {
  const parsed = parseEndpointFile(JSON.stringify(file));
  return "value" in parsed ? parsed.value : parsed;
}

/** A folder of which everything is copied. */
const showing = (total: number, shown?: number) => ({
  state: "active" as const,
  counts: { total, shown, synced: total, skipped: 0 },
});

describe("a well-known provider", () => {
  it("is known by the name of its server, however it is written", () => {
    expect(providerOf(" IMAP.Gmail.com. ")?.name).toBe("Gmail");
    expect(providerOf("imap.gmail.com.contoso.com")).toBeUndefined();
  });

  it("limits the bytes a day, unless the file says otherwise", () => {
    expect(settingsOf({ host: "imap.gmail.com" })).toMatchObject({ maxBytesPerDayPerMailbox: 2_500_000_000 });
    expect(settingsOf({ host: "imap.gmail.com", maxBytesPerDayPerMailbox: 7 })).toMatchObject({
      maxBytesPerDayPerMailbox: 7,
    });
    expect(settingsOf({ host: "imap.contoso.com" })).not.toHaveProperty("maxBytesPerDayPerMailbox");
  });

  it("shows the same mailboxes by each of its servers", () => {
    const account = (host: string) => sourceAccount({ host }, "Alice@yahoo.com");
    expect(account("export.imap.mail.yahoo.com")).toBe(account("imap.mail.yahoo.com"));
    expect(account("imap.mail.yahoo.com")).toBe("imap.mail.yahoo.com alice@yahoo.com");
    expect(account("imap.aol.com")).not.toBe(account("imap.mail.yahoo.com"));
  });

  it.each([
    ["imap.gmail.com", 2_000, "Gmail's settings"],
    ["imap.mail.yahoo.com", 10_000, "export.imap.mail.yahoo.com"],
    ["imap.aol.com", 10_000, "export.imap.aol.com"],
  ])("%s may hide messages of a folder that shows %i", (host, messages, remedy) => {
    const provider = providerOf(host);
    expect(describeWarnings(folderWarnings(showing(messages), provider), provider)).toMatchObject([
      { code: "FolderCapReached", count: 1, remedy: expect.stringContaining(remedy) },
    ]);
    for (const other of [0, messages - 1, messages + 1])
      expect(folderWarnings(showing(other), provider)).toEqual({});
  });

  it("is the only one that is suspected of it", () => {
    const part = showing(40, 5_000);
    expect(folderWarnings(part, providerOf("imap.gmail.com"))).toEqual({ FolderCapReached: 1 });
    expect(folderWarnings(showing(10_000), providerOf("imap.contoso.com"))).toEqual({});
    expect(folderWarnings(showing(10_000), providerOf("imap.fastmail.com"))).toEqual({});
  });
});

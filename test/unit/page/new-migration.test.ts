import { describe, expect, it } from "vitest";
import {
  batchOptionsOf,
  type Draft,
  emptyDraft,
  endpointOf,
  faultsOf,
  nameFrom,
} from "../../../functions/page/new/draft.ts";
import { optionLines } from "../../../functions/page/options/options-text.ts";
import { batchOptionsSchema } from "../../../shared/domain/batch-options.ts";
import { endpointSchema } from "../../../shared/domain/endpoint.ts";

const filled: Draft = {
  ...emptyDraft,
  host: " imap.contoso.com ",
  endpoint: "contoso",
  batch: "pilot",
  excludeFolders: "Spam/*\n\n#JunkEmail#",
  renameFolders: "Sent = Sent Items",
  receivedSince: "2020-01-01",
  maxItemMegabytes: "25",
  skippedItemLimit: "0",
  start: "byHand",
};
const noticed: Draft = {
  ...emptyDraft,
  targetRootFolder: "Old mail/Until 2026",
  adoptExisting: "folder",
  rehearse: true,
  notificationEmails: "it@contoso.com\nboss@contoso.com\n",
  reportIntervalHours: "12",
};
const fields = (step: number, draft: Draft, file?: { validRows: number }) =>
  faultsOf(step, draft, file).map(({ field }) => field);

describe("what the steps make is what the API takes", () => {
  it("options", () => {
    expect(batchOptionsOf(filled)).toEqual({
      excludeFolders: ["Spam/*", "#JunkEmail#"],
      renameFolders: { Sent: "Sent Items" },
      receivedSince: "2020-01-01T00:00:00Z",
      maxItemSize: 25_000_000,
      skippedItemLimit: 0,
      testLogins: true,
      autoStart: false,
    });
    expect(batchOptionsOf(noticed)).toEqual({
      testLogins: true,
      targetRootFolder: "Old mail/Until 2026",
      adoptExisting: "folder",
      dryRun: true,
      notificationEmails: ["it@contoso.com", "boss@contoso.com"],
      reportIntervalHours: 12,
    });
    for (const draft of [
      filled,
      emptyDraft,
      noticed,
      { ...filled, start: "later", startAfter: "2026-12-05T20:00" } as const,
    ])
      expect(batchOptionsSchema.safeParse(batchOptionsOf(draft)).error).toBeUndefined();
  });

  it("the endpoint", () => {
    expect(endpointOf(filled)).toEqual({ host: "imap.contoso.com", port: 993, security: "ssl" });
    const insecure = endpointOf({
      ...filled,
      security: "none",
      allowInsecure: true,
      maxConcurrentMigrations: "5",
    });
    expect(endpointSchema.parse(insecure)).toMatchObject({
      security: "none",
      allowInsecure: true,
      maxConcurrentMigrations: 5,
    });
  });

  it("names", () => {
    expect(nameFrom("mail.contoso.com")).toBe("mail-contoso");
    expect(nameFrom("Vertrieb (neu).csv")).toBe("Vertrieb-neu");
  });
});

describe("what is missing", () => {
  it("nothing, once all is filled in", () => {
    for (const step of [1, 2, 3, 4, 5, 6]) expect(fields(step, filled, { validRows: 2 })).toEqual([]);
  });

  it.each<[number, Partial<Draft>, { validRows: number } | undefined, string[]]>([
    [1, { host: " " }, undefined, ["host"]],
    [1, { port: "70000" }, undefined, ["port"]],
    [1, { security: "none" }, undefined, ["allowInsecure"]],
    [1, { endpointMode: "existing", endpoint: "", host: "" }, undefined, ["endpoint"]],
    [2, { batch: "a b" }, { validRows: 1 }, ["batch"]],
    [2, {}, undefined, ["csv"]],
    [2, {}, { validRows: 0 }, ["csv"]],
    [3, { endpoint: "-" }, undefined, ["endpoint"]],
    [4, { maxItemMegabytes: "many" }, undefined, ["maxItemMegabytes"]],
    [4, { receivedBefore: "2019-01-01" }, undefined, ["receivedBefore"]],
    [4, { renameFolders: "Sent" }, undefined, ["renameFolders"]],
    [5, { start: "later" }, undefined, ["startAfter"]],
  ])("step %i with %j", (step, change, file, expected) => {
    expect(fields(step, { ...filled, ...change }, file)).toEqual(expected);
  });
});

it("what was chosen is told in words, and all of it", () => {
  const told = (draft: Draft) => Object.fromEntries(optionLines(batchOptionsOf(draft)));
  expect(told(filled)).toEqual({
    "Folders left out": "Spam/*, #JunkEmail#",
    "Folders renamed": "Sent becomes Sent Items",
    "Received on or after": "2020-01-01",
    "Largest message": "25 MB; larger ones are left out and listed",
    "Skipped messages": "A mailbox with more than 0 fails",
    Logins: "All are tested before anything is copied",
    Start: "When you start it",
  });
  expect(told(noticed)).toMatchObject({
    "Put below": "Old mail/Until 2026",
    Mails: "To it@contoso.com, boss@contoso.com, with a report every 12 h",
    Start: "As soon as the CSV is read",
  });
  // An option without words would be missing where an operator looks before the start.
  const all = batchOptionsOf({ ...filled, ...noticed, start: "byHand", propagateDeletes: true });
  const unsaid = Object.entries(all)
    .filter(([name, value]) => optionLines({ [name]: value }).every(([line]) => line === "Start"))
    .map(([name]) => name);
  expect(unsaid.sort()).toEqual(["autoStart", "reportIntervalHours"]);
});

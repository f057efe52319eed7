import { describe, expect, it } from "vitest";
import {
  forgetQuestionOf,
  mailboxActionsOf,
  manyQuestionOf,
  retryQuestionOf,
} from "../../../functions/page/batch/acts.ts";
import { detailsOf } from "../../../functions/page/batch/history-text.ts";
import { allBy, filterOf, isBehind } from "../../../functions/page/batch/mailbox-query.ts";
import { lineOf, ratesOf } from "../../../functions/page/batch/rates.ts";
import {
  copyFaultsOf,
  draftOf,
  emptyOptions,
  noticeFaultsOf,
  optionsOf,
  patchOf,
} from "../../../functions/page/options/options.ts";
import { batchOptionsSchema, defaultBatchOptions } from "../../../shared/domain/batch-options.ts";
import { optionsView } from "../../../shared/migration/status/options-view.ts";

const written = {
  excludeFolders: ["Spam/*"],
  includeFolders: ["Projects/*", "Sent"],
  renameFolders: { Sent: "Sent Items" },
  subscribedOnly: true,
  targetRootFolder: "Old mail",
  receivedSince: "2020-01-01T00:00:00Z",
  receivedBefore: "2026-01-01T00:00:00Z",
  maxItemSize: 26_214_400,
  skippedItemLimit: 0,
  propagateDeletes: true,
  adoptExisting: "folder",
  completeAfter: "2026-12-24T10:30:00.000Z",
  notificationEmails: ["it@contoso.com"],
  reportIntervalHours: 12,
} as const;

describe("options of a batch that is there", () => {
  it("a form shows every one of them, and sends what it has shown", () => {
    const draft = draftOf(optionsView(batchOptionsSchema.parse(written)));
    expect(optionsOf(draft)).toEqual(written);
    expect([...copyFaultsOf(draft), ...noticeFaultsOf(draft)]).toEqual([]);
  });

  it("the defaults are an empty form", () => {
    expect(draftOf(optionsView(defaultBatchOptions))).toEqual(emptyOptions);
  });

  it("only what was changed is sent, and null for the default", () => {
    const before = draftOf(optionsView(batchOptionsSchema.parse(written)));
    expect(patchOf(before, before)).toEqual({});
    expect(patchOf(before, { ...before, skippedItemLimit: "", excludeFolders: "Spam/*\nJunk" })).toEqual({
      skippedItemLimit: null,
      excludeFolders: ["Spam/*", "Junk"],
    });
  });
});

describe("acts on mailboxes", () => {
  it.each([
    ["Failed", ["retry"]],
    ["Synced", ["sync", "stop"]],
    ["Stopped", ["start"]],
    ["Syncing", ["stop"]],
    ["Completed", []],
  ] as const)("%s", (status, actions) => expect(mailboxActionsOf({ status })).toEqual(actions));

  it("all that fit can be meant: by what is filtered for, or by name where a text is searched for", () => {
    const filter = { search: "", status: "Failed", errorCode: "", orderBy: "status", descending: false };
    expect(allBy(filter, 40_000)).toBe("filter");
    expect(filterOf(filter)).toEqual({ status: "Failed" });
    expect(allBy({ ...filter, search: "anna" }, 1_000)).toBe("name");
    expect(allBy({ ...filter, search: "anna" }, 1_001)).toBeUndefined();
    expect(allBy({ ...filter, status: "" }, 10)).toBeUndefined();
  });

  it("a list that tells of fewer mailboxes than the batch is asked for again soon", () => {
    const list = (status: Record<string, number>) => ({ facets: { status, errorCode: {} } });
    expect(isBehind(list({ Created: 12_000 }), { totalCount: 50_000 })).toBe(true);
    expect(isBehind(list({ Created: 49_000, Failed: 1_000 }), { totalCount: 50_000 })).toBe(false);
    expect(isBehind(list({ Synced: 1, Syncing: 1 }), { totalCount: 2 })).toBe(true);
  });

  it("a retry after lost folders says what it removes", () => {
    expect(retryQuestionOf(2, "TooManyDeletions").text).toContain("2 mailboxes lost over a fifth");
    expect(manyQuestionOf("sync", 3)).toBeUndefined();
  });

  it("to forget copies, which doubles what is still there, somebody has to type whose", () => {
    const { text, typed } = forgetQuestionOf("anna@contoso.com", "anna@contoso.com");
    expect(text).toContain("is there twice then");
    expect(typed).toBe("anna@contoso.com");
  });
});

it("history says who was meant, or what was changed", () => {
  const entry = {
    at: "",
    by: "app",
    act: "retry",
    operation: 1,
    mailboxes: null,
    filter: null,
    changes: [],
  } as const;
  expect(detailsOf(entry)).toBe("The batch");
  expect(detailsOf({ ...entry, mailboxes: 3 })).toBe("3 mailboxes");
  expect(detailsOf({ ...entry, filter: { errorCode: "AuthenticationFailed" } })).toBe(
    "Mailboxes with AuthenticationFailed",
  );
  expect(detailsOf({ ...entry, changes: [{ option: "skippedItemLimit", before: "null", after: "5" }] })).toBe(
    "skippedItemLimit: nothing to 5",
  );
});

it("rates are what came between two samples, drawn from the left to the right", () => {
  const sample = (minute: number, itemCount: number) => ({
    at: `2026-11-30T12:0${minute}:00.000Z`,
    itemCount,
    bytesTransferred: 0,
  });
  const rates = ratesOf([sample(0, 100), sample(1, 160), sample(3, 180)]);
  expect(rates.map(({ perMinute }) => perMinute)).toEqual([60, 10]);
  expect(lineOf(rates, 100, 40)).toBe("0.0,1.0 100.0,32.7");
});

import { Readable } from "node:stream";
import { describe, expect, it } from "vitest";
import type { HistoryEntryView, MailboxDetails } from "../../../functions/page/api/types.ts";
import { approvalOf, unapprovedByCode } from "../../../functions/page/batch/approval.ts";
import { rateOf, readyOf } from "../../../functions/page/batches/figures.ts";
import { durationsOf } from "../../../functions/page/mailbox/durations-text.ts";
import { eventsOf } from "../../../functions/page/mailbox/events-text.ts";
import { foldersInOrder } from "../../../functions/page/mailbox/folders-in-order.ts";
import { passwordRow } from "../../../functions/page/mailbox/password-row.ts";
import { warningsByRemedy } from "../../../functions/page/mailbox/warnings-by-remedy.ts";
import { openMigrationFile } from "../../../shared/migration/upload/migration-file.ts";

const at = (minute: number) => `2026-11-30T12:${String(minute).padStart(2, "0")}:00.000Z`;
const anna: MailboxDetails = {
  id: "a".repeat(32),
  emailAddress: "anna@contoso.example",
  userName: "anna",
  userRoot: null,
  status: "Synced",
  startedAt: at(1),
  lastSyncedAt: at(5),
  nextAttemptAt: null,
  syncedItemCount: 9,
  skippedItemCount: 0,
  unapprovedItemCount: 0,
  unapprovedItems: {},
  totalItemsInSourceMailboxCount: 9,
  bytesTransferred: 900,
  estimatedTotalTransferSize: 900,
  itemsPerMinute: 0,
  bytesPerMinute: 0,
  estimatedCompletion: null,
  estimateBasis: "all",
  noEstimate: "done",
  durations: { queued: 1, inProgress: 2, paused: 0, synced: 3 },
  percentageComplete: 100,
  error: null,
  warnings: [],
  verification: null,
  rehearsal: null,
  undo: null,
  folders: [],
  skippedItems: [],
};
const act = (minute: number, name: HistoryEntryView["act"], mailboxes: number | null): HistoryEntryView => ({
  at: at(minute),
  by: "ann",
  act: name,
  operation: minute,
  mailboxes,
  filter: null,
  changes: [],
});

describe("the figures of a mailbox", () => {
  it("tell its rate, its end and its time in words", () => {
    expect([rateOf(anna), readyOf(anna, 0), durationsOf(anna.durations)]).toEqual([
      "-",
      "-",
      "queued 1 s, in progress 2 s, synced 3 s",
    ]);
    const copying = { itemsPerMinute: 1_200, bytesPerMinute: 5_000_000 };
    expect(rateOf(copying)).toMatch(/^1.200\/min, 5 MB\/min$/);
    const end = { estimatedCompletion: at(50), estimateBasis: "all", noEstimate: null } as const;
    expect(readyOf(end, Date.parse(at(20)))).toBe("in 30 min");
    expect(durationsOf({ queued: 0, inProgress: 0, paused: 0, synced: 0 })).toBe("-");
  });
});

describe("what happened to a mailbox", () => {
  it("is what people did and what came about, newest first", () => {
    const failed = { code: "AuthenticationFailed", message: "The login was refused.", at: at(7) };
    const events = eventsOf({ ...anna, error: failed }, [act(6, "sync", 1), act(0, "upload", null)]);
    expect(events.map(({ what, by }) => [what, by])).toEqual([
      ["AuthenticationFailed: The login was refused.", undefined],
      ["Sync: this mailbox", "ann"],
      ["The last sync ended", undefined],
      ["The first copy began", undefined],
      ["CSV read: The batch", "ann"],
    ]);
  });

  it("is the last fifty at most", () => {
    const events = eventsOf(
      anna,
      Array.from({ length: 59 }, (_, minute) => act(minute, "sync", 2)),
    );
    expect(events).toHaveLength(50);
    expect(events[0]?.at).toBe(at(58));
  });
});

describe("a new password", () => {
  it.each(["plain", ' two "quotes", a comma; and blanks ', "=1+1", "päß\u2019wörd", '"'])(
    "is read from the row as it was entered: %s",
    async (password) => {
      const mailbox = {
        emailAddress: "anna@contoso.example",
        userName: "contoso\\anna",
        userRoot: "#mh/anna",
      };
      const opened = await openMigrationFile(Readable.from([Buffer.from(passwordRow(mailbox, password))]), {
        allowUnknownColumns: false,
        authentication: "password",
      });
      const rows = [];
      if (!("issues" in opened)) for await (const row of opened.rows()) rows.push(row);
      expect(rows).toEqual([{ user: { line: 2, ...mailbox, password } }]);
    },
  );

  it("leaves a mailbox without a UserRoot without one", () => {
    expect(passwordRow(anna, "secret")).toContain('"anna@contoso.example","anna","secret",""');
  });
});

describe("skipped messages by code", () => {
  it("are added up over the mailboxes, the most frequent first", () => {
    const mailboxes = [{ Odd: 1, TooLarge: 3 }, { Odd: 4 }, {}].map((unapprovedItems) => ({
      unapprovedItems,
    }));
    expect(unapprovedByCode(mailboxes)).toEqual([
      ["Odd", 5],
      ["TooLarge", 3],
    ]);
  });

  it("are asked about without a number where it is not known", () => {
    const batch = { name: "pilot", dataConsistencyScore: "Investigate" } as const;
    expect(approvalOf(batch, undefined, "2 mailboxes").title).toBe("Accept what was skipped of 2 mailboxes?");
  });
});

it("folders are listed by their paths, the inbox first", () => {
  const paths = ["Sent", "INBOX/Älter", "archive", "INBOX"].map((path) => ({ path }));
  expect(foldersInOrder(paths).map(({ path }) => path)).toEqual(["INBOX", "INBOX/Älter", "archive", "Sent"]);
});

it("warnings for which the same is to be done stand together", () => {
  const warning = (code: string, remedy: string) => ({ code, remedy, count: 1, message: "" }) as never;
  const grouped = warningsByRemedy([warning("A", "Wait."), warning("B", "Look."), warning("C", "Wait.")]);
  expect(grouped.map(({ remedy, warnings }) => [remedy, warnings.map(({ code }) => code)])).toEqual([
    ["Wait.", ["A", "C"]],
    ["Look.", ["B"]],
  ]);
});

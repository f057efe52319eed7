import { describe, expect, it } from "vitest";
import {
  errorLines,
  mailboxLines,
  rehearsalLines,
  stepLines,
  verificationLines,
  watchLines,
} from "../../../infra/cli/answers.ts";
import { bar, table, wrapped } from "../../../infra/cli/format.ts";
import { migrate } from "../../../infra/cli/migrate.ts";
import { type Terminal, textOf } from "../../../infra/cli/terminal.ts";
import { defaultBatchOptions } from "../../../shared/domain/batch-options.ts";
import { newBatch } from "../../../shared/migration/batch/life.ts";
import { batchView, totalsOf } from "../../../shared/migration/status/batch-totals.ts";
import { mailboxView } from "../../../shared/migration/status/status.ts";
import { batchVerification } from "../../../shared/migration/status/verification-view.ts";
import { mailbox } from "../migration/sample-mailbox.ts";

const screen = { width: 80, colour: false, now: Date.UTC(2026, 0, 5, 9) };
const emailAddress = `${"a-very-long-name.".repeat(4)}@contoso.example`;
const error = { code: "TargetMailboxNotFound", message: "There is no mailbox. ".repeat(9), at: 1 };
const mailboxes = [
  mailbox("Synced", {
    emailAddress,
    syncedItemCount: 120_400,
    bytesTransferred: 31_000_000,
    lastSyncedAt: 5,
  }),
  mailbox("Failed", { error }),
  mailbox("Syncing", { emailAddress: "busy@contoso.example", totalItemCount: 10, syncedItemCount: 5 }),
];
const name = { batch: "pilot", displayName: "Pilot", endpoint: "contoso" } as unknown as Parameters<
  typeof newBatch
>[0];
const batch = { ...newBatch(name, defaultBatchOptions, 0), intent: "running", startedAt: 0 } as const;

describe("in 80 columns", () => {
  it("a batch that is watched fits, those at work first", () => {
    const view = batchView(batch, { totals: totalsOf(mailboxes), asOf: 5 }, screen.now);
    const shown = mailboxes.map((one) => mailboxView(one, batch, screen.now));
    const lines = watchLines(view, shown, { ...screen, height: 24 });
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
    const at = (text: string) => lines.findIndex((line) => line.startsWith(text));
    expect(at("busy@contoso")).toBeGreaterThan(0);
    expect(at("busy@contoso")).toBeLessThan(at("a-very-long"));
    expect(lines[0]).toMatch(/^Pilot {2}Syncing {2}\[#+-+\] \d+ %/);
  });

  it("of a long list as much is shown as there is room for", () => {
    const shown = Array.from({ length: 50 }, () => mailboxView(mailbox("Synced"), batch, screen.now));
    const view = { ...batchView(batch, { totals: totalsOf([]), asOf: 5 }, screen.now), totalCount: 50_000 };
    const lines = watchLines(view, shown, { ...screen, height: 24 });
    expect(lines.length).toBeLessThanOrEqual(24);
    expect(lines.at(-2)).toMatch(/^and 49,9\d\d more$/);
  });

  it("of a rehearsal that is watched it shows what was found, and speaks of no copies", () => {
    const rehearsed = { ...batch, options: { ...batch.options, dryRun: true } };
    const view = batchView(rehearsed, { totals: totalsOf(mailboxes), asOf: 5 }, screen.now);
    const shown = mailboxes.map((one) => mailboxView(one, rehearsed, screen.now));
    const text = watchLines(view, shown, { ...screen, height: 24 }).join("\n");
    expect(text).toMatch(/\] 33 % {2}rehearsal$/m);
    expect(text).toContain("1 of 3 looked at, 1 active, 1 failed");
    expect(text).not.toMatch(/copied/);
  });

  it("the test of an endpoint tells all of what it found", () => {
    const lines = stepLines(
      [{ step: "login", outcome: "failed", message: "It is not so. ".repeat(9) }],
      screen,
    );
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.map((line) => line.slice(0, 15).trim())).toEqual([
      "login  failed",
      ...lines.slice(1).map(() => ""),
    ]);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("long addresses and codes give way to figures", () => {
    const [head, long, failed] = mailboxLines(
      mailboxes.map((one) => mailboxView(one, batch, screen.now)),
      screen,
    );
    expect(head).toContain("Messages");
    expect(long).toContain("120,400");
    expect(failed).toContain("Failed");
  });

  it("failures are told by code, with what to do and some addresses", () => {
    const lines = errorLines(
      [{ code: error.code, mailboxes: 7, message: error.message, examples: ["a@contoso.example"] }],
      screen,
    );
    expect(lines[0]).toBe("TargetMailboxNotFound: 7 mailboxes");
    expect(lines.at(-1)).toBe("  and 6 more");
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("a rehearsal is a row a mailbox, with what does not fit, and their sum", () => {
    const rehearsal = {
      ...{ at: 1, folders: 3, foldersLeftOut: 0, items: 120_400, bytes: 31_000_000, itemsLeftOut: 2 },
      ...{ over35MB: 0, tooLarge: 1, adoptable: 0, ambiguous: 0, foldersEstimated: 0 },
    };
    const found = [
      mailbox("Completed", { emailAddress, rehearsal: { ...rehearsal, seconds: [1, 2], fits: false } }),
      mailbox("Completed", { rehearsal: { ...rehearsal, seconds: [1, 2] } }),
      mailbox("Failed", { error }),
    ].map((one) => mailboxView(one, batch, screen.now));
    const lines = rehearsalLines(found, screen);
    expect(lines[1]).toMatch(/ 120,400 .* 2 +1 +no$/);
    expect(lines[2]).toMatch(/ 120,400 .* 2 +1 +\?$/);
    expect(lines[3]).toContain("TargetMail");
    expect(lines[4]).toMatch(/^240,800 messages, .* Nothing was copied\.$/);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  it("a verification tells what differs, and apart from it what users did", () => {
    const verified = {
      ...{
        operation: 1,
        level: "items" as const,
        at: 1,
        compared: 40,
        waiting: 0,
        deletedAtSource: 0,
        sampled: 0,
      },
      counts: { Missing: 2, MovedInTarget: 3 },
    } as const;
    const lines = verificationLines(
      batchVerification([{ ...mailbox("Synced", { verification: verified }), changedAt: 1 }], 1),
      screen,
    );
    expect(lines).toEqual([
      "0 of 1 mailboxes are equal, 40 messages compared.",
      "x Missing: 2",
      "- by users, MovedInTarget: 3",
    ]);
  });

  it("bars, tables and sentences keep to their widths", () => {
    expect(bar(50, 10)).toBe("[#####-----]");
    expect(wrapped("one two three", 7, "  ")).toEqual(["  one", "  two", "  three"]);
    const wide = table([{ title: "A", of: (text: string) => text, gives: true }], ["x".repeat(99)], 20);
    expect(wide[1]).toHaveLength(20);
    const zeros = { title: "Skipped", of: (text: string) => text, empty: "0" };
    expect(table([zeros, { title: "A", of: () => "a" }], ["0", "0"])).toEqual(["A", "a", "a"]);
    expect(table([zeros], ["0", "7"])).toEqual(["Skipped", "0", "7"]);
  });
});

it("an empty list is JSON as well", () => {
  expect(textOf([])).toBe("[]");
  expect(textOf(["a line"])).toBe("a line");
});

describe("a wrong command line", () => {
  const run = async (...words: string[]) => {
    const lines: string[] = [];
    const terminal: Terminal = {
      ...screen,
      height: 24,
      live: false,
      write: (text) => void lines.push(text),
      show: (content) => void lines.push(textOf(content)),
    };
    const code = await migrate([...words, "--url", "http://127.0.0.1:1"], terminal, (line) =>
      lines.push(line),
    );
    return [code, lines.join("\n")] as const;
  };

  it.each([
    [["frobnicate"], "There is no command frobnicate."],
    [["start"], "start lacks: batch."],
    [["start", "a", "b"], "start takes no b."],
    [["start", "a", "--refresh"], "start takes no --refresh."],
    [["start", "a", "--nothing"], "--nothing"],
  ])("%j ends with 2", async (words, said) => {
    const [code, text] = await run(...words);
    expect(code).toBe(2);
    expect(text).toContain(said);
  });

  it("an app that is not there ends with 1, help with 0", async () => {
    expect((await run("list"))[0]).toBe(1);
    const [code, text] = await run("--help");
    expect(code).toBe(0);
    expect(text).toContain("cutover <batch>");
  });
});

import { describe, expect, it } from "vitest";
import type { BatchName, MailboxId } from "../../../../shared/domain/names.ts";
import type {
  HistoryEntry,
  OperationRecord,
  Selection,
} from "../../../../shared/migration/ports/registry.ts";
import { historyView } from "../../../../shared/migration/status/history-view.ts";

const [anna, ben] = ["anna", "ben"] as readonly string[] as readonly [MailboxId, MailboxId];
const operation = (seq: number, kind: string, selection: Selection) =>
  ({ seq, kind, selection, at: seq, by: "ann" }) as OperationRecord;
const operations = [
  operation(1, "upload", {}),
  operation(2, "stop", { mailboxes: [anna, ben] }),
  operation(3, "undo", { mailboxes: [ben] }),
  operation(4, "retry", { status: "Failed" }),
];
const change: HistoryEntry = {
  batch: "pilot" as BatchName,
  at: 5,
  by: "ann",
  act: "changeOptions",
  changes: [],
};

describe("the history", () => {
  it("of a batch has all that was done, newest first", () => {
    const acts = historyView(operations, [change]).map(({ act }) => act);
    expect(acts).toEqual(["changeOptions", "retry", "undo", "stop", "upload"]);
  });

  it("of a mailbox leaves out what named others", () => {
    const acts = historyView(operations, [change], anna).map(({ act }) => act);
    expect(acts).toEqual(["changeOptions", "retry", "stop", "upload"]);
  });
});

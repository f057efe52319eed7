import { describe, expect, test } from "vitest";
import {
  type LabelFolder,
  LabelPlaces,
  labelKeywords,
} from "../../../../shared/adapters/imap/gmail-labels.ts";

const allMail: LabelFolder = { path: "[Gmail]/All Mail", takesPart: true };
const folders: readonly LabelFolder[] = [
  { path: "INBOX", specialUse: "inbox", takesPart: true },
  { path: "[Gmail]/Sent Mail", specialUse: "sent", takesPart: true },
  { path: "[Gmail]/Drafts", specialUse: "drafts", takesPart: true },
  { path: "[Gmail]/Trash", specialUse: "trash", takesPart: true },
  { path: "Work", takesPart: true },
  { path: "Work/&AMQ-rger", takesPart: true },
  { path: "Old", takesPart: false },
  allMail,
];

describe("the folder of a message", () => {
  const places = new LabelPlaces(folders, allMail);

  test.each([
    [["\\Inbox"], "INBOX"],
    [["\\Sent", "Work", "\\Inbox"], "INBOX"],
    [["Work", "\\Sent"], "[Gmail]/Sent Mail"],
    [["\\Draft", "Work"], "[Gmail]/Drafts"],
    [["\\Trash", "\\Inbox"], "[Gmail]/Trash"],
    [["Work/&AMQ-rger", "Work"], "Work"],
    [["Work/&AMQ-rger"], "Work/&AMQ-rger"],
    [["\\Important", "\\Starred"], "[Gmail]/All Mail"],
    [[], "[Gmail]/All Mail"],
    [["Old"], undefined],
    [["Old", "Work"], "Work"],
    [["Hidden from IMAP"], "[Gmail]/All Mail"],
    [["\\Spam"], "[Gmail]/All Mail"],
  ])("of %j is %s", (labels, expected) => {
    expect(places.homeOf(labels)).toBe(expected);
  });

  test("is nowhere without a label where All Mail is hidden or left out", () => {
    const leftOut = { ...allMail, takesPart: false };
    expect(new LabelPlaces(folders, undefined).homeOf([])).toBeUndefined();
    expect(new LabelPlaces(folders, leftOut).homeOf([])).toBeUndefined();
    expect(new LabelPlaces(folders, leftOut).homeOf(["Work"])).toBe("Work");
  });

  test("may be another one when other folders take part, and the digest tells", () => {
    const digests = [
      folders,
      [...folders].reverse(),
      folders.slice(1),
      folders.map((folder) => ({ ...folder, takesPart: true })),
      [...folders, { path: "New", takesPart: true }],
    ].map((some) => new LabelPlaces(some, allMail).digest);
    expect(new Set(digests).size).toBe(4);
    expect(digests[0]).toBe(digests[1]);
    expect(new LabelPlaces(folders, undefined).digest).not.toBe(digests[0]);
  });
});

test("labels besides that of the folder are keywords in Unicode", () => {
  const labels = ["\\Inbox", "\\Important", "Work", "Work/&AMQ-rger", "A &- B"];
  expect(labelKeywords(labels, "Work")).toEqual(["Work/Ärger", "A & B"]);
});

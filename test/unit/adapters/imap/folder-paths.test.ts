import { describe, expect, test } from "vitest";
import {
  joinSegments,
  personalScope,
  userRootCandidates,
  userRootScope,
} from "../../../../shared/adapters/imap/folder-paths.ts";

const plain = { personal: [{ prefix: "", delimiter: "/" }], foreign: [] };
const courier = {
  personal: [{ prefix: "INBOX.", delimiter: "." }],
  foreign: [
    { prefix: "#shared.", delimiter: "." },
    { prefix: "shared.", delimiter: "." },
  ],
};
const cyrus = {
  personal: [{ prefix: "", delimiter: "/" }],
  foreign: [
    { prefix: "Other Users/", delimiter: "/" },
    { prefix: "Shared Folders/", delimiter: "/" },
  ],
};
const cyrusClassic = {
  personal: [{ prefix: "INBOX.", delimiter: "." }],
  foreign: [
    { prefix: "user.", delimiter: "." },
    { prefix: "", delimiter: "." },
  ],
};
const withArchive = {
  personal: [
    { prefix: "INBOX.", delimiter: "." },
    { prefix: "Archive.", delimiter: "." },
  ],
  foreign: [],
};

describe("personalScope", () => {
  test.each([
    ["INBOX", plain, "INBOX", ["INBOX"]],
    ["inbox in any case", plain, "Inbox", ["INBOX"]],
    ["a child of the inbox", plain, "inbox/Work", ["INBOX", "Work"]],
    ["an ordinary path", plain, "Work/2020", ["Work", "2020"]],
    ["encoded names", plain, "&AMQ-rger &- Co/&2D3eAA-", ["\u00c4rger & Co", "\u{1f600}"]],
    ["an encoded separator inside a name", plain, "a&AC8-b/c", ["a/b", "c"]],
    ["the other separator inside a name", courier, "INBOX.a/b", ["a/b"]],
    ["a prefix", courier, "INBOX.Sent.2020", ["Sent", "2020"]],
    ["a prefix in another case", courier, "Inbox.Sent", ["Sent"]],
    ["a folder named like the inbox below the prefix", courier, "INBOX.INBOX", ["INBOX", "INBOX"]],
    ["spaces at the ends", plain, " a /b ", [" a ", "b "]],
    ["another personal namespace keeps its name", withArchive, "Archive.2020", ["Archive", "2020"]],
    ["the root of another personal namespace", withArchive, "Archive", ["Archive"]],
  ])("%s", (_what, namespaces, path, segments) => {
    const separator = namespaces.personal[0]?.delimiter;
    expect(personalScope(namespaces).segmentsOf(path, separator)).toEqual(segments);
  });

  test.each([
    ["another user's folder", cyrus, "Other Users/bob/Work"],
    ["the root of a shared namespace", cyrus, "Shared Folders"],
    ["outside the prefix", courier, "Elsewhere"],
    ["a name that only starts like the inbox", courier, "INBOXES"],
    ["classic names of other users", cyrusClassic, "user.bob.Work"],
  ])("leaves out %s", (_what, namespaces, path) => {
    const separator = namespaces.personal[0]?.delimiter;
    expect(personalScope(namespaces).segmentsOf(path, separator)).toBeUndefined();
  });

  test("a personal folder that only starts like a shared one is the user's", () => {
    expect(personalScope(cyrus).segmentsOf("Other Users of mine", "/")).toEqual(["Other Users of mine"]);
  });

  test("without a separator a path is one name", () => {
    expect(personalScope(plain).segmentsOf("a/b", undefined)).toEqual(["a/b"]);
  });

  test.each([
    [plain, ["*"]],
    [courier, ["INBOX*"]],
    [withArchive, ["INBOX*", "Archive.*"]],
  ])("patterns show all of it in as few commands as possible", (namespaces, patterns) => {
    expect(personalScope(namespaces).patterns).toEqual(patterns);
  });

  test("the operator's root folder takes the place of the prefix", () => {
    const scope = personalScope(plain, "mail/home");
    expect(scope.patterns).toEqual(["INBOX*", "mail/home/*"]);
    expect(scope.segmentsOf("mail/home/Sent", "/")).toEqual(["Sent"]);
    expect(scope.segmentsOf("INBOX", "/")).toEqual(["INBOX"]);
    expect(scope.segmentsOf("mail/other", "/")).toBeUndefined();
    expect(personalScope(courier, "INBOX/Old").segmentsOf("INBOX.Old.Sent", ".")).toEqual(["Sent"]);
  });
});

describe("UserRoot", () => {
  test.each([
    ["Courier", "/users/alberta", courier, "#shared.users.alberta"],
    ["Cyrus, modern", "/alberta", cyrus, "Other Users/alberta"],
    ["Cyrus, classic, with the namespace in it", "/user/alberta", cyrusClassic, "user.alberta"],
    ["as the server writes it", "#shared.users.alberta", courier, "#shared.users.alberta"],
    ["no namespaces", "/users/alberta/", plain, "users/alberta"],
  ])("%s", (_what, userRoot, namespaces, expected) => {
    expect(userRootCandidates(userRoot, namespaces)[0]).toBe(expected);
  });

  test("falls back to other readings, never to nothing", () => {
    const candidates = userRootCandidates("/users/alberta", courier);
    expect(candidates).toEqual([
      "#shared.users.alberta",
      "shared.users.alberta",
      "users.alberta",
      "/users/alberta",
    ]);
    expect(userRootCandidates("/", courier)).toEqual([]);
  });

  test("is never the administrator's own inbox", () => {
    expect(userRootCandidates("/INBOX", plain)).toEqual(["/INBOX"]);
    expect(userRootCandidates("inbox/alberta", plain)).toEqual([]);
  });

  test("the root is the inbox, and what lies below are the user's folders", () => {
    const scope = userRootScope("#shared.users.alberta", ".");
    expect(scope.segmentsOf("#shared.users.alberta", ".")).toEqual(["INBOX"]);
    expect(scope.segmentsOf("#shared.users.alberta.Sent.2020", ".")).toEqual(["Sent", "2020"]);
    expect(scope.segmentsOf("#shared.users.albertalouise", ".")).toBeUndefined();
    expect(scope.segmentsOf("INBOX", ".")).toBeUndefined();
    expect(scope.patterns).toEqual(["#shared.users.alberta", "#shared.users.alberta.*"]);
  });
});

test("joinSegments encodes each name", () => {
  expect(joinSegments(["\u00c4rger & Co", "x"], ".")).toBe("&AMQ-rger &- Co.x");
});

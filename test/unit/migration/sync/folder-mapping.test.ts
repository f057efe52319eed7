import { describe, expect, it } from "vitest";
import { matchesFolder } from "../../../../shared/domain/folder-rules.ts";
import { mapFolders } from "../../../../shared/migration/sync/folder-mapping.ts";

describe("the place of a folder", () => {
  const folder = (path: string, extra = {}) => ({
    path,
    segments: path.split("/"),
    subscribed: true,
    selectable: true,
    ...extra,
  });
  const options = { excludeFolders: [], includeFolders: [], renameFolders: {}, subscribedOnly: false };
  const naming = { sanitize: (segment: string) => segment.replaceAll(":", "_"), caseSensitive: false };
  const placed = (folders: ReturnType<typeof folder>[], change = {}) =>
    Object.fromEntries(
      mapFolders(folders, { ...options, ...change }, naming).map(({ source, segments }) => [
        source.path,
        segments.join("/"),
      ]),
    );

  it("starts with what users miss first", () => {
    const order = mapFolders(
      [
        folder("Bin", { specialUse: "trash" }),
        folder("Work"),
        folder("Out", { specialUse: "sent" }),
        folder("INBOX", { specialUse: "inbox" }),
      ],
      options,
      naming,
    );
    expect(order.map(({ source }) => source.path)).toEqual(["INBOX", "Out", "Work", "Bin"]);
  });

  it("tells names apart that are one in the target, children included", () => {
    expect(placed([folder("Foo"), folder("foo"), folder("foo/x"), folder("a:b"), folder("a_b")])).toEqual({
      Foo: "Foo",
      foo: "foo (2)",
      "foo/x": "foo (2)/x",
      "a:b": "a_b",
      a_b: "a_b (2)",
    });
  });

  it("is below the root that the options name, in the same order, and none of the target's own", () => {
    const folders = [
      folder("Bin", { specialUse: "trash" }),
      folder("Work/Deep"),
      folder("INBOX", { specialUse: "inbox" }),
    ];
    const change = { targetRootFolder: "Old:mail/Ann", renameFolders: { Work: "Jobs" } };
    expect(Object.entries(placed(folders, change))).toEqual([
      ["INBOX", "Old_mail/Ann/INBOX"],
      ["Work/Deep", "Old_mail/Ann/Jobs/Deep"],
      ["Bin", "Old_mail/Ann/Bin"],
    ]);
    const mapped = mapFolders(folders, { ...options, ...change }, naming);
    expect(mapped.every(({ isBelowRoot }) => isBelowRoot)).toBe(true);
  });

  it("follows the longest rename rule, and lets rules bring folders together", () => {
    const renameFolders = { Old: "Archive/Old", "Old/2011": "2011", Older: "Archive/Old" };
    expect(
      placed([folder("Old"), folder("Old/2011"), folder("Old/2012"), folder("Older")], { renameFolders }),
    ).toEqual({
      Old: "Archive/Old",
      "Old/2011": "2011",
      "Old/2012": "Archive/Old/2012",
      Older: "Archive/Old",
    });
  });

  it.each([
    ["Work", "work", true],
    ["Work/Deep", "work", false],
    ["Work/Deep", "Work/*", true],
    ["Work", "Work/*", true],
    ["Workshop", "Work/*", false],
    ["Old mail 2011", "*2011", true],
    ["a.b", "a*b", true],
    ["axb", "a.b", false],
    ["ab", "a*b*", true],
    ["aba", "ab*ba", false],
    ["a(b)[c]", "A(B)*", true],
    ["anything", "*", true],
    ["", "**", true],
  ])("%s fits %s: %s", (path, pattern, fits) => {
    expect(matchesFolder(folder(path), pattern)).toBe(fits);
  });

  it("decides about hostile names in one pass", () => {
    const name = "a".repeat(60_000);
    expect(matchesFolder(folder(name), `${"*a".repeat(50)}*b`)).toBe(false);
    expect(matchesFolder(folder(`${name}b`), `${"*a".repeat(50)}*b`)).toBe(true);
  });

  it("tells twenty thousand names apart that are one in the target", () => {
    const folders = Array.from({ length: 20_000 }, (_, i) => folder(`name ${i}`));
    const mapped = mapFolders(folders, options, { ...naming, sanitize: () => "x" });
    expect(new Set(mapped.map(({ segments }) => segments.join("/"))).size).toBe(20_000);
  });

  it("knows folders by their use", () => {
    expect(matchesFolder(folder("Papierkorb", { specialUse: "trash" }), "#DeletedItems#")).toBe(true);
    expect(matchesFolder(folder("Papierkorb", { specialUse: "trash" }), "#Inbox#")).toBe(false);
  });
});

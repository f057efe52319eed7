import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type CorpusOptions, generateCorpus } from "../../stack/corpus/corpus.ts";

const MEGABYTE = 1024 * 1024;

function facts(options: CorpusOptions) {
  return generateCorpus(options).map((mailbox) =>
    [...mailbox.messages()].map(({ folder, flags, internalDate, content, kind }) => ({
      path: folder.segments.join("/"),
      flags,
      internalDate,
      kind,
      size: content.length,
      sha256: createHash("sha256").update(content).digest("hex"),
    })),
  );
}

const small = { seed: "corpus", mailboxes: 2, messages: 400, largest: 2 * MEGABYTE };

describe("generateCorpus", () => {
  it("makes the same mail of the same seed, and other mail of another one", () => {
    const few = { ...small, messages: 100, largest: MEGABYTE / 4 };
    expect(facts(few)).toEqual(facts(few));
    const other = new Set(
      facts({ ...few, seed: "another" }).flatMap((mailbox) => mailbox.map((m) => m.sha256)),
    );
    expect(
      facts(few)
        .flat()
        .some((message) => message.kind.startsWith("plain") && other.has(message.sha256)),
    ).toBe(false);
  });

  it("repeats a mailbox's messages whenever they are asked for", () => {
    const [mailbox] = generateCorpus(small);
    const first = [...(mailbox?.messages() ?? [])].map((message) => message.content.length);
    const second = [...(mailbox?.messages() ?? [])].map((message) => message.content.length);
    expect(first.length).toBe(mailbox?.messageCount);
    expect(second).toEqual(first);
  });

  it("spreads the number of messages over the mailboxes without losing one", () => {
    const counts = generateCorpus({ ...small, mailboxes: 7, messages: 1_003 }).map(
      (mailbox) => mailbox.messageCount,
    );
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1_003);
    expect(Math.max(...counts)).toBeGreaterThan(Math.min(...counts));
  });

  it("holds what old mailboxes hold", () => {
    const all = facts(small).flat();
    const paths = new Set(all.map((message) => message.path));
    expect(Math.max(...[...paths].map((path) => path.split("/").length))).toBe(4);
    expect([...paths].some((path) => path.includes("&"))).toBe(true);
    expect([...paths].every((path) => path === path.normalize("NFC"))).toBe(true);
    const flags = new Set(all.flatMap((message) => message.flags));
    for (const flag of [
      "\\Seen",
      "\\Flagged",
      "\\Answered",
      "\\Draft",
      "\\Deleted",
      "$Junk",
      "$Forwarded",
      "Projekt_2021",
    ]) {
      expect(flags).toContain(flag);
    }
    const years = new Set(all.map((message) => message.internalDate.getUTCFullYear()));
    expect(years.size).toBe(15);
    expect(all.every((message) => message.internalDate.getUTCMilliseconds() === 0)).toBe(true);
    const sizes = all.map((message) => message.size).sort((a, b) => a - b);
    expect(sizes[200]).toBeGreaterThan(2_000);
    expect(sizes[200]).toBeLessThan(40_000);
    expect(sizes.at(-1)).toBeGreaterThan(1.9 * MEGABYTE);
    expect(sizes.at(-1)).toBeLessThan(2.1 * MEGABYTE);
  });

  it("has twins: equal bytes, at the same time and at another one", () => {
    const inFolders = new Map<string, number[]>();
    for (const { path, sha256, internalDate } of facts(small)[0] ?? []) {
      const key = `${path} ${sha256}`;
      inFolders.set(key, [...(inFolders.get(key) ?? []), internalDate.getTime()]);
    }
    const twins = [...inFolders.values()].filter((group) => group.length > 1);
    const times = twins.map((group) => new Set(group).size);
    expect(times.some((different) => different === 1)).toBe(true);
    expect(times.some((different) => different > 1)).toBe(true);
  });

  it("leaves out emoji in folder names where a server refuses them", () => {
    const names = (emoji: boolean) =>
      generateCorpus({ ...small, mailboxes: 10, emoji }).flatMap(({ folders }) =>
        folders.map(({ segments }) => segments.join()),
      );
    expect(names(true).some((name) => name.includes("🏖"))).toBe(true);
    expect(names(false).some((name) => name.includes("🏖"))).toBe(false);
  });
});

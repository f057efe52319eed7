import { describe, expect, it } from "vitest";
import { envelopeDigest } from "../../../../shared/migration/sync/digest.ts";
import { ItemsByLook, lookAt } from "../../../../shared/migration/sync/looks.ts";
import { item, uid } from "./sample-folder.ts";

const header = (lines: readonly string[]) => Buffer.from(`${lines.join("\r\n")}\r\n`);
const id = "Message-ID: <1@example.com>";
const date = "Date: Mon, 02 Mar 2009 08:00:00 +0000";

describe("the envelope of a message", () => {
  it("stays while its server writes the rest anew", () => {
    const before = header([
      id,
      date,
      'Content-Type: multipart/mixed; boundary="a1"',
      "Subject: Plans for  May",
    ]);
    const after = header([
      "X-Mailer: Version 2",
      "Subject: Plans",
      "\tfor May",
      date,
      "message-id:  <1@example.com> ",
      'Content-Type: multipart/mixed; boundary="b2"',
    ]);
    expect(envelopeDigest(before)).toBe(envelopeDigest(after));
  });

  it.each([
    ["Message-ID", ["Message-ID: <2@example.com>", date]],
    ["Date", [id, "Date: Tue, 03 Mar 2009 08:00:00 +0000"]],
    ["From", [id, date, "From: a@example.com"]],
    ["To", [id, date, "To: a@example.com"]],
    ["Subject", [id, date, "Subject: Plans"]],
  ])("is another one with another %s", (_, lines) => {
    expect(envelopeDigest(header(lines))).not.toBe(envelopeDigest(header([id, date])));
  });

  it("tells too little without Message-ID and Date", () => {
    expect(envelopeDigest(header(["Subject: Plans", "To: a@example.com"]))).toBeUndefined();
    expect(envelopeDigest(header([date]))).toBeDefined();
  });
});

describe("items by what their messages look like", () => {
  const internalDate = new Date(5_000);
  const read = (boundary: string, size = 10_000) => ({
    uid: uid(1),
    size,
    internalDate,
    flags: [],
    header: header([id, date, `Content-Type: multipart/mixed; boundary=${boundary}`]),
  });
  const stored = (boundary: string, change: Parameters<typeof item>[1] = {}) => {
    const { exact, envelope } = lookAt(read(boundary));
    return item(1, {
      digest: exact.split(" ")[0] ?? "",
      envelope,
      internalDate: 5_000,
      size: 10_000,
      ...change,
    });
  };
  const itemsOf = (...items: ReturnType<typeof stored>[]) => {
    const all = new ItemsByLook<{ readonly item: ReturnType<typeof stored> }>();
    for (const one of items) all.add({ item: one });
    return all;
  };

  it("are given once each, by the whole header or by the envelope", () => {
    const items = itemsOf(stored("a"), stored("b"));
    const b = lookAt(read("b"));
    expect(items.takeExact(b)?.item.digest).toBe(stored("b").digest);
    expect(items.takeExact(b)).toBeUndefined();
    expect(items.takeAlike(b, false)?.item.digest).toBe(stored("a").digest);
    expect([items.size, items.takeAlike(b, false)]).toEqual([0, undefined]);
  });

  it("of another size are of other messages, and of another date where that counts", () => {
    expect(itemsOf(stored("a")).takeAlike(lookAt(read("c", 12_047)), false)).toBeDefined();
    expect(itemsOf(stored("a")).takeAlike(lookAt(read("c", 12_049)), false)).toBeUndefined();
    const dated = stored("a", { internalDate: 6_000 });
    expect(itemsOf(dated).takeAlike(lookAt(read("c")), true)).toBeUndefined();
    expect(itemsOf(dated).takeAlike(lookAt(read("c")), false)).toBeDefined();
  });
});

import { describe, expect, it } from "vitest";
import { headerDigest, headerSection } from "../../../../shared/migration/sync/digest.ts";
import { receivedDate } from "../../../../shared/migration/sync/received-date.ts";

describe("headers", () => {
  it.each([
    ["A: 1\r\nB: 2\r\n\r\nbody\r\n\r\nmore", "A: 1\r\nB: 2\r\n"],
    ["A: 1\nB: 2\n\nbody", "A: 1\nB: 2\n"],
    ["A: 1\r\nno body", "A: 1\r\nno body"],
    ["\r\nonly a body", ""],
  ])("of %j end before the blank line", (text, header) => {
    expect(headerSection(Buffer.from(text)).toString()).toBe(header);
  });

  it("have one digest, however the server ends them", () => {
    expect(headerDigest(Buffer.from("A: 1\r\n\r\n"))).toBe(headerDigest(Buffer.from("A: 1\r\n")));
    expect(headerDigest(Buffer.from("A: 1"))).not.toBe(headerDigest(Buffer.from("A: 2")));
  });

  it("give the received date where a batch asks for it", () => {
    const header = Buffer.from(
      "Received: from a by b; Tue, 1 Mar 2011\r\n 10:00:00 +0000\r\nDate: Mon, 28 Feb 2011 09:00:00 +0000 (x)\r\n",
    );
    const internal = new Date(5);
    expect(receivedDate(header, internal, "internalDate")).toBe(internal);
    expect(receivedDate(header, internal, "receivedHeader").toISOString()).toBe("2011-03-01T10:00:00.000Z");
    expect(receivedDate(header, internal, "dateHeader").toISOString()).toBe("2011-02-28T09:00:00.000Z");
    let unreadable = 0;
    const oddZone = Buffer.from("Date: Mon, 1 Jan 2018 10.00.00 EST5EDT (the (nested) zone)\r\n");
    expect(receivedDate(oddZone, internal, "dateHeader", () => unreadable++).toISOString()).toBe(
      "2018-01-01T15:00:00.000Z",
    );
    expect(unreadable).toBe(0);
    expect(receivedDate(header.subarray(0, 0), internal, "dateHeader", () => unreadable++)).toBe(internal);
    expect(unreadable).toBe(1);
    expect(receivedDate(Buffer.from("Date: never\r\n"), internal, "dateHeader")).toBe(internal);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ByteSource, bufferSource } from "../../../../../shared/adapters/byte-source.ts";
import { streamContent } from "../../../../../shared/adapters/graph/mime/content.ts";
import { type MessagePlan, planMessage } from "../../../../../shared/adapters/graph/mime/plan.ts";
import { budgets } from "../../../../../shared/adapters/graph/mime/scan.ts";
import { hostileMessages } from "../../../../stack/hostile-mime/cases.ts";
import { hostileMessage } from "../../../../stack/hostile-mime/random.ts";

const facts = { internalDate: new Date("2020-05-06T07:08:09Z"), flags: [], stamp: "s", chunkToken: "c" };

interface Cost {
  /** Bytes that were read of the source to plan it. */
  readonly bytesRead: number;
  /** The most that was held of it at once. */
  readonly largestRead: number;
}

/** Counts what is read, which is work that no machine makes slower or faster. */
async function planned(
  content: Buffer,
  limits = budgets,
): Promise<{ readonly plan: MessagePlan; readonly cost: Cost }> {
  let bytesRead = 0;
  let largestRead = 0;
  const source: ByteSource = {
    size: content.length,
    async read(start, end) {
      const bytes = content.subarray(start, end);
      bytesRead += bytes.length;
      largestRead = Math.max(largestRead, bytes.length);
      return bytes;
    },
  };
  const plan = await planMessage(source, facts, limits);
  return { plan, cost: { bytesRead, largestRead } };
}

/** Nothing of a message is gone: it can be carried as it was planned. */
async function expectSound(content: Buffer, { message, attachments }: MessagePlan): Promise<void> {
  expect(Buffer.byteLength(JSON.stringify(message))).toBeLessThan(4_000_000);
  expect(attachments.length).toBeLessThanOrEqual(3 * budgets.parts);
  for (const attachment of attachments) {
    let bytes = 0;
    for await (const piece of streamContent(bufferSource(content), attachment.content)) bytes += piece.length;
    expect([attachment.name, bytes]).toEqual([attachment.name, attachment.size]);
  }
}

/** Once to find the parts, once to measure each, and its begin as text or name. */
const mostReads = 4;

describe("hostile messages", () => {
  it.each(hostileMessages(1 / 50).map((one) => [one.name, one.content] as const))(
    "%s: read a bounded number of times, in small pieces",
    async (_, make) => {
      const content = make();
      const { plan, cost } = await planned(content);
      expect(cost.bytesRead).toBeLessThanOrEqual(mostReads * content.length + 100_000);
      expect(cost.largestRead).toBeLessThanOrEqual(1 << 16);
      await expectSound(content, plan);
    },
  );

  it("are made so that random ones are no safer", async () => {
    await fc.assert(
      fc.asyncProperty(hostileMessage({ bytes: 20_000, repetitions: 40 }), async (content) => {
        const { plan, cost } = await planned(content);
        expect(cost.largestRead).toBeLessThanOrEqual(1 << 16);
        await expectSound(content, plan);
      }),
      { numRuns: 150 },
    );
  });
});

describe("a message beyond a budget", () => {
  const header =
    "From: Ann <ann@example.org>\r\nSubject: Hello\r\nMessage-ID: <1@x>\r\nDate: Mon, 1 Jan 2018 10:00:00 +0100\r\n";
  const part = "--b\r\n\r\nreadable\r\n";
  const content = Buffer.from(
    `${header}Content-Type: multipart/mixed; boundary=b\r\n\r\n${part.repeat(30)}--b--\r\n`,
  );
  const nested = Buffer.from(
    `${header}${Array.from({ length: 30 }, (_, level) => `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}\r\n\r\nreadable\r\n--b${level}\r\n`).join("")}`,
  );
  const files = Buffer.from(`${header}\r\nreadable\r\n${"begin 644 a\r\n#0V%T\r\n`\r\nend\r\n".repeat(30)}`);
  it.each([
    ["parts", content, { parts: 20 }],
    ["depth", nested, { depth: 20 }],
    ["bytes of headers", content, { headerBytes: 100 }],
    ["files in a text", files, { filesInText: 20 }],
    ["time", content, { time: -1 }],
  ] as const)(
    "of %s is kept whole, with its header and what of its text was read",
    async (_, message, limit) => {
      const within = await planned(message);
      expect(within.plan.notes.has("OriginalAttached")).toBe(false);
      const { plan } = await planned(message, { ...budgets, ...limit });
      expect(plan.notes.has("OriginalAttached")).toBe(true);
      expect(plan.message.from?.emailAddress.address).toBe("ann@example.org");
      expect(plan.message.subject).toBe("Hello");
      expect(plan.attachments).toMatchObject([
        { name: "original message.eml", contentType: "message/rfc822" },
      ]);
      const [original] = plan.attachments;
      const pieces: Buffer[] = [];
      if (original !== undefined)
        for await (const piece of streamContent(bufferSource(message), original.content)) pieces.push(piece);
      expect(Buffer.concat(pieces).equals(message)).toBe(true);
      if (!("headerBytes" in limit)) expect(plan.message.body.content).toContain("readable");
    },
  );
});

import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGraphTarget } from "../../shared/adapters/graph/index.ts";
import type { Stamp, Uid } from "../../shared/domain/names.ts";
import type { TargetMailbox } from "../../shared/migration/ports/target.ts";
import { type GraphStandIn, startGraph } from "../stack/graph/index.ts";

let graph: GraphStandIn;
let mailbox: TargetMailbox;
const large = randomBytes(3_200_000);
const small = randomBytes(20_000);

beforeAll(async () => {
  graph = await startGraph();
  const userPrincipalName = `${randomUUID()}@example.com`;
  graph.addMailbox({ userPrincipalName });
  const target = createGraphTarget({
    baseUrl: graph.baseUrl,
    token: async () => graph.token,
    concurrencyPerMailbox: 4,
  });
  mailbox = await target.open(await target.resolve(userPrincipalName));
});

afterAll(async () => {
  await mailbox?.close();
  await graph?.close();
});

interface Parts {
  readonly subject?: string;
  readonly date?: string;
  readonly html?: string;
  readonly attachments?: readonly Buffer[];
}

/** A message in HTML with attachments. */
function messageOf({
  subject = "offer",
  date = "Mon, 01 Jan 2001 00:00:00 +0000",
  html = "<p>Dear&nbsp;Ann,</p>",
  attachments = [small, large],
}: Parts): Buffer {
  const files = attachments.map((bytes, index) =>
    [
      "--b",
      "Content-Type: application/octet-stream",
      `Content-Disposition: attachment; filename="file ${index}.bin"`,
      "Content-Transfer-Encoding: base64",
      "",
      (bytes.toString("base64").match(/.{1,76}/g) ?? []).join("\r\n"),
    ].join("\r\n"),
  );
  const header = ["From: Ann <ann@example.com>", `Subject: ${subject}`, `Date: ${date}`, "Message-ID: <1@x>"];
  const type = ["MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b", ""];
  const text = ["--b", "Content-Type: text/html", "", html];
  return Buffer.from([...header, ...type, ...text, ...files, "--b--", ""].join("\r\n"));
}

/** What is told of a copy of one message, compared with another one. */
async function differences(copied: Parts, source: Parts): Promise<readonly string[] | undefined> {
  const folder = await mailbox.ensureFolder([randomUUID()]);
  const content = messageOf(copied);
  const id = await mailbox.write(folder.id, {
    uid: 1 as Uid,
    stamp: randomUUID() as Stamp,
    chunkToken: "chunk",
    internalDate: new Date(0),
    flags: [],
    size: content.length,
    content,
    timeoutMs: 60_000,
  });
  return mailbox.differencesOf(folder.id, id, messageOf(source));
}

describe("a copy in Exchange, compared with its message", () => {
  it.each<[name: string, copied: Parts, source: Parts, found: readonly RegExp[]]>([
    ["equal, large attachments included", {}, {}, []],
    ["equal, whatever the markup", { html: "<div>Dear Ann,</div>" }, { html: "<p>Dear&nbsp;Ann,</p>" }, []],
    [
      "with a truncated attachment",
      { attachments: [small.subarray(0, 19_990), large] },
      {},
      [/^Attachment 1 of 2/],
    ],
    [
      "with a truncated large attachment",
      { attachments: [small, large.subarray(0, 3_199_000)] },
      {},
      [/^Attachment 2 of 2/],
    ],
    [
      "without one of its attachments",
      { attachments: [large] },
      {},
      [/^There are 1 attachments instead of 2/, /^Attachment 1 of 2/],
    ],
    ["with another text", { html: "<p>Dear Ben,</p>" }, {}, [/^The text differs/]],
    ["with another subject", { subject: "order" }, {}, [/^The subject differs/, /^The header differs/]],
    [
      "with another date of sending",
      { date: "Tue, 02 Jan 2001 00:00:00 +0000" },
      {},
      [/^The date of sending differs/, /^The header differs/],
    ],
  ])("is found %s", async (_, copied, source, found) => {
    const told = await differences(copied, source);
    expect(told).toHaveLength(found.length);
    for (const [index, pattern] of found.entries()) expect(told?.[index]).toMatch(pattern);
    expect(JSON.stringify(told)).not.toContain("offer");
  });
});

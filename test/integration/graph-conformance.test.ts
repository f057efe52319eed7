import { readFile } from "node:fs/promises";
import { join } from "node:path";
import PostalMime from "postal-mime";
import { beforeAll, describe, expect, it } from "vitest";
import { disagreements, enoughWitnesses } from "../stack/conformance/damaged/disagreements.ts";
import { type DamagedRun, runDamaged } from "../stack/conformance/damaged/journey.ts";
import { renderDamaged } from "../stack/conformance/damaged/table.ts";
import { type Row, runConformance, startJourney } from "../stack/conformance/journey.ts";
import { withTable } from "../stack/conformance/page.ts";
import { renderTable } from "../stack/conformance/table.ts";
import { generateCorpus } from "../stack/corpus/corpus.ts";
import type { MessageInspection } from "../stack/graph/index.ts";

/** What Exchange has no place for; everything else must arrive. */
const cannotBeHeld = [
  "plain text next to HTML (Exchange derives its own)",
  "PGP signature over the text (the text is stored anew)",
  "forwarded state (next to answered)",
  "keyword $Junk (tells mail programs only)",
  "keyword $MDNSent (tells mail programs only)",
  "the message (skipped as MessageTooLarge)",
];

describe("every kind of message", () => {
  let rows: readonly Row[];
  beforeAll(async () => {
    rows = await runConformance();
  });

  it("loses only what Exchange cannot hold", () => {
    const lost = new Set(
      rows.flatMap(({ aspects }) => aspects.filter(({ form }) => form === "lost").map(({ what }) => what)),
    );
    expect([...lost].toSorted()).toEqual(cannotBeHeld.toSorted());
  });

  it("keeps what S/MIME protects, as openssl says", () => {
    const exact = (kind: string) =>
      rows
        .find((row) => row.kind === kind)
        ?.aspects.filter(({ form }) => form === "exact")
        .map(({ what }) => what);
    expect(exact("S/MIME clear-signed")).toContain("signature (openssl verifies)");
    expect(exact("S/MIME opaque-signed")).toContain("signature (openssl verifies)");
    expect(exact("S/MIME encrypted")).toContain("encrypted content (openssl decrypts)");
  });

  it("has a row of its own, which the page of what arrives shows as it was measured", async () => {
    const table = renderTable(rows);
    for (const { kind } of rows) expect(table).toContain(`\n| ${kind} `);
    const page = await readFile(join(import.meta.dirname, "../../infra/docs/fidelity.md"), "utf8");
    expect(withTable(page, table)).toBe(page);
    expect(withTable(page, table.replace("| Plain text ", "| Plain texts"))).not.toBe(page);
  });
});

describe("damaged mail", () => {
  let run: DamagedRun;
  beforeAll(async () => {
    run = await runDamaged();
  });

  it("arrives as it was meant, whatever was done to its form", () => {
    expect(run.kinds.filter(({ wrong }) => wrong.length > 0)).toEqual([]);
    expect(run.rows.filter(({ asMeant, messages }) => asMeant < messages)).toEqual([]);
    expect(run.rows.reduce((sum, { messages }) => sum + messages, 0)).toBeGreaterThanOrEqual(300);
  });

  it("loses no word, no file and no line of a header", () => {
    expect(run.rows.flatMap(({ lost }) => lost)).toEqual([]);
  });

  it("is read as it was meant by three other programs at least, or it is said why not", () => {
    const disputed = run.rows.filter(({ agreeing }) => agreeing.length < enoughWitnesses);
    expect(disputed.map(({ family, damage }) => `${family}: ${damage}`).toSorted()).toEqual(
      Object.keys(disagreements).toSorted(),
    );
    expect(disputed.length / run.rows.length).toBeLessThan(0.3);
  });

  it("has a document that shows it as it was measured", async () => {
    const document = join(import.meta.dirname, "../../infra/docs/damaged-mail.md");
    expect(await readFile(document, "utf8")).toBe(renderDamaged(run.kinds, run.rows));
  });
});

/** Text without what rendering, line ends and encodings change. */
function words(text: string): readonly string[] {
  return (text.match(/[\p{L}\p{N}]{3,}/gu) ?? []).filter((word) => !word.includes("\ufffd"));
}

function squeezed(bytes: Buffer): string {
  return bytes
    .toString("latin1")
    .replace(/[\r\n]+/g, "\n")
    .trim();
}

/** What another parser sees in the source, and the arrival does not hold. */
async function missingParts(content: Buffer, arrival: MessageInspection): Promise<readonly string[]> {
  const source = await PostalMime.parse(content, {
    forceRfc822Attachments: true,
    attachmentEncoding: "arraybuffer",
  });
  const files = arrival.attachments.map((attachment) => attachment.bytes());
  const [signed] = arrival.attachments.filter((attachment) => attachment.contentType === "multipart/signed");
  // All that is signed lies in one attachment, as it stood behind the header.
  if (signed !== undefined) {
    const entity = signed.bytes();
    return content.includes(entity.subarray(entity.indexOf("\n\r\n"))) ? [] : ["signed entity"];
  }
  const shown = [arrival.properties.body.content, ...files.map((file) => file.toString("utf8"))].join(" ");
  const unseen = (text: string) => words(text).filter((word) => !shown.includes(word));
  const missing: string[] = [];
  for (const attachment of source.attachments) {
    const { mimeType } = attachment;
    const bytes = Buffer.from(attachment.content as ArrayBuffer);
    const read = squeezed(bytes);
    // The other parser rewrites line ends; the file must then stand in the source as it arrived.
    const there =
      files.some((file) => file.equals(bytes) || (content.includes(file) && squeezed(file) === read)) ||
      (mimeType.startsWith("text") && unseen(bytes.toString("utf8")).length === 0);
    if (!there) missing.push(mimeType);
  }
  const text = source.html === undefined ? (source.text ?? "") : source.html.replace(/<[^>]*>|&\w+;/g, " ");
  // Uuencode is decoded, so its first and last line are gone.
  return [...missing, ...unseen(text.replace(/^(?:begin [0-7]+ .*|end)$/gm, "")).slice(0, 3)];
}

describe("a corpus of realistic and malformed mail", () => {
  it("arrives with every part of every message", async () => {
    const journey = await startJourney();
    try {
      const [mailbox] = generateCorpus({
        seed: "graph",
        mailboxes: 1,
        messages: 360,
        largest: 5 * 1024 * 1024,
      });
      const incomplete: string[] = [];
      const kinds = new Set<string>();
      for (const message of mailbox?.messages() ?? []) {
        const arrival = await journey.send(message);
        kinds.add(message.kind);
        expect(arrival.isDraft).toBe(message.flags.includes("\\Draft"));
        expect(arrival.receivedDateTime.getTime()).toBe(message.internalDate.getTime());
        for (const part of await missingParts(message.content, arrival))
          incomplete.push(`${message.kind}: ${part}`);
      }
      expect(incomplete).toEqual([]);
      expect(kinds.size).toBeGreaterThan(40);
    } finally {
      await journey.close();
    }
  });
});

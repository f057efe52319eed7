import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ByteSource, bufferSource } from "../../../../../shared/adapters/byte-source.ts";
import { loadContent } from "../../../../../shared/adapters/graph/mime/content.ts";
import { type MessagePlan, planMessage } from "../../../../../shared/adapters/graph/mime/plan.ts";

interface Leaf {
  readonly type: string;
  readonly content: Buffer;
  /** Words by which a text is found again in the body. */
  readonly token: string;
  readonly encoding: "base64" | "quoted-printable" | "binary";
  readonly disposition: "attachment" | "inline" | undefined;
  readonly name: string | undefined;
  readonly contentId: string | undefined;
}

interface Branch {
  readonly subtype: string;
  readonly children: readonly Tree[];
  readonly surroundings: boolean;
  readonly closed: boolean;
}

type Tree = Leaf | Branch;

const isBranch = (tree: Tree): tree is Branch => "children" in tree;
const token = fc.stringMatching(/^[a-z]{12}$/);

const textLeaf: fc.Arbitrary<Leaf> = fc
  .record({
    type: fc.constantFrom("text/plain", "text/html"),
    token,
    filler: fc.string({ unit: "grapheme", maxLength: 60 }),
    encoding: fc.constantFrom("base64" as const, "quoted-printable" as const),
    disposition: fc.constantFrom(undefined, "inline" as const, "attachment" as const),
    name: fc.option(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), {
      nil: undefined,
      freq: 4,
    }),
  })
  .map(({ filler, ...leaf }) => ({
    ...leaf,
    content: Buffer.from(`${filler.replaceAll("<", "")}\r\n${leaf.token}`),
    contentId: undefined,
  }));

const fileLeaf: fc.Arbitrary<Leaf> = fc
  .record({
    type: fc.constantFrom(
      "application/pdf",
      "application/octet-stream",
      "image/png",
      "text/calendar",
      "message/rfc822",
      "application/ms-tnef",
      "application/pkcs7-mime",
      "application/pgp-signature",
      "x-unknown/thing",
    ),
    token,
    bytes: fc.uint8Array({ maxLength: 400 }),
    disposition: fc.constantFrom(undefined, "inline" as const, "attachment" as const),
    name: fc.option(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), { nil: undefined }),
    contentId: fc.option(fc.stringMatching(/^[a-z]{5}@[a-z]{5}$/), { nil: undefined }),
    binary: fc.boolean(),
  })
  .map(({ bytes, binary, ...leaf }) => ({
    ...leaf,
    // Two hyphens at the begin of a line could be a boundary.
    content: binary
      ? Buffer.from(Buffer.from(bytes).toString("latin1").replaceAll("-", "+"), "latin1")
      : Buffer.from(bytes),
    encoding: binary ? ("binary" as const) : ("base64" as const),
  }));

const { tree } = fc.letrec<{ tree: Tree; branch: Branch }>((tie) => ({
  tree: fc.oneof({ depthSize: "small", withCrossShrink: true }, textLeaf, fileLeaf, tie("branch")),
  branch: fc.record({
    subtype: fc.constantFrom("mixed", "alternative", "related", "report", "signed", "x-odd"),
    children: fc.array(tie("tree"), { minLength: 1, maxLength: 4 }),
    surroundings: fc.boolean(),
    closed: fc.boolean(),
  }),
}));

function render(node: Tree, boundaryAt: string): Buffer {
  if (!isBranch(node)) return renderLeaf(node);
  const boundary = `=_${boundaryAt}_`;
  const pieces: Buffer[] = [
    Buffer.from(`Content-Type: multipart/${node.subtype}; boundary="${boundary}"\r\n\r\n`),
  ];
  if (node.surroundings) pieces.push(Buffer.from("This is a message in MIME format.\r\n"));
  node.children.forEach((child, index) => {
    const delimiter = `${index === 0 ? "" : "\r\n"}--${boundary}\r\n`;
    pieces.push(Buffer.from(delimiter), render(child, `${boundaryAt}.${index}`));
  });
  if (node.closed) pieces.push(Buffer.from(`\r\n--${boundary}--\r\n`));
  return Buffer.concat(pieces);
}

function renderLeaf(leaf: Leaf): Buffer {
  const text = leaf.type.startsWith("text/") ? "; charset=utf-8" : "";
  const name = leaf.name === undefined ? "" : `; name*=utf-8''${encodeURIComponent(leaf.name)}`;
  const fields = [
    `Content-Type: ${leaf.type}${text}${name}`,
    `Content-Transfer-Encoding: ${leaf.encoding}`,
    ...(leaf.disposition === undefined ? [] : [`Content-Disposition: ${leaf.disposition}`]),
    ...(leaf.contentId === undefined ? [] : [`Content-ID: <${leaf.contentId}>`]),
  ];
  return Buffer.concat([Buffer.from(`${fields.join("\r\n")}\r\n\r\n`), encode(leaf)]);
}

function encode({ content, encoding }: Leaf): Buffer {
  if (encoding === "binary") return content;
  if (encoding === "base64")
    return Buffer.from((content.toString("base64").match(/.{1,76}/g) ?? []).join("\r\n"));
  const escaped = content
    .toString("latin1")
    .replace(
      /[^\x21-\x3c\x3e-\x7e]/g,
      (char) => `=${char.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`,
    );
  return Buffer.from((escaped.match(/(?:=..|[^=]){1,25}/g) ?? []).join("=\r\n"), "latin1");
}

function leavesOf(node: Tree): readonly Leaf[] {
  return isBranch(node) ? node.children.flatMap(leavesOf) : [node];
}

const message = tree.map((root) => ({
  root,
  bytes: Buffer.concat([
    Buffer.from("From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"),
    render(root, "0"),
  ]),
}));

const facts = { internalDate: new Date(0), flags: [], stamp: "s", chunkToken: "c" };
const plan = (bytes: Buffer) => planMessage(bufferSource(bytes), facts);

async function loadAll(bytes: Buffer, { attachments }: MessagePlan): Promise<readonly Buffer[]> {
  return Promise.all(attachments.map((attachment) => loadContent(bufferSource(bytes), attachment.content)));
}

/** S/MIME as a whole is one attachment, and has tests of its own. */
const isSmime = (root: Tree) => !isBranch(root) && root.type === "application/pkcs7-mime";

describe("planMessage", () => {
  it("accounts for every part: shown, attached byte by byte, or another rendering of what is shown", async () => {
    await fc.assert(
      fc.asyncProperty(message, async ({ root, bytes }) => {
        fc.pre(!isSmime(root));
        const result = await plan(bytes);
        const leaves = leavesOf(root);
        expect(result.parts.map((part) => part.contentType)).toEqual(leaves.map((leaf) => leaf.type));
        const files = await loadAll(bytes, result);
        const attached = leaves.filter((_, index) => result.parts[index]?.use === "attachment");
        expect(files.map((file) => file.toString("latin1"))).toEqual(
          attached.map((leaf) => leaf.content.toString("latin1")),
        );
        leaves.forEach((leaf, index) => {
          if (result.parts[index]?.use === "body") expect(result.message.body.content).toContain(leaf.token);
        });
        if (result.parts.some((part) => part.use === "alternative"))
          expect(result.parts.some((part) => part.use === "body")).toBe(true);
        expect(result.parts.some((part) => part.use === "wrapped")).toBe(false);
      }),
      { numRuns: 400 },
    );
  });

  it("plans the same however the bytes are read", async () => {
    await fc.assert(
      fc.asyncProperty(message, fc.integer({ min: 1, max: 40 }), async ({ bytes }, step) => {
        const slow: ByteSource = {
          size: bytes.length,
          read: async (start, end) => bytes.subarray(start, Math.min(end, start + step)),
        };
        const whole = await plan(bytes);
        const inSteps = await planMessage(slow, facts);
        expect(inSteps.parts).toEqual(whole.parts);
        expect(inSteps.attachments).toEqual(whole.attachments);
        expect(inSteps.message.body).toEqual(whole.message.body);
      }),
      { numRuns: 60 },
    );
  });

  it("plans whatever bytes it is given, and says truly how large each attachment is", async () => {
    const damaged = fc
      .tuple(
        message,
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.uint8Array({ maxLength: 6 })), { maxLength: 8 }),
      )
      .map(([{ bytes }, edits]) =>
        edits.reduce((mail, [at, cut, insert]) => {
          const start = at % (mail.length + 1);
          return Buffer.concat([mail.subarray(0, start), insert, mail.subarray(start + (cut % 40))]);
        }, bytes),
      );
    const junk = fc.uint8Array({ maxLength: 500 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(fc.oneof(damaged, junk), async (bytes) => {
        const result = await plan(bytes);
        expect(result.parts.length).toBeGreaterThan(0);
        const files = await loadAll(bytes, result);
        expect(files.map((file) => file.length)).toEqual(result.attachments.map((one) => one.size));
        const json = JSON.stringify([
          result.message,
          result.attachments.map((one) => [one.name, one.contentType, one.contentId]),
        ]);
        expect(json).not.toMatch(/\\u00[01]|\\ud[89a-f]/i);
        expect(Buffer.byteLength(json)).toBeLessThan(4 * 1024 * 1024);
        for (const attachment of result.attachments) expect(attachment.name.trim()).not.toBe("");
      }),
      { numRuns: 600 },
    );
  });
});

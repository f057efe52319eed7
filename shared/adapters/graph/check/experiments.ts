import { createHash } from "node:crypto";
import type { TargetFolderId } from "../../../domain/names.ts";
import { type ByteSource, bufferSource } from "../../byte-source.ts";
import type { IdentityToken } from "../../identity-token.ts";
import { bodyOf, loadContent } from "../mime/content.ts";
import { layOut } from "../mime/layout.ts";
import { budgets, scanEntities } from "../mime/scan.ts";
import { type Bench, outgoing } from "./messages.ts";
import { plainSample, sampleDates, sampleField, sampleSender, sampleSubject } from "./samples.ts";
import { type Finding, ok, skipped } from "./steps.ts";

/** The service as such: these calls are of no version that the product uses. */
interface RawGraph {
  readonly baseUrl: string;
  readonly token: IdentityToken;
  readonly user: string;
}

const callMs = 60_000;
const source = Buffer.from(
  [
    `From: Check <${sampleSender}>`,
    "To: Nobody <nobody@imap-to-m365.invalid>",
    `Subject: ${sampleSubject}`,
    `Date: ${sampleDates.sent.toUTCString()}`,
    `Received: from here by there; ${sampleDates.received.toUTCString()}`,
    "Message-ID: <experiment@imap-to-m365.invalid>",
    sampleField,
    "MIME-Version: 1.0",
    "Content-Type: multipart/mixed; boundary=out",
    "",
    "--out",
    "Content-Type: multipart/alternative; boundary=in",
    "",
    "--in",
    "Content-Type: text/plain; charset=utf-8",
    "",
    "Plain words.",
    "--in",
    "Content-Type: text/html; charset=utf-8",
    "",
    "<p>Words in HTML.</p>",
    "--in--",
    "--out",
    'Content-Type: application/octet-stream; name="check.bin"',
    'Content-Disposition: attachment; filename="check.bin"',
    "Content-Transfer-Encoding: base64",
    "",
    Buffer.from("bytes of a file").toString("base64"),
    "--out--",
    "",
  ].join("\r\n"),
);

/**
 * Two ways to write raw MIME that the product does not use, since neither is documented to keep dates and stamps. What
 * comes back is compared with the source part by part.
 * @see https://learn.microsoft.com/graph/api/message-update
 */
export async function tryExperiments({ steps, mailbox, folder }: Bench, graph: RawGraph): Promise<void> {
  await steps.take(
    "experiment: importMime",
    "beta: POST mailFolders/{id}/importMime with raw MIME",
    async () => {
      const path = `/beta/users/${graph.user}/mailFolders/${encodeURIComponent(folder)}/importMime`;
      const answer = await send(graph, "POST", path, source);
      if (answer.status >= 400) return skipped(`The tenant answers ${answer.status}.`);
      const id = (JSON.parse(answer.text || "{}") as { readonly id?: string }).id;
      return id === undefined ? ok("It is taken, and no id is answered.") : compared(graph, id);
    },
  );
  await steps.take(
    "experiment: PATCH",
    "v1.0: PATCH messages/{id} with raw MIME over a stamped message",
    async () => {
      const content = plainSample("skeleton");
      const id = await mailbox.write(folder as TargetFolderId, outgoing("skeleton", content, content.length));
      const path = `/v1.0/users/${graph.user}/messages/${encodeURIComponent(id)}`;
      const answer = await send(graph, "PATCH", path, source);
      return answer.status >= 400 ? skipped(`The tenant answers ${answer.status}.`) : compared(graph, id);
    },
  );
}

async function send(
  { baseUrl, token }: RawGraph,
  method: string,
  path: string,
  mime?: Buffer,
): Promise<{ readonly status: number; readonly text: string }> {
  const response = await fetch(baseUrl + path, {
    method,
    headers: {
      Authorization: `Bearer ${await token()}`,
      Prefer: 'IdType="ImmutableId"',
      ...(mime === undefined ? {} : { "Content-Type": "text/plain" }),
    },
    ...(mime === undefined ? {} : { body: mime.toString("base64") }),
    signal: AbortSignal.timeout(callMs),
  });
  return { status: response.status, text: await response.text() };
}

async function compared(graph: RawGraph, id: string): Promise<Finding> {
  const path = `/v1.0/users/${graph.user}/messages/${encodeURIComponent(id)}`;
  const state = await send(graph, "GET", `${path}?$select=isDraft,receivedDateTime,sentDateTime`);
  const mime = await send(graph, "GET", `${path}/$value`);
  if (state.status >= 400 || mime.status >= 400) return skipped("It is taken, and cannot be read.");
  const { isDraft, receivedDateTime, sentDateTime } = JSON.parse(state.text) as Readonly<
    Record<string, unknown>
  >;
  const [before, after] = [await partsOf(source), await partsOf(Buffer.from(mime.text, "latin1"))];
  const kept = before.filter((part) => after.includes(part)).length;
  return ok(
    [
      isDraft === false ? "no draft" : "a draft",
      `received ${receivedDateTime === sampleDates.received.toISOString().replace(".000", "") ? "as written" : "otherwise"}`,
      `sent ${sentDateTime === sampleDates.sent.toISOString().replace(".000", "") ? "as written" : "otherwise"}`,
      mime.text.includes(sampleField) ? "header kept" : "header lost",
      `${kept} of ${before.length} parts byte by byte`,
    ].join(", "),
  );
}

/** Type and digest of each part. */
async function partsOf(mime: Buffer): Promise<readonly string[]> {
  const bytes: ByteSource = bufferSource(mime);
  const { root } = await scanEntities(bytes, budgets);
  const parts: string[] = [];
  for (const { entity } of layOut(root).parts) {
    const content = await loadContent(bytes, bodyOf(entity));
    const digest = createHash("sha256").update(content.toString("latin1").trim()).digest("hex");
    parts.push(`${entity.contentType.value} ${digest}`);
  }
  return parts;
}

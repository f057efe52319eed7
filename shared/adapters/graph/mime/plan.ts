import type { ByteSource } from "../../byte-source.ts";
import { letOthersRun } from "../../event-loop.ts";
import { jsonBytes } from "../json.ts";
import { type Attachment, attachmentsOf, originalMessage, textFile } from "./attachments.ts";
import { composeBody, type MessageBody } from "./body.ts";
import { measureContent } from "./content.ts";
import { describeMessage, type MessageFacts, type MessageResource } from "./description.ts";
import { layOut, type Part, type PartUse } from "./layout.ts";
import type { PlanNote } from "./notes.ts";
import { budgets, type Scan, scanEntities } from "./scan.ts";
import { type SmimeForm, smimeForm } from "./smime.ts";

export type { MessageFacts, MessageResource } from "./description.ts";

export interface PlannedAttachment extends Attachment {
  /** In the create itself, by a request of its own, or by an upload session. */
  readonly via: "create" | "post" | "session";
}

/** What became of one leaf of the source. */
export interface PartAccount {
  readonly path: string;
  readonly contentType: string;
  readonly use: PartUse;
}

export interface MessagePlan {
  readonly message: MessageResource;
  readonly attachments: readonly PlannedAttachment[];
  readonly parts: readonly PartAccount[];
  readonly notes: ReadonlySet<PlanNote>;
}

/** A request may have "4 MB", read as the smaller number; what is not an attachment is bounded so that it always fits. */
const maxRequestBytes = 4_000_000;
/** Sessions are for "3 MB" and more, read as the smaller number: one that finds a file too small says so. */
const sessionFrom = 3_000_000;
const maxBodyBytes = 2 * 1024 * 1024;
/** Of a body too long for a request this much is shown: of each text, and of all together. */
const excerptBytes = 64 * 1024;
const excerptsBytes = 512 * 1024;
/** JSON around the content of an attachment, without its name. */
const attachmentOverhead = 400;

/**
 * Plans how a message (RFC 5322) becomes a message in Exchange. Pure: the same bytes and facts give the same plan, and any
 * bytes give one. A message beyond a budget is kept as a whole in one attachment.
 * @param limits how much of a message is taken apart.
 */
export async function planMessage(
  source: ByteSource,
  facts: MessageFacts,
  limits: typeof budgets = budgets,
): Promise<MessagePlan> {
  const scan = await scanEntities(source, limits);
  await letOthersRun();
  const notes = new Set<PlanNote>(scan.guesses);
  const { body, attachments, parts, smime } =
    scan.exceeded === undefined ? await takeApart(source, scan, notes) : await keepWhole(source, scan, notes);
  const message = await describeMessage(source, scan, body, facts, smime, notes);
  await letOthersRun();
  return {
    message,
    attachments: distribute(attachments, await requestBytes(message)),
    parts: parts.map(({ path, entity, use }) => ({ path, contentType: entity.contentType.value, use })),
    notes,
  };
}

interface Content {
  readonly body: MessageBody;
  readonly attachments: readonly Attachment[];
  readonly parts: readonly Part[];
  readonly smime?: SmimeForm | undefined;
}

async function takeApart(source: ByteSource, { root }: Scan, notes: Set<PlanNote>): Promise<Content> {
  const smime = await smimeForm(source, root);
  const { parts: laidOut, bodyNamed } = layOut(root);
  const parts = smime === undefined ? laidOut : wrap(laidOut, smime);
  const { body, overflow } = await planBody(source, smime, parts, notes);
  if (smime !== undefined) return { body, attachments: [await smimeAttachment(source, smime)], parts, smime };
  if (bodyNamed) notes.add("BodyNamed");
  if (parts.some((part) => part.use === "alternative")) notes.add("alternativeDropped");
  const attachments = await attachmentsOf(source, root, parts, body, notes);
  return { body, attachments: [...attachments, ...overflow], parts };
}

/** The original in one attachment, and as body what could be read of its texts. */
async function keepWhole(source: ByteSource, { root }: Scan, notes: Set<PlanNote>): Promise<Content> {
  notes.add("OriginalAttached");
  const { parts } = layOut(root);
  const body = await excerpt(source, parts.filter((part) => part.use === "body").slice(0, 10));
  return { body, attachments: [originalMessage(source)], parts };
}

/** All of an S/MIME message lies in its one attachment; of a clear-signed one the text is shown as well. */
function wrap(parts: readonly Part[], smime: SmimeForm): readonly Part[] {
  return parts.map((part) =>
    smime.kind === "clearSigned" && part.use === "body" ? part : { ...part, use: "wrapped" as const },
  );
}

async function planBody(
  source: ByteSource,
  smime: SmimeForm | undefined,
  parts: readonly Part[],
  notes: Set<PlanNote>,
): Promise<{ readonly body: MessageBody; readonly overflow: readonly Attachment[] }> {
  const readable = smime?.kind === "opaque" ? [] : parts.filter((part) => part.use === "body");
  if (readable.length > 1) notes.add("severalBodies");
  const encodedBytes = readable.reduce((sum, { entity }) => sum + entity.end - entity.bodyStart, 0);
  if (encodedBytes <= maxBodyBytes) {
    const { guessed, ...body } = await composeBody(source, readable);
    if (guessed.length > 0) notes.add("CharsetGuessed");
    await letOthersRun();
    const { content } = body;
    if (content.length <= maxBodyBytes && (await jsonBytes(content)) <= maxBodyBytes)
      return { body, overflow: [] };
  }
  // Too long for a request: the begin can be read, and all of it is attached, unless the signed entity is.
  const body = await excerpt(source, readable);
  notes.add("textAttached");
  const overflow: Attachment[] = [];
  if (smime === undefined) for (const part of readable) overflow.push(await textFile(source, part));
  return { body, overflow };
}

/** Bytes of the request, its body counted in steps between which others get their turn. */
async function requestBytes({ body, ...others }: MessageResource): Promise<number> {
  const { content, ...kind } = body;
  const around = Buffer.byteLength(JSON.stringify({ ...others, body: { ...kind, content: "" } }));
  await letOthersRun();
  return around + (await jsonBytes(content));
}

async function excerpt(source: ByteSource, readable: readonly Part[]): Promise<MessageBody> {
  const bytesEach = Math.min(excerptBytes, Math.floor(excerptsBytes / Math.max(1, readable.length)));
  const { contentType, content } = await composeBody(source, readable, bytesEach);
  return { contentType, content };
}

async function smimeAttachment(source: ByteSource, smime: SmimeForm): Promise<Attachment> {
  return {
    name: "smime.p7m",
    contentType: smime.contentType,
    isInline: false,
    content: smime.content,
    size: await measureContent(source, smime.content),
  };
}

/** @see https://learn.microsoft.com/graph/outlook-large-attachments */
function distribute(attachments: readonly Attachment[], messageBytes: number): readonly PlannedAttachment[] {
  let room = maxRequestBytes - messageBytes - attachmentOverhead;
  return attachments.map((attachment) => {
    const names = JSON.stringify([attachment.name, attachment.contentType, attachment.contentId ?? ""]);
    const bytes = Math.ceil(attachment.size / 3) * 4 + Buffer.byteLength(names) + attachmentOverhead;
    if (attachment.size >= sessionFrom || bytes > maxRequestBytes) return { ...attachment, via: "session" };
    if (bytes > room) return { ...attachment, via: "post" };
    room -= bytes;
    return { ...attachment, via: "create" };
  });
}

import { MigrationError } from "../../domain/errors.ts";
import type { ByteSource } from "../byte-source.ts";
import { classifyRefusal } from "./classify.ts";
import { itemPath } from "./items.ts";
import { streamContent } from "./mime/content.ts";
import type { PlannedAttachment } from "./mime/plan.ts";
import { callMailbox, listAll, type MailboxSession } from "./session.ts";

interface UploadSession {
  readonly uploadUrl?: string;
  readonly nextExpectedRanges?: readonly string[];
}

/** At most 4 MB a request, in multiples of 320 KiB. @see https://learn.microsoft.com/graph/outlook-large-attachments */
const rangeBytes = 12 * 320 * 1024;
const rangeAttempts = 4;
/** How a session answers a range it has already, or that it no longer exists. */
const outOfStep = [400, 404, 409, 410, 416];
/** How a cloud answers that has no upload sessions. */
const unsupported = [405, 501];
/** @see https://learn.microsoft.com/graph/outlook-large-attachments#errors */
const tooSmallCode = "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize";

/**
 * - `attached`. - `lost`: the session's end may yet come, so the message cannot be relied on any more.
 * - `tooSmall`: nothing was sent, since the file fits into a request of its own.
 */
export type UploadOutcome = "attached" | "lost" | "tooSmall";

/**
 * Attaches one large file to a message by an upload session. A range whose answer was lost is settled by asking the session.
 * @param attachedBefore number of attachments the message has without this one.
 * @param deadline milliseconds since 1970.
 */
export async function uploadAttachment(
  session: MailboxSession,
  item: string,
  attachment: PlannedAttachment,
  source: ByteSource,
  attachedBefore: number,
  deadline: number,
): Promise<UploadOutcome> {
  const url = await beginSession(session, item, attachment);
  if (url === undefined) return "tooSmall";
  if (await sendRanges(session, url, attachment, source, deadline)) return "attached";
  return (await countAttachments(session, item)) > attachedBefore ? "attached" : "lost";
}

export async function countAttachments(session: MailboxSession, item: string): Promise<number> {
  return (await listAll(session, `${itemPath(item)}/attachments`, { $select: "id" })).length;
}

/** @returns the address of the session, undefined if the file is too small for one. */
async function beginSession(
  session: MailboxSession,
  item: string,
  attachment: PlannedAttachment,
): Promise<string | undefined> {
  const { status, body, errorCode } = await callMailbox<UploadSession>(session, {
    method: "POST",
    path: `${itemPath(item)}/attachments/createUploadSession`,
    body: {
      AttachmentItem: {
        attachmentType: "file",
        name: attachment.name,
        size: attachment.size,
        contentType: attachment.contentType,
        isInline: attachment.isInline,
        ...(attachment.contentId === undefined ? {} : { contentId: attachment.contentId }),
      },
    },
    // A session nobody uses ends by itself.
    effect: "repeatable",
    expect: [400, ...unsupported],
  });
  if (body.uploadUrl !== undefined) return body.uploadUrl;
  if (errorCode === tooSmallCode) return undefined;
  if (!unsupported.includes(status)) throw classifyRefusal({ status, code: errorCode }, "repeatable");
  throw new MigrationError(
    "item",
    "LargeAttachmentUnsupported",
    `This cloud takes no attachments of 3 MB or more through Microsoft Graph (${status}); copy the message with TARGET=imap.`,
  );
}

/** @returns true once the last range was taken, false if the session is lost. */
async function sendRanges(
  session: MailboxSession,
  url: string,
  attachment: PlannedAttachment,
  source: ByteSource,
  deadline: number,
): Promise<boolean> {
  let start = 0;
  for await (const range of ranges(source, attachment)) {
    const end = start + range.length;
    if (!(await sendRange(session, url, range, start, attachment.size, deadline))) return false;
    start = end;
  }
  return start === attachment.size;
}

async function sendRange(
  session: MailboxSession,
  url: string,
  range: Buffer,
  start: number,
  total: number,
  deadline: number,
): Promise<boolean> {
  const end = start + range.length;
  for (let attempt = 1; attempt <= rangeAttempts; attempt++) {
    const answer = await session.client.upload<UploadSession>(session.gate, {
      method: "PUT",
      url,
      headers: {
        "Content-Type": "application/octet-stream",
        "Content-Range": `bytes ${start}-${end - 1}/${total}`,
      },
      body: range,
      deadline,
      expect: outOfStep,
    });
    if (answer.status < 400) return true;
    const state = await session.client.upload<UploadSession>(session.gate, {
      method: "GET",
      url,
      deadline,
      expect: outOfStep,
    });
    const next = Number(state.body.nextExpectedRanges?.[0]?.split("-")[0] ?? Number.NaN);
    if (next === end && end < total) return true;
    if (next !== start) return false;
  }
  return false;
}

/** The content in ranges of the size a session takes; only the last one is smaller. */
async function* ranges(source: ByteSource, attachment: PlannedAttachment): AsyncGenerator<Buffer> {
  let range = Buffer.allocUnsafe(rangeBytes);
  let filled = 0;
  for await (const piece of streamContent(source, attachment.content)) {
    for (let at = 0; at < piece.length; ) {
      const copied = piece.copy(range, filled, at);
      filled += copied;
      at += copied;
      if (filled < rangeBytes) continue;
      yield range;
      // The one before may still be on its way.
      range = Buffer.allocUnsafe(rangeBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield range.subarray(0, filled);
}

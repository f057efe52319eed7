import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { TargetFolderId, TargetItemId } from "../../domain/names.ts";
import type { OutgoingMessage } from "../../migration/ports/target.ts";
import type { ByteSource } from "../byte-source.ts";
import { openContent, type SpooledSource } from "../spool.ts";
import { attachmentsDenied, folderGone, isNoMailbox, mailboxNotFound, messageTooLarge } from "./classify.ts";
import type { GraphFolders } from "./folders.ts";
import { itemPath, moveItem, purgeItem } from "./items.ts";
import { loadContent } from "./mime/content.ts";
import { isGuess } from "./mime/notes.ts";
import { type MessagePlan, type PlannedAttachment, planMessage } from "./mime/plan.ts";
import { type ExtendedProperty, expandProperties, propertyIds, propertyValue } from "./properties.ts";
import { callMailbox, listAll, type MailboxSession } from "./session.ts";
import { countAttachments, uploadAttachment } from "./upload.ts";

/** The largest message Exchange Online can be set to take, and its size on the wire at worst (base64 with line ends). */
const maxItemBytes = 150 * 1024 * 1024;
export const maxSourceBytes = Math.ceil(maxItemBytes * 1.4) + (8 << 20);
const maxAssemblies = 5;
/** Assemblies without an error and without attachments that prove it no accident. */
const maxIgnored = 2;
/** Leftovers of writes nobody will finish any more. */
const leftoverAgeMs = 24 * 60 * 60 * 1000;

/**
 * Stores one message. What fits into one request is created whole in its folder; everything else is put together in the
 * hidden staging folder and moved when it is complete, so that nobody ever sees half a message.
 * @see TargetMailbox.write
 */
export async function writeMessage(
  session: MailboxSession,
  folders: GraphFolders,
  folder: TargetFolderId,
  message: OutgoingMessage,
): Promise<TargetItemId> {
  const deadline = Date.now() + message.timeoutMs;
  const timed = { ...session, deadline };
  const source = await openSource(message);
  try {
    const plan = await planMessage(source, message);
    for (const note of plan.notes) if (isGuess(note)) message.guessed?.(note);
    const size = plan.attachments.reduce((sum, attachment) => sum + attachment.size, 0);
    if (size > maxItemBytes) throw messageTooLarge();
    if (plan.attachments.every((attachment) => attachment.via === "create"))
      return await create(timed, folder, plan, source);
    const staging = await folders.staging();
    return await writeStaged(timed, { staging, folder, stamp: message.stamp, plan, source, deadline });
  } finally {
    await source.dispose();
  }
}

/** A message that nobody sees, made and removed at once. @see TargetMailbox.takesMessages */
export async function takesMessages(session: MailboxSession, folders: GraphFolders): Promise<boolean> {
  const staging = await folders.staging();
  const { status, body } = await callMailbox<{ readonly id: string }>(session, {
    method: "POST",
    path: `/mailFolders/${encodeURIComponent(staging)}/messages`,
    body: { subject: "imap-to-m365" },
    effect: "create",
    expect: [404],
  });
  if (status === 404) return false;
  await discard(session, body.id as TargetItemId);
  return true;
}

/** The bytes of a message. Whoever opens it disposes of it. @throws MigrationError */
export async function openSource({ content }: Pick<OutgoingMessage, "content">): Promise<SpooledSource> {
  const opened = await openContent(content, maxSourceBytes);
  if (opened === undefined) throw messageTooLarge();
  return opened;
}

async function create(
  session: MailboxSession,
  folder: TargetFolderId,
  plan: MessagePlan,
  source: ByteSource,
): Promise<TargetItemId> {
  const inCreate = plan.attachments.filter((attachment) => attachment.via === "create");
  const attachments = await Promise.all(inCreate.map((attachment) => fileAttachment(attachment, source)));
  const answer = await callMailbox<{ readonly id: string }>(session, {
    method: "POST",
    path: `/mailFolders/${encodeURIComponent(folder)}/messages`,
    body: attachments.length === 0 ? plan.message : { ...plan.message, attachments },
    effect: "create",
    expect: [404],
    isHot: true,
  });
  if (answer.status === 404) throw isNoMailbox(answer.errorCode) ? mailboxNotFound() : folderGone();
  return answer.body.id as TargetItemId;
}

/** @see https://learn.microsoft.com/graph/api/resources/fileattachment */
async function fileAttachment(attachment: PlannedAttachment, source: ByteSource) {
  const bytes = await loadContent(source, attachment.content);
  return {
    "@odata.type": "#microsoft.graph.fileAttachment",
    name: attachment.name,
    contentType: attachment.contentType,
    isInline: attachment.isInline,
    ...(attachment.contentId === undefined ? {} : { contentId: attachment.contentId }),
    contentBytes: bytes.toString("base64"),
  };
}

interface StagedWrite {
  readonly staging: TargetFolderId;
  readonly folder: TargetFolderId;
  readonly stamp: string;
  readonly plan: MessagePlan;
  readonly source: ByteSource;
  /** Milliseconds since 1970. */
  readonly deadline: number;
}

/**
 * Puts a message together out of sight. Where a lost answer leaves doubt about a piece, the message is thrown away and begun
 * anew: a piece that arrives late then finds nothing to be added to twice.
 * @throws MigrationError `item`/`AttachmentsDenied` where Exchange lets nothing be added to a message once it is there,
 * whether it says so or not.
 */
async function writeStaged(session: MailboxSession, write: StagedWrite): Promise<TargetItemId> {
  await removeLeftovers(session, write.staging, write.stamp);
  let timesIgnored = 0;
  for (let attempt = 1; attempt <= maxAssemblies && timesIgnored < maxIgnored; attempt++) {
    const item = await createStaged(session, write);
    if (item === undefined) continue;
    try {
      const assembled = await assemble(session, item, write);
      if (assembled === "whole") {
        const moved = await moveItem(session, write.staging, item, write.folder);
        if (moved !== undefined) return moved;
      }
      if (assembled === "ignored") timesIgnored++;
    } catch (error) {
      // A skipped message is not tried again, so nobody else would tidy up.
      if (isMigrationError(error) && error.kind === "item") await discard(session, item);
      throw error;
    }
    await discard(session, item);
  }
  if (timesIgnored === maxIgnored) throw attachmentsDenied();
  throw new MigrationError(
    "transient",
    "UploadInterrupted",
    "Microsoft Graph broke off the transfer of a message several times; it is tried again later.",
  );
}

/** What cannot be removed now is removed by a later write, and cannot be seen meanwhile. */
async function discard(session: MailboxSession, item: TargetItemId): Promise<void> {
  await purgeItem(session, item).catch(() => undefined);
}

/** @returns undefined if it is unknown whether there is one; nothing in the staging folder can be seen. */
async function createStaged(session: MailboxSession, write: StagedWrite): Promise<TargetItemId | undefined> {
  try {
    return await create(session, write.staging, write.plan, write.source);
  } catch (error) {
    if (!isMigrationError(error) || !error.inDoubt) throw error;
    const staged = await listStaged(session, write.staging);
    return staged.find((message) => stampOf(message) === write.stamp)?.id as TargetItemId | undefined;
  }
}

/** @throws MigrationError `item`/`AttachmentsDenied` */
async function assemble(session: MailboxSession, item: TargetItemId, write: StagedWrite): Promise<Assembly> {
  try {
    return await attachRest(session, item, write);
  } catch (error) {
    if (!isMigrationError(error) || error.code !== "TargetAccessDenied") throw error;
    // The mailbox let the message in: if it lets it go, too, the refusal is about the attachments alone.
    await purgeItem(session, item);
    throw attachmentsDenied();
  }
}

/**
 * - `whole`. - `ignored`: every attachment was taken, and not all are there. - `lost`: the message cannot be relied on.
 */
type Assembly = "whole" | "ignored" | "lost";

async function attachRest(
  session: MailboxSession,
  item: TargetItemId,
  { plan, source, deadline }: StagedWrite,
): Promise<Assembly> {
  let attached = plan.attachments.filter((attachment) => attachment.via === "create").length;
  for (const attachment of plan.attachments) {
    if (attachment.via === "create") continue;
    const outcome =
      attachment.via === "session"
        ? await uploadAttachment(session, item, attachment, source, attached, deadline)
        : "tooSmall";
    if (outcome === "lost") return "lost";
    if (outcome === "tooSmall" && !(await postAttachment(session, item, attachment, source, attached)))
      return "lost";
    attached++;
  }
  const there = await countAttachments(session, item);
  if (there === plan.attachments.length) return "whole";
  return there < plan.attachments.length ? "ignored" : "lost";
}

async function postAttachment(
  session: MailboxSession,
  item: TargetItemId,
  attachment: PlannedAttachment,
  source: ByteSource,
  attachedBefore: number,
): Promise<boolean> {
  try {
    await callMailbox(session, {
      method: "POST",
      path: `${itemPath(item)}/attachments`,
      body: await fileAttachment(attachment, source),
      effect: "create",
    });
    return true;
  } catch (error) {
    if (!isMigrationError(error) || !error.inDoubt) throw error;
    return (await countAttachments(session, item)) > attachedBefore;
  }
}

interface StagedMessage {
  readonly id: string;
  readonly createdDateTime: string;
  readonly singleValueExtendedProperties?: readonly ExtendedProperty[];
}

function listStaged(session: MailboxSession, staging: TargetFolderId): Promise<readonly StagedMessage[]> {
  return listAll<StagedMessage>(session, `/mailFolders/${encodeURIComponent(staging)}/messages`, {
    $select: "id,createdDateTime",
    $expand: expandProperties(propertyIds.stamp),
    $top: "100",
  });
}

function stampOf(message: StagedMessage): string | undefined {
  return propertyValue(message.singleValueExtendedProperties, propertyIds.stamp);
}

/** What an earlier try of this message left, and what other tries left long ago. */
async function removeLeftovers(
  session: MailboxSession,
  staging: TargetFolderId,
  stamp: string,
): Promise<void> {
  const expired = Date.now() - leftoverAgeMs;
  for (const message of await listStaged(session, staging)) {
    if (stampOf(message) === stamp || Date.parse(message.createdDateTime) < expired)
      await purgeItem(session, message.id);
  }
}

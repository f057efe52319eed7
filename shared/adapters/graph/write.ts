import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { TargetFolderId, TargetItemId } from "../../domain/names.ts";
import type { OutgoingMessage } from "../../migration/ports/target.ts";
import { folderGone, isNoMailbox, mailboxNotFound, messageTooLarge } from "./classify.ts";
import type { GraphFolders } from "./folders.ts";
import { itemPath, moveItem, purgeItem } from "./items.ts";
import { type ByteSource, bufferSource } from "./mime/bytes.ts";
import { loadContent } from "./mime/content.ts";
import { type MessagePlan, type PlannedAttachment, planMessage } from "./mime/plan.ts";
import { type SpooledSource, spool } from "./mime/spool.ts";
import { type ExtendedProperty, expandProperties, propertyIds, propertyValue } from "./properties.ts";
import { callMailbox, listAll, type MailboxSession } from "./session.ts";
import { countAttachments, uploadAttachment } from "./upload.ts";

/** The largest message Exchange Online can be set to take, and its size on the wire at worst (base64 with line ends). */
const maxItemBytes = 150 * 1024 * 1024;
const maxSourceBytes = Math.ceil(maxItemBytes * 1.4) + (8 << 20);
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
  const source = await openSource(message);
  try {
    const plan = await planMessage(source, message);
    const size = plan.attachments.reduce((sum, attachment) => sum + attachment.size, 0);
    if (size > maxItemBytes) throw messageTooLarge();
    if (plan.attachments.every((attachment) => attachment.via === "create"))
      return await create(session, folder, plan, source, deadline);
    return await writeStaged(session, folders, folder, message.stamp, plan, source, deadline);
  } finally {
    await source.dispose();
  }
}

async function openSource(message: OutgoingMessage): Promise<SpooledSource> {
  if (Buffer.isBuffer(message.content)) return { ...bufferSource(message.content), dispose: async () => {} };
  let spooled: SpooledSource | undefined;
  try {
    spooled = await spool(await message.content(), maxSourceBytes);
  } catch (error) {
    if (isMigrationError(error)) throw error;
    throw new MigrationError(
      "transient",
      "SpoolFailed",
      "A large message could not be kept in the temporary directory while it was copied; it is tried again later.",
      { cause: error },
    );
  }
  if (spooled === undefined) throw messageTooLarge();
  return spooled;
}

async function create(
  session: MailboxSession,
  folder: TargetFolderId,
  plan: MessagePlan,
  source: ByteSource,
  deadline: number,
): Promise<TargetItemId> {
  const inCreate = plan.attachments.filter((attachment) => attachment.via === "create");
  const attachments = await Promise.all(inCreate.map((attachment) => fileAttachment(attachment, source)));
  const answer = await callMailbox<{ readonly id: string }>(session, {
    method: "POST",
    path: `/mailFolders/${encodeURIComponent(folder)}/messages`,
    body: attachments.length === 0 ? plan.message : { ...plan.message, attachments },
    effect: "create",
    deadline,
    expect: [404],
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

async function writeStaged(
  session: MailboxSession,
  folders: GraphFolders,
  folder: TargetFolderId,
  stamp: string,
  plan: MessagePlan,
  source: ByteSource,
  deadline: number,
): Promise<TargetItemId> {
  const staging = await folders.staging();
  await removeLeftovers(session, staging, stamp);
  const item = await createStaged(session, staging, stamp, plan, source, deadline);
  try {
    await attachRest(session, item, plan.attachments, source, deadline);
    const moved = await moveItem(session, staging, item, folder, deadline);
    if (moved !== undefined) return moved;
    throw tornMessage();
  } catch (error) {
    // A skipped message is not tried again, so nobody else would tidy up.
    if (isMigrationError(error) && error.kind === "item") await purgeItem(session, item);
    throw error;
  }
}

/** Nothing in the staging folder can be seen, so a lost answer there leaves nothing in doubt. */
async function createStaged(
  session: MailboxSession,
  staging: TargetFolderId,
  stamp: string,
  plan: MessagePlan,
  source: ByteSource,
  deadline: number,
): Promise<TargetItemId> {
  try {
    return await create(session, staging, plan, source, deadline);
  } catch (error) {
    if (!isMigrationError(error) || !error.inDoubt) throw error;
    const [item] = (await listStaged(session, staging)).filter((staged) => stampOf(staged) === stamp);
    if (item !== undefined) return item.id as TargetItemId;
    throw withoutDoubt(error);
  }
}

async function attachRest(
  session: MailboxSession,
  item: TargetItemId,
  attachments: readonly PlannedAttachment[],
  source: ByteSource,
  deadline: number,
): Promise<void> {
  let attached = attachments.filter((attachment) => attachment.via === "create").length;
  for (const attachment of attachments) {
    if (attachment.via === "post")
      await postAttachment(session, item, attachment, source, attached++, deadline);
    if (attachment.via === "session")
      await uploadAttachment(session, item, attachment, source, attached++, deadline);
  }
  if ((await countAttachments(session, item)) === attachments.length) return;
  await purgeItem(session, item);
  throw tornMessage();
}

async function postAttachment(
  session: MailboxSession,
  item: TargetItemId,
  attachment: PlannedAttachment,
  source: ByteSource,
  attachedBefore: number,
  deadline: number,
): Promise<void> {
  const body = await fileAttachment(attachment, source);
  for (;;) {
    try {
      await callMailbox(session, {
        method: "POST",
        path: `${itemPath(item)}/attachments`,
        body,
        effect: "create",
        deadline,
      });
      return;
    } catch (error) {
      if (!isMigrationError(error) || !error.inDoubt || Date.now() >= deadline) throw withoutDoubt(error);
      if ((await countAttachments(session, item)) > attachedBefore) return;
    }
  }
}

function withoutDoubt(error: unknown): unknown {
  if (!isMigrationError(error) || !error.inDoubt) return error;
  return new MigrationError(error.kind, error.code, error.message, { cause: error });
}

function tornMessage(): MigrationError {
  return new MigrationError(
    "transient",
    "UploadInterrupted",
    "A message could not be put together completely in the target; it is tried again later.",
  );
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

import { isMigrationError } from "../../domain/errors.ts";
import { readMailDate } from "../../domain/mail-date.ts";
import type { Stamp, TargetFolderId, TargetItemId } from "../../domain/names.ts";
import type { MessageLook, TargetEntry } from "../../migration/ports/target.ts";
import { folderGone } from "./classify.ts";
import { flagsOf, type MessageState, stateFields, stateProperties } from "./flags.ts";
import { readAddresses } from "./mime/addresses.ts";
import { storableText } from "./mime/charset.ts";
import { decodeEncodedWords } from "./mime/encoded-words.ts";
import { fieldValue, parseHeader } from "./mime/header.ts";
import { expandProperties, propertyIds, propertyValue } from "./properties.ts";
import { listAll, type MailboxSession } from "./session.ts";

interface ListedMessage extends MessageState {
  readonly id: string;
  readonly receivedDateTime?: string;
  readonly sentDateTime?: string;
  readonly internetMessageId?: string;
  readonly subject?: string;
  readonly from?: { readonly emailAddress?: { readonly address?: string } };
}

/** Messages of a page: fewer than Graph allows, since each brings extended properties along. */
const pageSize = "500";
/** Of a subject so much is compared; longer ones are shortened in the target. */
const maxSubject = 200;

/** @see TargetMailbox.listEntries */
export async function listEntries(
  session: MailboxSession,
  folder: TargetFolderId,
): Promise<readonly TargetEntry[]> {
  const messages = await listAll<ListedMessage>(
    session,
    `/mailFolders/${encodeURIComponent(folder)}/messages`,
    {
      $select: `id,receivedDateTime,sentDateTime,internetMessageId,subject,from,${stateFields}`,
      $expand: expandProperties(propertyIds.stamp, propertyIds.messageSize, ...stateProperties),
      $top: pageSize,
    },
  ).catch((error: unknown) => {
    throw isMigrationError(error) && error.code === "TargetItemGone" ? folderGone() : error;
  });
  return messages.map(entryOf);
}

function entryOf(message: ListedMessage): TargetEntry {
  const properties = message.singleValueExtendedProperties;
  const size = Number(propertyValue(properties, propertyIds.messageSize));
  return {
    id: message.id as TargetItemId,
    receivedAt: Date.parse(message.receivedDateTime ?? "") || 0,
    size: Number.isFinite(size) ? size : undefined,
    flags: flagsOf(message),
    stamp: propertyValue(properties, propertyIds.stamp) as Stamp | undefined,
    look: {
      messageId: message.internetMessageId?.trim() || undefined,
      sentAt: wholeSecond(Date.parse(message.sentDateTime ?? "")),
      from: message.from?.emailAddress?.address?.toLowerCase() || undefined,
      subject: subjectOf(message.subject),
    },
  };
}

/** What a listing shows of a copy of a message with this header. @see TargetMailbox.lookOf */
export async function lookOf(header: Buffer): Promise<MessageLook> {
  const fields = parseHeader(header);
  const counts = { groups: 0, guessed: 0, shortened: 0 };
  let from: string | undefined;
  for await (const { emailAddress } of readAddresses(fieldValue(fields, "from") ?? "", counts)) {
    from = emailAddress.address?.toLowerCase();
    break;
  }
  return {
    messageId: storableText(fieldValue(fields, "message-id") ?? "").trim() || undefined,
    sentAt: wholeSecond(readMailDate(fieldValue(fields, "date"))?.date.getTime()),
    from,
    subject: subjectOf(decodeEncodedWords((fieldValue(fields, "subject") ?? "").slice(0, 4 * maxSubject))),
  };
}

function subjectOf(text: string | undefined): string | undefined {
  return text?.replace(/\s+/g, " ").trim().slice(0, maxSubject) || undefined;
}

function wholeSecond(instant: number | undefined): number | undefined {
  return instant === undefined || Number.isNaN(instant) ? undefined : Math.floor(instant / 1000) * 1000;
}

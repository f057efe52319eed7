import type { Stamp, TargetFolderId, TargetItemId, Uid } from "../../../domain/names.ts";
import type { OutgoingMessage } from "../../../migration/ports/target.ts";
import { itemPath } from "../items.ts";
import type { GraphMailbox } from "../mailbox.ts";
import { type ExtendedProperty, expandProperties, propertyIds, propertyValue } from "../properties.ts";
import { callMailbox, type MailboxSession } from "../session.ts";
import { advice } from "./advice.ts";
import {
  messageIdOf,
  plainSample,
  sampleCategory,
  sampleDates,
  sampleField,
  sampleSender,
  signedEntity,
  signedSample,
} from "./samples.ts";
import { type Finding, failed, ok, type Steps, warning } from "./steps.ts";
import { checkStamp } from "./workplace.ts";

/** What the steps on one mailbox share. */
export interface Bench {
  readonly steps: Steps;
  readonly session: MailboxSession;
  readonly mailbox: GraphMailbox;
  readonly folder: TargetFolderId;
}

const writeMs = 180_000;
export const chunkToken = "check";

/** A message of the check as a migration would write it. */
export function outgoing(
  name: string,
  content: OutgoingMessage["content"],
  size: number,
  flags: readonly string[] = [],
): OutgoingMessage {
  return {
    uid: 1 as Uid,
    stamp: checkStamp(name) as Stamp,
    chunkToken,
    internalDate: sampleDates.received,
    flags,
    size,
    content,
    timeoutMs: writeMs,
  };
}

const fields =
  "isDraft,receivedDateTime,sentDateTime,isRead,flag,categories,importance,internetMessageId,from,parentFolderId";

interface ReadBack {
  readonly isDraft?: boolean;
  readonly receivedDateTime?: string;
  readonly sentDateTime?: string;
  readonly isRead?: boolean;
  readonly flag?: { readonly flagStatus?: string };
  readonly categories?: readonly string[];
  readonly importance?: string;
  readonly internetMessageId?: string;
  readonly from?: { readonly emailAddress?: { readonly address?: string } };
  readonly singleValueExtendedProperties?: readonly ExtendedProperty[];
}

async function readBack(session: MailboxSession, item: TargetItemId): Promise<ReadBack> {
  const { body } = await callMailbox<ReadBack>(session, {
    method: "GET",
    path: itemPath(item),
    query: {
      $select: fields,
      $expand: expandProperties(
        propertyIds.transportHeaders,
        propertyIds.lastVerb,
        propertyIds.messageClass,
        propertyIds.stamp,
      ),
    },
    effect: "read",
  });
  return body;
}

const same = (what: string, is: boolean, remedy: string): Finding =>
  is ? ok(`${what} as written.`) : failed(`${what} not as written.`, remedy);
const sameDate = (text: string | undefined, date: Date): boolean =>
  text !== undefined && Date.parse(text) === date.getTime();

/** One message with everything that a migration sets, and what of it is there afterwards. */
export async function checkMessage({ steps, session, mailbox, folder }: Bench): Promise<void> {
  const content = plainSample("state", "Importance: high");
  const item = await steps.take("create", "a message with dates, flags, header and stamp", async () => {
    const flags = ["\\Seen", "\\Flagged", "\\Answered", sampleCategory];
    const result = await mailbox.write(folder, outgoing("state", content, content.length, flags));
    return { ...ok("The message is created."), result };
  });
  if (item === undefined) return;
  const there = await steps.take("read", "this message", async () => ({
    ...ok("The message is read."),
    result: await readBack(session, item),
  }));
  if (there === undefined) return;
  const value = (id: string) => propertyValue(there.singleValueExtendedProperties, id);
  const look = (step: string, asked: string, finding: Finding) =>
    steps.take(step, asked, async () => finding);
  await look(
    "draft",
    "whether it is a draft",
    there.isDraft === false ? ok("It is none.") : failed("It is a draft.", advice.draft),
  );
  await look(
    "received date",
    "its received date",
    same("The date is", sameDate(there.receivedDateTime, sampleDates.received), advice.date),
  );
  await look(
    "sent date",
    "its sent date",
    same("The date is", sameDate(there.sentDateTime, sampleDates.sent), advice.date),
  );
  await look("read state", "whether it is read", same("The state is", there.isRead === true, advice.state));
  await look("flag", "its flag", same("The flag is", there.flag?.flagStatus === "flagged", advice.state));
  await look(
    "categories",
    "its categories",
    same("The category is", there.categories?.includes(sampleCategory) === true, advice.state),
  );
  await look("importance", "its importance", same("It is", there.importance === "high", advice.state));
  await look(
    "answered",
    "whether it is answered",
    same("The state is", value(propertyIds.lastVerb) === "102", advice.state),
  );
  await look(
    "sender",
    "its Message-ID and sender",
    same(
      "Both are",
      there.internetMessageId === messageIdOf("state") &&
        there.from?.emailAddress?.address?.toLowerCase() === sampleSender,
      advice.state,
    ),
  );
  await look(
    "header",
    "its original header",
    same("The header is", value(propertyIds.transportHeaders)?.includes(sampleField) === true, advice.header),
  );
  await steps.take("search", "the message by the mark it carries", async () => {
    const candidate = {
      uid: 1 as Uid,
      stamp: checkStamp("state") as Stamp,
      internalDate: sampleDates.received,
      size: content.length,
      flags: [],
      header: Buffer.alloc(0),
    };
    const found = await mailbox.findWritten(folder, { token: chunkToken, mark: "" }, [candidate], new Set());
    return found.get(candidate.stamp)?.some(({ id }) => id === item) === true
      ? ok("It is found straight after the create.")
      : failed("It is not found.", advice.notSearchable);
  });
  await steps.take("flag later", "to take the flag off, and to mark it unread", async () => {
    const outcome = await mailbox.changeFlags(folder, item, { add: [], remove: ["\\Flagged", "\\Seen"] });
    const { flag, isRead } = await readBack(session, item);
    return same(
      "The change is",
      outcome === "done" && flag?.flagStatus === "notFlagged" && isRead === false,
      advice.state,
    );
  });
}

/** A change that takes a permission of its own from 2026-12-31 on. */
export async function checkAnsweredLater({ steps, mailbox, folder }: Bench): Promise<void> {
  await steps.take("answered later", "to mark a message answered that is there", async () => {
    const content = plainSample("later");
    const item = await mailbox.write(folder, outgoing("later", content, content.length));
    const outcome = await mailbox.changeFlags(folder, item, { add: ["\\Answered"], remove: [] });
    if (outcome === "done") return ok("The message is answered.");
    return typeof outcome === "object"
      ? warning("Exchange refuses the change.", advice.advancedMail)
      : failed("The message is gone.", advice.report);
  });
}

/** Whether an S/MIME entity is there byte by byte. */
export async function checkSigned({ steps, session, mailbox, folder }: Bench): Promise<void> {
  await steps.take("signature", "a clear-signed S/MIME message", async () => {
    const content = signedSample("signed");
    const item = await mailbox.write(folder, outgoing("signed", content, content.length));
    const { singleValueExtendedProperties } = await readBack(session, item);
    const { body } = await callMailbox<{ readonly value?: readonly { readonly contentBytes?: string }[] }>(
      session,
      { method: "GET", path: `${itemPath(item)}/attachments`, effect: "read" },
    );
    const [attachment] = body.value ?? [];
    const stored = Buffer.from(attachment?.contentBytes ?? "", "base64");
    const whole = stored.includes(signedEntity.subarray(0, -2));
    const known =
      propertyValue(singleValueExtendedProperties, propertyIds.messageClass) ===
      "IPM.Note.SMIME.MultipartSigned";
    return same("The signed entity is", whole && known, advice.signature);
  });
}

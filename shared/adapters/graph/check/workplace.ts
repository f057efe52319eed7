import { MigrationError } from "../../../domain/errors.ts";
import type { TargetFolderId } from "../../../domain/names.ts";
import { stagingName } from "../folders.ts";
import { purgeItem } from "../items.ts";
import { type ExtendedProperty, expandProperties, propertyIds, propertyValue } from "../properties.ts";
import { callMailbox, listAll, type MailboxSession } from "../session.ts";
import { sampleSender } from "./samples.ts";

/** The folder that a check makes, and removes. */
export const checkFolderName = "imap-to-m365 check";
/** Begin of the stamps of a check's messages: by it they are known after a run that ended in the middle. */
const stampPrefix = "check-";

export function checkStamp(name: string): string {
  return `${stampPrefix}${name}`;
}

interface Folder {
  readonly id: string;
  readonly displayName: string;
  readonly isHidden?: boolean;
}

/** A folder of this name below the root, if there is one; hidden ones included. */
export async function findFolder(session: MailboxSession, name: string): Promise<TargetFolderId | undefined> {
  const folders = await listAll<Folder>(session, "/mailFolders/msgfolderroot/childFolders", {
    $select: "id,displayName",
    $top: "200",
    includeHiddenFolders: "true",
  });
  return folders.find(({ displayName }) => displayName === name)?.id as TargetFolderId | undefined;
}

/**
 * Removes what checks have made: their messages in the staging folder, their folder, and the staging folder where nothing
 * is left in it. Repeatable.
 * @throws MigrationError `mailbox`/`CheckFolderTaken` if the folder holds a message that no check wrote.
 */
export async function tidyUp(session: MailboxSession): Promise<{ readonly messages: number }> {
  let messages = 0;
  const folder = await findFolder(session, checkFolderName);
  if (folder !== undefined) {
    const inside = await stampedMessages(session, folder);
    if (inside.some(({ own }) => !own)) throw folderTaken();
    messages += inside.length;
    await removeFolder(session, folder);
  }
  const staging = await findFolder(session, stagingName);
  if (staging === undefined) return { messages };
  const staged = await stampedMessages(session, staging);
  for (const { id, own } of staged) if (own) await purgeItem(session, id);
  const left = staged.filter(({ own }) => !own).length;
  if (left === 0) await removeFolder(session, staging);
  return { messages: messages + staged.length - left };
}

async function stampedMessages(
  session: MailboxSession,
  folder: TargetFolderId,
): Promise<readonly { readonly id: string; readonly own: boolean }[]> {
  const messages = await listAll<{
    readonly id: string;
    readonly from?: { readonly emailAddress?: { readonly address?: string } };
    readonly singleValueExtendedProperties?: readonly ExtendedProperty[];
  }>(session, `/mailFolders/${encodeURIComponent(folder)}/messages`, {
    $select: "id,from",
    $expand: expandProperties(propertyIds.stamp),
    $top: "100",
  });
  return messages.map(({ id, from, singleValueExtendedProperties }) => ({
    id,
    own:
      propertyValue(singleValueExtendedProperties, propertyIds.stamp)?.startsWith(stampPrefix) === true ||
      // Of what was written as raw MIME no stamp is sure, and nobody else has an address in .invalid (RFC 2606).
      from?.emailAddress?.address === sampleSender,
  }));
}

/** For good, where the cloud can; a folder that is gone is fine. @see https://learn.microsoft.com/graph/api/mailfolder-permanentdelete */
async function removeFolder(session: MailboxSession, folder: TargetFolderId): Promise<void> {
  const path = `/mailFolders/${encodeURIComponent(folder)}`;
  const purged = await callMailbox(session, {
    method: "POST",
    path: `${path}/permanentDelete`,
    effect: "repeatable",
    expect: [400, 404, 405, 501],
  });
  if (purged.status >= 400)
    await callMailbox(session, { method: "DELETE", path, effect: "repeatable", expect: [404] });
}

function folderTaken(): MigrationError {
  return new MigrationError(
    "mailbox",
    "CheckFolderTaken",
    `The mailbox has a folder "${checkFolderName}" with mail that no check wrote; nothing was removed.`,
  );
}

import { isMigrationError } from "../../domain/errors.ts";
import type { TargetFolderId, TargetItemId } from "../../domain/names.ts";
import type { FolderState, ItemState } from "../../migration/ports/target.ts";
import { folderGone, isNoMailbox, mailboxNotFound } from "./classify.ts";
import { flagsOf, type MessageState, stateFields, stateProperties } from "./flags.ts";
import type { GraphFolders } from "./folders.ts";
import { expandProperties } from "./properties.ts";
import { callMailbox, type MailboxSession, readBatch } from "./session.ts";

export interface LocatedMessage extends MessageState {
  readonly id: string;
  readonly parentFolderId: string;
}

const stateQuery = {
  $select: `id,parentFolderId,${stateFields}`,
  $expand: expandProperties(...stateProperties),
};
const moveAttempts = 4;

export function itemPath(item: string): string {
  return `/messages/${encodeURIComponent(item)}`;
}

/** Where an item is and what state it is in; undefined if it is gone. */
export async function readItem(
  session: MailboxSession,
  item: TargetItemId,
): Promise<LocatedMessage | undefined> {
  const answer = await callMailbox<LocatedMessage>(session, {
    method: "GET",
    path: itemPath(item),
    query: stateQuery,
    effect: "read",
    expect: [404],
  });
  if (answer.status !== 404) return answer.body;
  if (isNoMailbox(answer.errorCode)) throw mailboxNotFound();
  return undefined;
}

/** @see TargetMailbox.readItems */
export async function readItems(
  session: MailboxSession,
  folder: TargetFolderId,
  items: readonly TargetItemId[],
): Promise<ReadonlyMap<TargetItemId, ItemState>> {
  const query = Object.entries(stateQuery)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join("&");
  const answers = await readBatch(
    session,
    items.map((item) => `${itemPath(item)}?${query}`),
    [404],
  );
  const states = new Map<TargetItemId, ItemState>();
  answers.forEach(({ status, body }, index) => {
    const id = items[index];
    const message = body as LocatedMessage;
    if (id === undefined || status === 404 || message.parentFolderId !== folder) return;
    states.set(id, { id, flags: flagsOf(message) });
  });
  return states;
}

/** @see TargetMailbox.itemsAnywhere */
export async function itemsAnywhere(
  session: MailboxSession,
  folders: GraphFolders,
  items: readonly TargetItemId[],
): Promise<ReadonlySet<TargetItemId>> {
  const query = "$select=id,parentFolderId";
  const answers = await readBatch(
    session,
    items.map((item) => `${itemPath(item)}?${query}`),
    [404],
  );
  const found = new Set<TargetItemId>();
  const states = new Map<string, FolderState>();
  for (const [index, { status, body }] of answers.entries()) {
    const id = items[index];
    if (id === undefined || status === 404) continue;
    const { parentFolderId } = body as Pick<LocatedMessage, "parentFolderId">;
    const state = states.get(parentFolderId) ?? (await folders.state(parentFolderId as TargetFolderId));
    states.set(parentFolderId, state);
    if (state === "there" && !(await folders.isTrash(parentFolderId))) found.add(id);
  }
  return found;
}

/**
 * Moves an item unless it is there already. Immutable ids stay the same, so a lost answer is settled by looking.
 * @returns undefined if the item is in neither folder.
 * @throws MigrationError `item`/`TargetFolderGone` if there is no such folder to move to; `inDoubt` if the move may still happen.
 */
export async function moveItem(
  session: MailboxSession,
  from: TargetFolderId,
  item: TargetItemId,
  to: TargetFolderId,
): Promise<TargetItemId | undefined> {
  let inDoubt = false;
  for (let attempt = 1; ; attempt++) {
    try {
      const message = await readItem(session, item);
      if (message?.parentFolderId === to) return item;
      if (message?.parentFolderId !== from) return undefined;
      return await moveOnce(session, item, to);
    } catch (error) {
      if (!isMigrationError(error)) throw error;
      inDoubt ||= error.inDoubt;
      if (!error.inDoubt || attempt === moveAttempts) throw inDoubt ? error.asInDoubt() : error;
    }
  }
}

async function moveOnce(
  session: MailboxSession,
  item: TargetItemId,
  to: TargetFolderId,
): Promise<TargetItemId | undefined> {
  const answer = await callMailbox<{ readonly id: string }>(session, {
    method: "POST",
    path: `${itemPath(item)}/move`,
    body: { destinationId: to },
    effect: "create",
    expect: [404],
  });
  if (answer.status !== 404) return answer.body.id as TargetItemId;
  if ((await readItem(session, item)) !== undefined) throw folderGone();
  return undefined;
}

/**
 * Removes an item for good; one that is gone already is fine.
 * @see https://learn.microsoft.com/graph/api/message-permanentdelete
 */
export async function purgeItem(session: MailboxSession, item: string): Promise<void> {
  const purged = await callMailbox(session, {
    method: "POST",
    path: `${itemPath(item)}/permanentDelete`,
    effect: "repeatable",
    expect: [400, 404, 405, 501],
  });
  // Some national clouds lack it; where the item is gone, deleting it changes nothing.
  if (purged.status >= 400)
    await callMailbox(session, {
      method: "DELETE",
      path: itemPath(item),
      effect: "repeatable",
      expect: [404],
    });
}

import type { TargetFolderId, TargetItemId } from "../../domain/names.ts";
import type { ChangeOutcome, FlagOutcome } from "../../migration/ports/target.ts";
import { lastActions, type StatePatch, stateChange } from "./flags.ts";
import { itemPath, readItem } from "./items.ts";
import { type ExtendedProperty, propertyIds, propertyValue } from "./properties.ts";
import { callMailbox, type MailboxSession } from "./session.ts";

/** What a session has seen of changes of the last action (answered, forwarded). */
export interface LastActionRule {
  /** True: Exchange makes them. False: it does not, and is not asked again. Undefined: not seen yet. */
  changes?: boolean;
}

/**
 * From 2026-12-31 Exchange Online refuses to change the last action of a message that is no draft without the permission
 * Mail-Advanced.ReadWrite.All; answers of success without any effect were reported as well. So it goes by a request of its
 * own, after all else, and the first success in a session is looked at.
 * @param rule of the session; updated.
 * @see TargetMailbox.changeFlags
 * @see https://learn.microsoft.com/graph/api/message-update (properties that are updatable only if isDraft = true)
 */
export async function changeFlags(
  session: MailboxSession,
  rule: LastActionRule,
  folder: TargetFolderId,
  item: TargetItemId,
  change: { readonly add: readonly string[]; readonly remove: readonly string[] },
): Promise<FlagOutcome> {
  const message = await readItem(session, item);
  if (message?.parentFolderId !== folder) return "gone";
  const { plain, lastAction } = stateChange(message, change);
  // A draft may be changed in every way.
  if (message.isDraft === true)
    return update(session, item, {
      ...plain,
      ...(lastAction === undefined ? {} : { singleValueExtendedProperties: lastAction }),
    });
  const outcome = await update(session, item, plain ?? {});
  if (outcome === "gone" || lastAction === undefined) return outcome;
  const result = await changeLastAction(session, rule, item, lastAction);
  if (result !== "kept") return result;
  return { unkept: [...change.add, ...change.remove].filter((flag) => lastActions.has(flag)) };
}

async function update(
  session: MailboxSession,
  item: TargetItemId,
  patch: StatePatch,
): Promise<ChangeOutcome> {
  if (Object.keys(patch).length === 0) return "done";
  const answer = await callMailbox(session, {
    method: "PATCH",
    path: itemPath(item),
    body: patch,
    effect: "repeatable",
    expect: [404],
  });
  return answer.status === 404 ? "gone" : "done";
}

/** @returns `kept` if the item keeps the action it had. */
async function changeLastAction(
  session: MailboxSession,
  rule: LastActionRule,
  item: TargetItemId,
  properties: readonly ExtendedProperty[],
): Promise<ChangeOutcome | "kept"> {
  if (rule.changes === false) return "kept";
  const { status } = await callMailbox(session, {
    method: "PATCH",
    path: itemPath(item),
    body: { singleValueExtendedProperties: properties },
    effect: "repeatable",
    expect: [403, 404],
  });
  if (status === 404) return "gone";
  if (status === 403) rule.changes = false;
  else if (rule.changes === undefined) {
    const message = await readItem(session, item);
    if (message === undefined) return "gone";
    rule.changes = verbOf(message.singleValueExtendedProperties) === verbOf(properties);
  }
  return rule.changes === false ? "kept" : "done";
}

/** Exchange shows no property where there was never an action. */
function verbOf(properties: readonly ExtendedProperty[] | undefined): number {
  return Number(propertyValue(properties, propertyIds.lastVerb) ?? 0);
}

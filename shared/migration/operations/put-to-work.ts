import type { EndpointName } from "../../domain/names.ts";
import type { Admission } from "../admission/admission.ts";
import { changeMailboxes, groupSize } from "../mailbox/change.ts";
import { failed, isFailed, isWaiting } from "../mailbox/life.ts";
import type { WaitEntry } from "../ports/admission-store.ts";
import type { MailboxRecord, MailboxStore, Versioned } from "../ports/registry.ts";
import type { Clock, Log } from "../runtime.ts";

export interface PutToWorkParts {
  readonly mailboxes: MailboxStore;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Changes mailboxes of one batch, a hundred in a transaction; those that wait for a permit then are on the list of their
 * endpoint. They join it before they are changed, so that a crash between the two leaves none that waits for nothing.
 * Where the endpoint's file is gone, or needs attention, they fail instead. Repeatable.
 * @param change pure; undefined to leave a mailbox alone, the same object for one that was changed before.
 * @param place of those that join: `operation` and `since` of their entries.
 * @returns those that were not left alone, as they are stored then.
 */
export async function putToWork(
  parts: PutToWorkParts,
  endpoint: EndpointName,
  mailboxes: readonly Versioned<MailboxRecord>[],
  place: Pick<WaitEntry, "operation" | "since">,
  change: (mailbox: MailboxRecord) => MailboxRecord | undefined,
): Promise<readonly MailboxRecord[]> {
  const problem = await parts.admission.problemOf(endpoint);
  const decide = (mailbox: MailboxRecord): MailboxRecord | undefined => {
    const next = change(mailbox);
    if (next === undefined || problem === undefined || !isWaiting(next)) return next;
    const { code, message } = problem;
    return failed(next, { code, message, at: parts.clock() });
  };
  const changed: MailboxRecord[] = [];
  // One after another: the slots of an operation take all that a partition of Table Storage gives.
  for (let start = 0; start < mailboxes.length; start += groupSize) {
    const group = mailboxes.slice(start, start + groupSize);
    changed.push(...(await changeGroup(parts, endpoint, group, place, decide)));
  }
  return changed;
}

async function changeGroup(
  parts: PutToWorkParts,
  endpoint: EndpointName,
  group: readonly Versioned<MailboxRecord>[],
  place: Pick<WaitEntry, "operation" | "since">,
  decide: (mailbox: MailboxRecord) => MailboxRecord | undefined,
): Promise<readonly MailboxRecord[]> {
  const { admission, log } = parts;
  const entryOf = ({ id, batch, kind, round }: MailboxRecord): WaitEntry => ({
    mailboxId: id,
    batch,
    kind,
    round,
    ...place,
  });
  const joined = new Set<string>();
  const join = async (waiting: readonly MailboxRecord[]): Promise<void> => {
    const missing = waiting.filter(isWaiting).filter(({ id, round }) => !joined.has(`${id} ${round}`));
    await admission.join(endpoint, missing.map(entryOf));
    for (const { id, round } of missing) joined.add(`${id} ${round}`);
  };
  await join(group.flatMap(({ value }) => decide(value) ?? []));
  const changed = await changeMailboxes(parts, group, decide);
  await join(changed);
  for (const { batch, id, error } of changed.filter(isFailed))
    log("mailbox.failed", { batch, mailbox: id, code: error?.code });
  return changed;
}

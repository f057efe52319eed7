import type { ErrorListAnswer } from "../../domain/api/batches.ts";
import { isFailed, type MailboxFacts } from "../mailbox/life.ts";
import { iso } from "./instants.ts";

/** Errors of mailboxes by code, the most frequent first. Pure. */
export function errorGroups(mailboxes: Iterable<MailboxFacts>): ErrorListAnswer["value"] {
  const groups = new Map<string, { mailboxes: number; failed: number; message: string; at: number }>();
  for (const mailbox of mailboxes) {
    const { error } = mailbox;
    if (error === undefined) continue;
    const group = groups.get(error.code) ?? { mailboxes: 0, failed: 0, message: "", at: 0 };
    group.mailboxes++;
    if (isFailed(mailbox)) group.failed++;
    if (error.at >= group.at) Object.assign(group, { message: error.message, at: error.at });
    groups.set(error.code, group);
  }
  return [...groups]
    .sort(([a, one], [b, other]) => other.mailboxes - one.mailboxes || (a < b ? -1 : 1))
    .map(([code, { mailboxes: mailboxCount, failed, message, at }]) => ({
      code,
      mailboxCount,
      failedCount: failed,
      message,
      lastSeenAt: iso(at),
    }));
}

import { isActive, type MailboxFacts } from "../mailbox/life.ts";
import { perMinute } from "../mailbox/rate.ts";
import { day, minute } from "../runtime.ts";
import { type NoEstimate, type Rate, roundedUp } from "./course.ts";

/*
 * How fast a mailbox gets on, and when its first copy may be through. All functions are pure; instants are milliseconds
 * since 1970.
 */

function isCopying({ status, notBefore }: MailboxFacts): boolean {
  return (status === "Syncing" || status === "IncrementalSyncing") && notBefore === undefined;
}

/** Of the last minutes; 0 while nothing is being copied, or that is too new to tell. */
export function rateOfMailbox(mailbox: MailboxFacts, now: number): Rate {
  const { items, bytes } = (isCopying(mailbox) && mailbox.rate && perMinute(mailbox.rate, now)) || {
    items: 0,
    bytes: 0,
  };
  return { itemsPerMinute: items, bytesPerMinute: bytes };
}

/**
 * When the first copy may be through, rounded up; or why nobody can tell.
 * @param maxBytesPerDay of its endpoint: what is left has to wait for another day beyond it.
 */
export function estimateOfMailbox(
  mailbox: MailboxFacts,
  maxBytesPerDay: number | undefined,
  now: number,
): { readonly at: number } | { readonly missing: NoEstimate } {
  if (mailbox.lastSyncedAt !== undefined) return { missing: "done" };
  if (!isActive(mailbox)) return { missing: "stopped" };
  if (!isCopying(mailbox)) return { missing: mailbox.notBefore === undefined ? "estimating" : "paused" };
  const { itemsPerMinute, bytesPerMinute } = rateOfMailbox(mailbox, now);
  if (mailbox.totalItemCount === 0 || itemsPerMinute < 0.01) return { missing: "estimating" };
  const { totalItemCount, syncedItemCount, skippedItemCount, estimatedBytes, bytesTransferred } = mailbox;
  const leftItems = Math.max(0, totalItemCount - syncedItemCount - skippedItemCount);
  const leftBytes = Math.max(0, estimatedBytes - bytesTransferred);
  const minutes = Math.max(leftItems / itemsPerMinute, bytesPerMinute > 0 ? leftBytes / bytesPerMinute : 0);
  const days = maxBytesPerDay === undefined ? 0 : Math.floor(leftBytes / maxBytesPerDay);
  return { at: roundedUp(now, Math.max(minutes * minute, days * day)) };
}

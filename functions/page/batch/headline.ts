import type { BatchView } from "../api/types.ts";
import { count, counted, duration, relative } from "../parts/format.ts";
import { wordsFor } from "../parts/status.ts";

/** What a batch is at, and why, as one sentence. Pure. @param now milliseconds since 1970. */
export function headlineOf(batch: BatchView, now: number): string {
  const { status, totalCount, syncedCount, activeCount, failedCount, outage, operations, rehearsal } = batch;
  const { uploadError } = batch;
  const word = wordsFor(status);
  const [synced, total] = [count(syncedCount), count(totalCount)] as const;
  if (totalCount === 0 && status !== "Removing")
    return uploadError ? "No mailbox was taken in." : "The CSV is being read.";
  if (outage)
    return `${word}: ${counted(outage.mailboxCount, "mailbox waits", "mailboxes wait")} since ${duration(now - Date.parse(outage.since))} for what they need. They go on by themselves.`;
  if (batch.pause && batch.pause.mailboxCount >= activeCount)
    return `${word}: pauses, and goes on ${relative(batch.pause.until, now)}. ${batch.pause.message}`;
  if (batch.isStalled)
    return `${word}: nothing has got on for a quarter of an hour, and no reason is known. Look at the mailboxes that are active.`;
  if (status === "Completing") return `Completing: the last sync runs, ${synced} of ${total} are through.`;
  if (status === "Waiting" && batch.options.startAfter !== undefined)
    return `Waits for its time: it starts ${relative(batch.options.startAfter, now)}.`;
  if (status === "Created")
    return `Not started: ${counted(totalCount, "mailbox waits", "mailboxes wait")} for you to start the batch.`;
  if (status === "Removing") return "Passwords, states and reports of the batch are being removed.";
  if (status === "Stopped")
    return activeCount > 0
      ? `Stopping: ${counted(activeCount, "mailbox finishes", "mailboxes finish")} the messages in flight.`
      : "Stopped. What was copied stays; new mail is not fetched.";
  if (rehearsal && activeCount > 0)
    return `Rehearsing: ${counted(activeCount, "mailbox is", "mailboxes are")} being looked at or wait their turn. Nothing is copied.`;
  if (rehearsal && status === "Completed")
    return "Rehearsed. Nothing was copied; start it for real when you like.";
  if (activeCount > 0)
    return `${word}: ${counted(activeCount, "mailbox is", "mailboxes are")} being worked on or wait their turn, ${synced} of ${total} are synced.`;
  if (operations.length > 0) return `${word}: what was asked for is being done, mailbox by mailbox.`;
  if (status === "Completed") return "Completed. The mailboxes are no longer synced.";
  if (status === "CompletedWithErrors")
    return `Completed, but for ${counted(failedCount, "mailbox that failed", "mailboxes that failed")}: retry, or complete again to leave them behind.`;
  if (failedCount === totalCount && totalCount > 0) return "Every mailbox failed. Each row says why.";
  if (failedCount > 0)
    return `${synced} of ${total} mailboxes are synced and kept in sync every day; ${count(failedCount)} failed.`;
  return totalCount === 1
    ? "The mailbox is synced, and kept in sync every day."
    : `All ${total} mailboxes are synced, and kept in sync every day.`;
}

export interface Banner {
  readonly intent: "error" | "warning" | "info" | "success";
  readonly title: string;
  readonly text: string;
  /** Tab that shows more. */
  readonly tab?: string;
  readonly link?: string;
}

/** The one thing that an operator should look at next; undefined if there is none. Pure. */
export function bannerOf(batch: BatchView): Banner | undefined {
  const { uploadError, outage, failedCount, invalidRowCount, status, unapprovedItemCount, noticeError } =
    batch;
  if (uploadError)
    return {
      intent: "error",
      title: uploadError.code,
      text: uploadError.message,
      tab: "reports",
      link: "validation.csv says more",
    };
  if (outage) return { intent: "warning", title: outage.code, text: outage.message };
  if (failedCount > 0)
    return {
      intent: "error",
      title: counted(failedCount, "mailbox failed", "mailboxes failed"),
      text: "What to do stands with each code.",
      tab: "errors",
      link: "Errors by code",
    };
  if (invalidRowCount > 0)
    return {
      intent: "warning",
      title: `${counted(invalidRowCount, "row", "rows")} of the CSV could not be used`,
      text: "Mend them and upload the file again; only changed rows are touched.",
      tab: "reports",
      link: "validation.csv names them",
    };
  if (unapprovedItemCount > 0)
    return {
      intent: "warning",
      title: `${counted(unapprovedItemCount, "message was", "messages were")} not copied`,
      text: "Try again, or accept that they stay at the old server.",
      tab: "skipped",
      link: "Skipped messages",
    };
  if (noticeError)
    return {
      intent: "warning",
      title: noticeError.code,
      text: noticeError.message,
      tab: "history",
      link: "Mails to the operators",
    };
  if (batch.rehearsal && status === "Completed")
    return {
      intent: "success",
      title: "The rehearsal is through",
      text: "See what each mailbox would bring, and start for real.",
      tab: "rehearsal",
      link: "What was found",
    };
  if (status === "Synced")
    return {
      intent: "info",
      title: "Next: the cut-over",
      text: "Point the MX record to Microsoft 365; daily syncs bring along what still arrives at the old server.",
      tab: "cutover",
      link: "The checklist",
    };
  return undefined;
}

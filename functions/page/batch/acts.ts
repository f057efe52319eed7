import type { MailboxView } from "../api/types.ts";
import { counted } from "../parts/format.ts";
import type { Question } from "../parts/question.ts";

export type MailboxAction = "start" | "stop" | "sync" | "retry";

/** What can be done with one mailbox of a batch that runs. The API has the last word. Pure. */
export function mailboxActionsOf({ status }: Pick<MailboxView, "status">): readonly MailboxAction[] {
  switch (status) {
    case "Failed":
      return ["retry"];
    case "Stopped":
    case "Stopping":
      return ["start"];
    case "Synced":
      return ["sync", "stop"];
    case "Completed":
    case "Created":
    case "Undoing":
      return [];
    default:
      return ["stop"];
  }
}

export const actionLabels: Readonly<Record<MailboxAction, string>> = {
  start: "Go on",
  stop: "Stop",
  sync: "Sync now",
  retry: "Retry",
};

/**
 * What is asked before failed mailboxes are tried again; after lost folders it says what that removes. Pure.
 * @param code of all of them, if only they are meant. @param skipped messages that are tried again along with them.
 */
export function retryQuestionOf(mailboxes: number, code?: string, skipped = 0): Question {
  const deletions =
    code === "TooManyDeletions"
      ? `${counted(mailboxes, "mailbox", "mailboxes")} lost over a fifth of a folder at the source. Retrying removes those messages from Microsoft 365 as well.`
      : code === undefined
        ? "A mailbox that failed as TooManyDeletions lost over a fifth of a folder at the source: retrying it removes those messages from Microsoft 365 as well."
        : "What they need has been mended: they go on where they were.";
  return {
    title: `Try ${counted(mailboxes, "failed mailbox", "failed mailboxes")} again?`,
    text: skipped > 0 ? `${deletions} Messages that were skipped are tried again as well.` : deletions,
    verb: "Retry",
  };
}

/** What is asked before a mailbox leaves its batch. Pure. */
export function removalQuestionOf({ emailAddress }: Pick<MailboxView, "emailAddress">): Question {
  return {
    title: `Remove ${emailAddress} from the batch?`,
    text: "Its copied mail stays; it is no longer synced, and its password is forgotten. Mail that still arrives at the old server will not be copied.",
    verb: "Remove",
  };
}

/** What is asked before the copies of a mailbox are taken out of the target. Pure. */
export function undoQuestionOf({ emailAddress }: Pick<MailboxView, "emailAddress">): Question {
  return {
    title: `Take back what was copied for ${emailAddress}?`,
    text: "For a row that named the wrong person. Copies that nobody has touched go to Deleted Items; what the user read, marked, moved or deleted stays, and so does what was there before. The mailbox ends stopped.",
    typed: emailAddress,
    verb: "Take back",
  };
}

/**
 * What is asked before the records of copies are removed, so that all is copied once more. Pure.
 * @param of whose, such as an address. @param typed has to be typed.
 */
export function forgetQuestionOf(of: string, typed: string): Question {
  return {
    title: `Forget what was copied for ${of}?`,
    text: "For users who have emptied their mailbox in Microsoft 365 and want all of it again. What is recorded of the copies is removed, and the mailbox ends stopped. Once it goes on, every message is copied again: what is still in Microsoft 365 is there twice then.",
    typed,
    verb: "Forget",
  };
}

/** What many mailboxes can be asked for at once, as a question where there is one to ask. Pure. */
export function manyQuestionOf(action: MailboxAction, mailboxes: number): Question | undefined {
  if (action === "retry") return retryQuestionOf(mailboxes);
  if (action !== "stop") return undefined;
  return {
    title: `Stop ${counted(mailboxes, "mailbox", "mailboxes")}?`,
    text: "Messages in flight are finished; what was copied stays. New mail of these is not fetched until they go on.",
    verb: "Stop",
  };
}

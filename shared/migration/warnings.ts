import type { Warning } from "../domain/api/mailboxes.ts";
import type { Provider } from "../domain/providers.ts";
import { sizeOf } from "../domain/uid-set.ts";
import type { WarningCode, WarningCounts } from "../domain/warnings.ts";
import type { FolderCounts, FolderRecord } from "./ports/ledger-store.ts";

type KnownProvider = Pick<Provider, "name" | "folderCap">;

interface Texts {
  message(count: number): string;
  remedy(provider: KnownProvider | undefined): string;
  /** True if a retry may take it away. */
  readonly retried?: boolean;
}

const grantAdvancedMail =
  "Nothing else is missing. To bring it along, give the app the permission Mail-Advanced.ReadWrite.All of Microsoft Graph (permissions.ts --advanced-mail, for a group of mailboxes exchange-access.ps1 -AdvancedMail), then retry the batch.";

const lookAtThem =
  "Nothing has to be done. infra/docs/damaged-mail.md says how damaged mail is read; the original header is kept with each message.";

/** Of a guess: what is the matter with the messages that are counted. */
function guessed(what: string, remedy = lookAtThem): Texts {
  return { message: (count) => `Messages ${what}: ${count}.`, remedy: () => remedy };
}

const catalogue: Readonly<Record<WarningCode, Texts>> = {
  AdoptedExisting: {
    message: (count) =>
      `Messages that were in the target already and are recorded as copied (adoptExisting): ${count}.`,
    remedy: () => "Nothing has to be done: changes at the source follow to them from now on.",
  },
  AdoptionAmbiguous: {
    message: (count) =>
      `Messages that may have been in the target already, and were copied since different ones share their Message-ID and Date: ${count}.`,
    remedy: () => "Look for them in the target, and remove what is there twice.",
  },
  AnsweredNotKept: {
    message: (count) =>
      `Messages whose answered state changed at the source after they were copied, and stays as it was in Microsoft 365: ${count}.`,
    remedy: () => grantAdvancedMail,
    retried: true,
  },
  ForwardedNotKept: {
    message: (count) =>
      `Messages whose forwarded state changed at the source after they were copied, and stays as it was in Microsoft 365: ${count}.`,
    remedy: () => grantAdvancedMail,
    retried: true,
  },
  FolderCapReached: {
    message: (count) =>
      `Folders that show exactly as many messages as their provider shows at most, so that older ones may be hidden: ${count}.`,
    remedy: (provider) =>
      provider?.folderCap?.remedy ?? "Look at the mailbox's folders: each says what to do.",
  },
  FolderListedTwice: {
    message: (count) =>
      `Folders that the source shows under a second name as well, and that are copied once: ${count}.`,
    remedy: () =>
      "Nothing has to be done: the mailbox's folders say which name was left out, and which one its mail is copied under (sameAs).",
  },
  FolderRemovedInTarget: {
    message: (count) =>
      `Messages in folders that were removed in Microsoft 365, and are not copied: ${count}.`,
    remedy: () =>
      "If a folder is wanted, have it made anew: POST /api/batches/{batch}/mailboxes/{id}/folders/{folderId}/recreate. Nothing else makes it again.",
  },
  FolderReplaced: {
    message: (count) =>
      `Folders that the source shows anew without most of the messages copied from them, and that wait: ${count}.`,
    remedy: () =>
      "If the source is being restored, nothing has to be done: they go on once they are as before. If they are meant to be so: POST /api/batches/{batch}/mailboxes/{id}/folders/{folderId}/confirm.",
  },
  FolderUnreadable: {
    message: (count) =>
      `Folders that the source server does not open, or gives nothing of, while it gives others: ${count}.`,
    remedy: () =>
      "Each sync tries them again; nothing is taken for deleted meanwhile. Mend them at the source (the mailbox's folders say what the server answers), then retry the batch, or leave them out (excludeFolders).",
    retried: true,
  },
  MessagesSetAside: {
    message: (count) =>
      `Messages that the source did not give, or the target did not take, and that are tried again: ${count}.`,
    remedy: () => "Nothing has to be done: they are copied, or named as skipped, before the sync ends.",
  },
  MessagesUnshown: {
    message: (count) =>
      `Messages that the source server counts in its folders and shows in no way, so that they could not be copied: ${count}.`,
    remedy: () =>
      "Each sync looks for them again; nothing is taken for deleted meanwhile. Rebuild the index of these folders at the source, then sync again.",
  },
  BodyNamed: guessed("whose only text has a file name, and is shown as the body"),
  BoundaryGuessed: guessed("in which the boundary of a multipart was missing or broken, and was guessed"),
  CharsetGuessed: guessed("in which the charset of a text was missing, unknown or wrong, and was guessed"),
  ContentTypeGuessed: guessed(
    "in which a Content-Type field could not be read as it stands, and was guessed",
  ),
  DateGuessed: guessed("whose Date names no zone that is known, and was read as UTC"),
  EncodingUnknown: guessed("with a transfer encoding nobody knows, whose bytes were kept as they are"),
  FileInText: guessed("with a uuencoded file in a text, which was attached"),
  HeaderCharsetGuessed: guessed("whose header holds bytes of no declared charset, which was guessed"),
  HeaderMended: guessed("with lines before or among the header fields that are none"),
  NameGuessed: guessed("with a comma in a name that is not quoted, which was taken for one name"),
  OriginalAttached: guessed(
    "too complex to be taken apart, whose original is attached whole",
    "The attached original opens in Outlook. Nothing has to be done.",
  ),
  PartAfterEnd: guessed("with a part after the end of a multipart, which was attached"),
  ReceivedDateUnreadable: guessed(
    "without a readable date in the header that receivedDateFrom names, which keep the date of the source server",
    "Nothing has to be done where the dates of the source server are good enough.",
  ),
  TextOutsideParts: guessed("with text outside the parts of a multipart, which was attached"),
};

/** Flags of Exchange's that a target may refuse to change, and what is said then. */
const unkeptCodes: Readonly<Record<string, WarningCode>> = {
  "\\Answered": "AnsweredNotKept",
  $Forwarded: "ForwardedNotKept",
};

/**
 * The warnings about one folder, from what is stored of it. A new kind gets its code, its texts above, and a line here. Pure.
 * @param provider of the source server, if it is a well-known one.
 */
export function folderWarnings(
  folder: Pick<FolderRecord, "unkeptFlags" | "state" | "replaced"> &
    Partial<Pick<FolderRecord, "setAside" | "trouble" | "sameAs">> & {
      readonly counts: Pick<
        FolderCounts,
        "total" | "shown" | "unshown" | "guesses" | "synced" | "skipped" | "adopted" | "ambiguous"
      >;
    },
  provider: KnownProvider | undefined,
): WarningCounts {
  const counts: Partial<Record<WarningCode, number>> = { ...folder.counts.guesses };
  const shown = folder.counts.shown ?? folder.counts.total;
  const { total, synced, skipped } = folder.counts;
  if (folder.state === "targetGone" && total > synced + skipped)
    counts.FolderRemovedInTarget = total - synced - skipped;
  if (folder.replaced !== undefined) counts.FolderReplaced = 1;
  if (folder.sameAs !== undefined) counts.FolderListedTwice = 1;
  if (provider?.folderCap?.messages.includes(shown)) counts.FolderCapReached = 1;
  if (folder.trouble !== undefined) counts.FolderUnreadable = 1;
  if (folder.counts.unshown) counts.MessagesUnshown = folder.counts.unshown;
  if (folder.counts.adopted) counts.AdoptedExisting = folder.counts.adopted;
  if (folder.counts.ambiguous) counts.AdoptionAmbiguous = folder.counts.ambiguous;
  const aside = (folder.setAside ?? []).reduce((sum, { uids }) => sum + sizeOf(uids), 0);
  if (aside > 0) counts.MessagesSetAside = aside;
  for (const [flag, uids] of Object.entries(folder.unkeptFlags ?? {})) {
    const code = unkeptCodes[flag];
    if (code !== undefined) counts[code] = sizeOf(uids);
  }
  return counts;
}

/** The warnings of a mailbox from those of its folders. Pure. */
export function addWarnings(counts: Iterable<WarningCounts>): WarningCounts {
  const sums: Partial<Record<WarningCode, number>> = {};
  for (const one of counts)
    for (const [code, count] of entriesOf(one)) sums[code] = (sums[code] ?? 0) + count;
  return sums;
}

/** Warnings with their texts, in the order of their codes. Pure. */
export function describeWarnings(counts: WarningCounts, provider?: KnownProvider): readonly Warning[] {
  return entriesOf(counts)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([code, count]) => ({
      code,
      count,
      message: catalogue[code].message(count),
      remedy: catalogue[code].remedy(provider),
    }));
}

/** True if a retry may take away one of the warnings. Pure. */
export function isWorthRetrying(counts: WarningCounts): boolean {
  return entriesOf(counts).some(([code]) => catalogue[code].retried === true);
}

function entriesOf(counts: WarningCounts): readonly (readonly [WarningCode, number])[] {
  // A code of a later version, after a step back to this one, has no texts here.
  return (Object.entries(counts) as [WarningCode, number][]).filter(
    ([code, count]) => count > 0 && Object.hasOwn(catalogue, code),
  );
}

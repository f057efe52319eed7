import type { OptionsView } from "../api/types.ts";
import { bytes, count, dateTime } from "../parts/format.ts";

/** What was chosen, as names and sentences for whoever looks at it once more; what was left as it is, is left out. Pure. */
export function optionLines(
  options: Partial<OptionsView>,
): readonly (readonly [name: string, text: string])[] {
  const { receivedSince, receivedBefore, maxItemSize, skippedItemLimit, adoptExisting, completeAfter } =
    options;
  const day = (instant: string) => instant.slice(0, 10);
  const lines: (readonly [string, string] | false | undefined)[] = [
    options.excludeFolders && ["Folders left out", options.excludeFolders.join(", ")],
    options.includeFolders && ["These folders only", options.includeFolders.join(", ")],
    options.subscribedOnly && ["Folders", "Only those that users have subscribed to"],
    options.renameFolders && [
      "Folders renamed",
      Object.entries(options.renameFolders)
        .map(([from, to]) => `${from} becomes ${to}`)
        .join(", "),
    ],
    options.targetRootFolder !== undefined && ["Put below", options.targetRootFolder],
    receivedSince !== undefined && ["Received on or after", day(receivedSince)],
    receivedBefore !== undefined && ["Received before", day(receivedBefore)],
    maxItemSize !== undefined && [
      "Largest message",
      `${bytes(maxItemSize)}; larger ones are left out and listed`,
    ],
    skippedItemLimit !== undefined && [
      "Skipped messages",
      `A mailbox with more than ${count(skippedItemLimit)} fails`,
    ],
    options.propagateDeletes && ["Deletions", "What is deleted at the old server goes to Deleted Items"],
    adoptExisting !== undefined && [
      "Mail that is there already",
      adoptExisting === "folder"
        ? "Counts as copied in the folder it belongs to"
        : "Counts as copied wherever it is",
    ],
    options.dryRun && ["Rehearsal", "First: everything is looked at, nothing is copied"],
    options.testLogins && ["Logins", "All are tested before anything is copied"],
    options.autoStart === false && ["Start", "When you start it"],
    options.startAfter !== undefined && ["Start", dateTime(options.startAfter)],
    options.autoStart !== false &&
      options.startAfter === undefined && ["Start", "As soon as the CSV is read"],
    completeAfter !== undefined && [
      "Completes by itself",
      `From ${dateTime(completeAfter)}, once every mailbox is synced`,
    ],
    options.notificationEmails && [
      "Mails",
      `To ${options.notificationEmails.join(", ")}${options.reportIntervalHours ? `, with a report every ${options.reportIntervalHours} h` : ""}`,
    ],
  ];
  return lines.filter((line) => line !== false && line !== undefined);
}

import type { OptionsView } from "../api/types.ts";

/** What may be chosen about a batch, as a form has it: before it begins, and later. */
export interface OptionsDraft {
  readonly includeFolders: string;
  readonly excludeFolders: string;
  readonly renameFolders: string;
  readonly subscribedOnly: boolean;
  readonly targetRootFolder: string;
  readonly receivedSince: string;
  readonly receivedBefore: string;
  readonly maxItemMegabytes: string;
  readonly skippedItemLimit: string;
  readonly propagateDeletes: boolean;
  readonly adoptExisting: OptionsView["adoptExisting"];
  readonly completeAfter: string;
  readonly notificationEmails: string;
  readonly reportIntervalHours: string;
}

export const emptyOptions: OptionsDraft = {
  includeFolders: "",
  excludeFolders: "",
  renameFolders: "",
  subscribedOnly: false,
  targetRootFolder: "",
  receivedSince: "",
  receivedBefore: "",
  maxItemMegabytes: "",
  skippedItemLimit: "",
  propagateDeletes: false,
  adoptExisting: "off",
  completeAfter: "",
  notificationEmails: "",
  reportIntervalHours: "24",
};

export interface OptionFault {
  readonly field: keyof OptionsDraft;
  readonly text: string;
}

/** What is wrong with what is copied, and how. Pure. */
export function copyFaultsOf(draft: OptionsDraft): readonly OptionFault[] {
  const faults: (OptionFault | false)[] = [
    draft.maxItemMegabytes !== "" &&
      !isMegabytes(draft.maxItemMegabytes) && {
        field: "maxItemMegabytes",
        text: "The largest message is a number of megabytes from 1 to 150.",
      },
    draft.skippedItemLimit !== "" &&
      !isWhole(draft.skippedItemLimit, 0, 1_000_000) && {
        field: "skippedItemLimit",
        text: "The limit of skipped messages is a number.",
      },
    draft.receivedSince !== "" &&
      draft.receivedBefore !== "" &&
      draft.receivedSince >= draft.receivedBefore && {
        field: "receivedBefore",
        text: "The last day lies before the first.",
      },
    !linesOf(draft.renameFolders).every((line) => /^[^=]+=[^=]+$/.test(line)) && {
      field: "renameFolders",
      text: "A renamed folder is written as Old name = New name.",
    },
    draft.targetRootFolder.trim() !== "" &&
      !draft.targetRootFolder.split("/").every((name) => name.trim() !== "") && {
        field: "targetRootFolder",
        text: "The folder is a path such as Old mail/Until 2026.",
      },
  ];
  return faults.filter((fault) => fault !== false);
}

/** What is wrong with who is told, and when. Pure. */
export function noticeFaultsOf(draft: OptionsDraft): readonly OptionFault[] {
  const addresses = linesOf(draft.notificationEmails);
  const faults: (OptionFault | false)[] = [
    (addresses.length > 20 ||
      !addresses.every((address) => /^[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+$/.test(address))) && {
      field: "notificationEmails",
      text: "Mails go to 20 addresses at most, one a line.",
    },
    !isWhole(draft.reportIntervalHours, 0, 720) && {
      field: "reportIntervalHours",
      text: "Hours between two reports are a number from 0 to 720.",
    },
  ];
  return faults.filter((fault) => fault !== false);
}

/** Options as the API takes them; what was left as it is, is left out. Pure but for the zone of the reader. */
export function optionsOf(draft: OptionsDraft): Partial<OptionsView> {
  const include = linesOf(draft.includeFolders);
  const exclude = linesOf(draft.excludeFolders);
  const addresses = linesOf(draft.notificationEmails);
  const renames = linesOf(draft.renameFolders).map((line) => line.split("=").map((name) => name.trim()));
  return {
    ...(include.length > 0 ? { includeFolders: include } : {}),
    ...(exclude.length > 0 ? { excludeFolders: exclude } : {}),
    ...(renames.length > 0 ? { renameFolders: Object.fromEntries(renames) } : {}),
    ...(draft.subscribedOnly ? { subscribedOnly: true } : {}),
    ...(draft.targetRootFolder.trim() === "" ? {} : { targetRootFolder: draft.targetRootFolder.trim() }),
    ...(draft.receivedSince === "" ? {} : { receivedSince: `${draft.receivedSince}T00:00:00Z` }),
    ...(draft.receivedBefore === "" ? {} : { receivedBefore: `${draft.receivedBefore}T00:00:00Z` }),
    ...(draft.maxItemMegabytes === ""
      ? {}
      : { maxItemSize: Math.round(Number(draft.maxItemMegabytes) * 1_000_000) }),
    ...(draft.skippedItemLimit === "" ? {} : { skippedItemLimit: Number(draft.skippedItemLimit) }),
    ...(draft.propagateDeletes ? { propagateDeletes: true } : {}),
    ...(draft.adoptExisting === "off" ? {} : { adoptExisting: draft.adoptExisting }),
    ...(draft.completeAfter === "" ? {} : { completeAfter: new Date(draft.completeAfter).toISOString() }),
    ...(addresses.length === 0
      ? {}
      : { notificationEmails: addresses, reportIntervalHours: Number(draft.reportIntervalHours) }),
  };
}

/** A form that holds the options in force. Pure but for the zone of the reader. */
export function draftOf(options: OptionsView): OptionsDraft {
  return {
    includeFolders: options.includeFolders.join("\n"),
    excludeFolders: options.excludeFolders.join("\n"),
    renameFolders: Object.entries(options.renameFolders)
      .map(([from, to]) => `${from} = ${to}`)
      .join("\n"),
    subscribedOnly: options.subscribedOnly,
    targetRootFolder: options.targetRootFolder ?? "",
    receivedSince: options.receivedSince?.slice(0, 10) ?? "",
    receivedBefore: options.receivedBefore?.slice(0, 10) ?? "",
    maxItemMegabytes: options.maxItemSize === undefined ? "" : String(options.maxItemSize / 1_000_000),
    skippedItemLimit: options.skippedItemLimit === undefined ? "" : String(options.skippedItemLimit),
    propagateDeletes: options.propagateDeletes,
    adoptExisting: options.adoptExisting,
    completeAfter: options.completeAfter === undefined ? "" : localTime(options.completeAfter),
    notificationEmails: (options.notificationEmails ?? []).join("\n"),
    reportIntervalHours: String(options.reportIntervalHours ?? 24),
  };
}

/** What a form has changed, as the API takes it: null for what is the default again. Pure but for the zone. */
export function patchOf(before: OptionsDraft, after: OptionsDraft): Readonly<Record<string, unknown>> {
  const [old, next] = [optionsOf(before), optionsOf(after)] as const;
  const names = [...new Set([...Object.keys(old), ...Object.keys(next)])] as (keyof OptionsView)[];
  return Object.fromEntries(
    names
      .filter((name) => JSON.stringify(old[name]) !== JSON.stringify(next[name]))
      .map((name) => [name, next[name] ?? null]),
  );
}

export function linesOf(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

export function isWhole(text: string, from: number, to: number): boolean {
  return /^\d{1,9}$/.test(text.trim()) && Number(text) >= from && Number(text) <= to;
}

function isMegabytes(text: string): boolean {
  return /^\d{1,3}(?:\.\d{1,6})?$/.test(text.trim()) && Number(text) >= 1 && Number(text) <= 150;
}

/** As a control for date and time takes it. */
function localTime(instant: string): string {
  const date = new Date(instant);
  const two = (number: number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** What the six steps ask for. No password and no CSV is in it: it is kept while the browser is open. */
export interface Draft {
  readonly domain: string;
  readonly endpointMode: "new" | "existing";
  readonly endpoint: string;
  readonly host: string;
  readonly port: string;
  readonly security: "ssl" | "tls" | "none";
  readonly allowInsecure: boolean;
  readonly acceptUntrustedCertificates: boolean;
  readonly maxConcurrentMigrations: string;
  readonly batch: string;
  readonly includeFolders: string;
  readonly excludeFolders: string;
  readonly renameFolders: string;
  readonly receivedSince: string;
  readonly receivedBefore: string;
  readonly maxItemMegabytes: string;
  readonly skippedItemLimit: string;
  readonly propagateDeletes: boolean;
  readonly testLogins: boolean;
  readonly targetRootFolder: string;
  readonly adoptExisting: "off" | "folder" | "anywhere";
  readonly rehearse: boolean;
  readonly notificationEmails: string;
  readonly reportIntervalHours: string;
  readonly start: "now" | "later" | "byHand";
  readonly startAfter: string;
}

export const emptyDraft: Draft = {
  domain: "",
  endpointMode: "new",
  endpoint: "",
  host: "",
  port: "993",
  security: "ssl",
  allowInsecure: false,
  acceptUntrustedCertificates: false,
  maxConcurrentMigrations: "20",
  batch: "",
  includeFolders: "",
  excludeFolders: "",
  renameFolders: "",
  receivedSince: "",
  receivedBefore: "",
  maxItemMegabytes: "",
  skippedItemLimit: "",
  propagateDeletes: false,
  testLogins: true,
  targetRootFolder: "",
  adoptExisting: "off",
  rehearse: false,
  notificationEmails: "",
  reportIntervalHours: "24",
  start: "now",
  startAfter: "",
};

export interface Fault {
  /** Of the field. */
  readonly field: keyof Draft | "csv" | "tested";
  readonly text: string;
}

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const nameRule = "needs a letter or digit, then up to 63 letters, digits, hyphens or underscores.";

/** What is still missing in a step, 1 to 6. The API holds everything to its own rules as well. Pure. */
export function faultsOf(
  step: number,
  draft: Draft,
  file: { readonly validRows: number } | undefined,
): readonly Fault[] {
  const faults: Fault[] = [];
  const need = (isRight: boolean, field: Fault["field"], text: string) => {
    if (!isRight) faults.push({ field, text });
  };
  const isNew = draft.endpointMode === "new";
  if (step === 1 && isNew) {
    need(draft.host.trim() !== "", "host", "The server's name is missing.");
    need(isWhole(draft.port, 1, 65_535), "port", "The port is a number from 1 to 65535.");
    need(
      draft.security !== "none" || draft.allowInsecure,
      "allowInsecure",
      "Without encryption passwords are sent in the clear: tick that you accept it, or choose another form.",
    );
  }
  if (step === 1 && !isNew) need(draft.endpoint !== "", "endpoint", "Choose the endpoint.");
  if (step === 2) {
    need(namePattern.test(draft.batch), "batch", `The batch's name ${nameRule}`);
    need(file !== undefined, "csv", "Choose the CSV that names the mailboxes.");
    need(file === undefined || file.validRows > 0, "csv", "No row of the CSV can be used.");
  }
  if (step === 3) {
    need(namePattern.test(draft.endpoint), "endpoint", `The endpoint's name ${nameRule}`);
    need(
      isWhole(draft.maxConcurrentMigrations, 1, 1_000),
      "maxConcurrentMigrations",
      "Mailboxes at once is a number from 1 to 1000.",
    );
  }
  if (step === 4) {
    need(
      draft.maxItemMegabytes === "" || isWhole(draft.maxItemMegabytes, 1, 150),
      "maxItemMegabytes",
      "The largest message is a number of megabytes from 1 to 150.",
    );
    need(
      draft.skippedItemLimit === "" || isWhole(draft.skippedItemLimit, 0, 1_000_000),
      "skippedItemLimit",
      "The limit of skipped messages is a number.",
    );
    need(
      draft.receivedSince === "" || draft.receivedBefore === "" || draft.receivedSince < draft.receivedBefore,
      "receivedBefore",
      "The last day lies before the first.",
    );
    need(
      linesOf(draft.renameFolders).every((line) => /^[^=]+=[^=]+$/.test(line)),
      "renameFolders",
      "A renamed folder is written as Old name = New name.",
    );
  }
  if (step === 4)
    need(
      draft.targetRootFolder.trim() === "" ||
        draft.targetRootFolder.split("/").every((name) => name.trim() !== ""),
      "targetRootFolder",
      "The folder is a path such as Old mail/Until 2026.",
    );
  if (step === 5) {
    need(
      draft.start !== "later" || draft.startAfter !== "",
      "startAfter",
      "Choose the time at which it starts.",
    );
    const addresses = linesOf(draft.notificationEmails);
    need(
      addresses.length <= 20 && addresses.every((address) => /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(address)),
      "notificationEmails",
      "Mails go to 20 addresses at most, one a line.",
    );
    need(
      isWhole(draft.reportIntervalHours, 0, 720),
      "reportIntervalHours",
      "Hours between two reports are a number from 0 to 720.",
    );
  }
  return faults;
}

function isWhole(text: string, from: number, to: number): boolean {
  return /^\d{1,9}$/.test(text.trim()) && Number(text) >= from && Number(text) <= to;
}

export function linesOf(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** The endpoint's settings as the API takes them. Pure. */
export function endpointOf(draft: Draft): object {
  return {
    host: draft.host.trim(),
    port: Number(draft.port),
    security: draft.security,
    ...(draft.security === "none" ? { allowInsecure: true } : {}),
    ...(draft.acceptUntrustedCertificates ? { acceptUntrustedCertificates: true } : {}),
    ...(draft.maxConcurrentMigrations === "20"
      ? {}
      : { maxConcurrentMigrations: Number(draft.maxConcurrentMigrations) }),
  };
}

/** The batch's options as the API takes them; what was left as it is, is left out. Pure but for the zone of the reader. */
export function optionsOf(draft: Draft): Readonly<Record<string, unknown>> {
  const include = linesOf(draft.includeFolders);
  const exclude = linesOf(draft.excludeFolders);
  const addresses = linesOf(draft.notificationEmails);
  const renames = linesOf(draft.renameFolders).map((line) => line.split("=").map((name) => name.trim()));
  return {
    ...(include.length > 0 ? { includeFolders: include } : {}),
    ...(exclude.length > 0 ? { excludeFolders: exclude } : {}),
    ...(renames.length > 0 ? { renameFolders: Object.fromEntries(renames) } : {}),
    ...(draft.receivedSince === "" ? {} : { receivedSince: `${draft.receivedSince}T00:00:00Z` }),
    ...(draft.receivedBefore === "" ? {} : { receivedBefore: `${draft.receivedBefore}T00:00:00Z` }),
    ...(draft.maxItemMegabytes === "" ? {} : { maxItemSize: Number(draft.maxItemMegabytes) * 1_000_000 }),
    ...(draft.skippedItemLimit === "" ? {} : { skippedItemLimit: Number(draft.skippedItemLimit) }),
    ...(draft.propagateDeletes ? { propagateDeletes: true } : {}),
    testLogins: draft.testLogins,
    ...(draft.targetRootFolder.trim() === "" ? {} : { targetRootFolder: draft.targetRootFolder.trim() }),
    ...(draft.adoptExisting === "off" ? {} : { adoptExisting: draft.adoptExisting }),
    ...(draft.rehearse ? { dryRun: true } : {}),
    ...(addresses.length === 0
      ? {}
      : { notificationEmails: addresses, reportIntervalHours: Number(draft.reportIntervalHours) }),
    ...(draft.start === "now" ? {} : draft.start === "byHand" ? { autoStart: false } : {}),
    ...(draft.start === "later" ? { startAfter: new Date(draft.startAfter).toISOString() } : {}),
  };
}

/** A name for an endpoint or a batch from a domain or a file. Pure. */
export function nameFrom(text: string): string {
  return text
    .slice(0, 255)
    .replace(/\.[a-z]{2,}$/i, "")
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .replace(/-+$/, "")
    .slice(0, 64);
}

import type { OptionsView } from "../api/types.ts";
import {
  copyFaultsOf,
  emptyOptions,
  isWhole,
  noticeFaultsOf,
  type OptionsDraft,
  optionsOf,
} from "../options/options.ts";

/** What the six steps ask for. No password and no CSV is in it: it is kept while the browser is open. */
export interface Draft extends OptionsDraft {
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
  readonly testLogins: boolean;
  readonly rehearse: boolean;
  readonly start: "now" | "later" | "byHand";
  readonly startAfter: string;
}

export const emptyDraft: Draft = {
  ...emptyOptions,
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
  testLogins: true,
  rehearse: false,
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
  if (step === 4) faults.push(...copyFaultsOf(draft));
  if (step === 5) {
    need(
      draft.start !== "later" || draft.startAfter !== "",
      "startAfter",
      "Choose the time at which it starts.",
    );
    faults.push(...noticeFaultsOf(draft));
  }
  return faults;
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
export function batchOptionsOf(draft: Draft): Partial<OptionsView> {
  return {
    ...optionsOf(draft),
    testLogins: draft.testLogins,
    ...(draft.rehearse ? { dryRun: true } : {}),
    ...(draft.start === "byHand" ? { autoStart: false } : {}),
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

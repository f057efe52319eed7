import type { BatchName } from "../../domain/names.ts";
import type { RecordedError, Versioned } from "./registry.ts";

/** What a mail to the operators is about. */
export type NoticeKind =
  | "started"
  | "loginsTested"
  | "rehearsed"
  | "failures"
  | "synced"
  | "report"
  | "mxMoved"
  | "cutoverReady"
  | "completed"
  | "verified"
  | "idleSoon"
  | "idleStopped";

/** A mail about a batch, from the moment it is decided on. Of each kind and key there is one. */
export interface NoticeRecord {
  readonly batch: BatchName;
  readonly kind: NoticeKind;
  /** Of letters, digits and `-`: what of this kind is told once only. */
  readonly key: string;
  /** Milliseconds since 1970, as all instants. */
  readonly at: number;
  /**
   * `sending`: somebody is at it, or died at it. `waiting`: it was certainly not sent, and is tried again. `inDoubt`: it
   * may have been sent, and is not repeated.
   */
  readonly state: "sending" | "waiting" | "sent" | "failed" | "inDoubt";
  /** When that began. */
  readonly since: number;
  readonly attempts: number;
  /** When a waiting one is tried again. */
  readonly notBefore?: number | undefined;
  readonly error?: RecordedError | undefined;
  /** What of its kind it tells of, so that no later one does: error codes, domains. */
  readonly covers?: readonly string[] | undefined;
  /** What it tells, for the next report to compare with. */
  readonly figures?: NoticeFigures | undefined;
}

export interface NoticeFigures {
  readonly syncedCount: number;
  readonly failedCount: number;
  readonly syncedItemCount: number;
  readonly skippedItemCount: number;
  readonly bytesTransferred: number;
}

/** Mails about batches; they go with their batch. All writes are conditional. */
export interface NoticeStore {
  /** Of a batch, oldest first within each kind. */
  list(batch: BatchName): Promise<readonly Versioned<NoticeRecord>[]>;
  /** @returns its version; undefined if there is one of this kind and key. */
  create(notice: NoticeRecord): Promise<string | undefined>;
  /** @returns its new version; undefined if it changed since it was read. */
  replace(notice: Versioned<NoticeRecord>): Promise<string | undefined>;
}

/** A mail to the operators of a batch. */
export interface OutgoingMail {
  readonly to: readonly string[];
  readonly subject: string;
  /** A whole document. */
  readonly html: string;
}

/**
 * Sends a mail. Not repeatable: done twice, two mails arrive.
 * @throws MigrationError `transient` or `throttled` if it was certainly not sent and may be later, with `inDoubt` if it may
 * have been sent; any other kind if it will not be sent in this form.
 */
export type SendMail = (mail: OutgoingMail) => Promise<void>;

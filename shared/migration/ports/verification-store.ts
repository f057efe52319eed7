import type { FolderId, Stamp, TargetFolderId, TargetItemId, Uid } from "../../domain/names.ts";
import type { DifferenceCounts, DifferenceKind } from "../../domain/verification.ts";
import type { MailboxFiles } from "./mailbox-files.ts";

/** One difference, as it is reported: without any content of a message. */
export interface Difference {
  readonly kind: DifferenceKind;
  /** Path of the folder at the source, or in the target where it is about what the source does not have. */
  readonly folder: string;
  readonly uid?: Uid | undefined;
  /** Milliseconds since 1970. */
  readonly receivedAt?: number | undefined;
  readonly size?: number | undefined;
  readonly source: string;
  readonly target: string;
  readonly message: string;
}

/** A recorded copy that was not in its folder. */
export interface AbsentCopy {
  readonly folderId: FolderId;
  readonly uidValidity: string;
  readonly uid: Uid;
  readonly targetId: TargetItemId;
  /** Where it is looked for; another place than its folder's where it was moved with its message. */
  readonly place: TargetFolderId;
  readonly folder: string;
  readonly receivedAt: number;
  readonly size: number;
  /** What it would be recognised by under another id; undefined if its message is not at the source any more. */
  readonly key?: string | undefined;
}

/** A message in the target of which no record of its folder tells. */
export interface StrayCopy {
  readonly targetId: TargetItemId;
  readonly place: TargetFolderId;
  readonly path: string;
  readonly deleted: boolean;
  readonly stamp?: Stamp | undefined;
  readonly key?: string | undefined;
  readonly receivedAt: number;
  /** The recorded message of the same folder that it looks like. */
  readonly twin?: { readonly folder: string; readonly uid: Uid } | undefined;
}

/** How far the verification of a mailbox is. */
export interface VerificationProgress {
  /** Number of the operation that asked for it. */
  readonly operation: number;
  /** 2 for the second look, which is taken where the first one found something missing. */
  readonly pass: 1 | 2;
  /** Places that are through. */
  readonly done: readonly TargetFolderId[];
  /** The first of the differences; `counts` has all of them. */
  readonly differences: readonly Difference[];
  readonly counts: DifferenceCounts;
  /** Messages whose copy was looked at. */
  readonly compared: number;
  /** Messages that came, or changed, since the last sync: the next one brings them. */
  readonly waiting: number;
  /** Copies whose message was deleted at the source since. */
  readonly deletedAtSource: number;
  readonly absent: readonly AbsentCopy[];
  readonly strays: readonly StrayCopy[];
  /** True once a message with a stamp was seen: the target keeps them. */
  readonly stamped?: boolean | undefined;
  /** Folder id and UID of the messages whose copies are nowhere. */
  readonly missingKeys?: readonly string[] | undefined;
  /** True once it was found out what became of what was not in its place. */
  readonly located?: boolean | undefined;
  /** Messages compared byte by byte, of those that were chosen. */
  readonly sampled: number;
}

/** What verifications found. */
export type VerificationStore = MailboxFiles<VerificationProgress>;

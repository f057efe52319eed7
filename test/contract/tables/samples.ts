import { randomBytes } from "node:crypto";
import { defaultBatchOptions } from "../../../shared/domain/batch-options.ts";
import { isMigrationError } from "../../../shared/domain/errors.ts";
import type {
  BatchName,
  EndpointName,
  FolderId,
  LedgerId,
  MailboxId,
  TargetFolderId,
  TargetItemId,
  Uid,
  UidValidity,
} from "../../../shared/domain/names.ts";
import { uidSetOf } from "../../../shared/domain/uid-set.ts";
import type { Permit, WaitEntry } from "../../../shared/migration/ports/admission-store.ts";
import type { BatchState } from "../../../shared/migration/ports/batch-state.ts";
import type { FolderRecord, ItemRecord, SkippedItem } from "../../../shared/migration/ports/ledger-store.ts";
import type {
  BatchRecord,
  MailboxRecord,
  OperationRecord,
} from "../../../shared/migration/ports/registry.ts";
import { totalsOf } from "../../../shared/migration/status/batch-totals.ts";

export const newId = () => randomBytes(16).toString("hex");
export const newBatchName = () => `batch-${newId().slice(0, 8)}` as BatchName;
export const newEndpointName = () => `endpoint-${newId().slice(0, 8)}` as EndpointName;
export const newMailboxId = () => newId() as MailboxId;
export const newLedgerId = () => newId() as LedgerId;
export const inbox = "a1b2c3" as FolderId;
export const uidValidity = "7" as UidValidity;

export function batch(name: BatchName, changes: Partial<BatchRecord> = {}): BatchRecord {
  return {
    name,
    displayName: "Müller's batch",
    endpoint: "contoso" as EndpointName,
    intent: "created",
    options: { ...defaultBatchOptions, renameFolders: { "A/B": "C" } },
    createdAt: 1_763_000_000_123,
    invalidRowCount: 0,
    lastOperation: 7,
    operations: [],
    admitsFrom: 0,
    ...changes,
  };
}

export function operation(
  name: BatchName,
  seq: number,
  changes: Partial<OperationRecord> = {},
): OperationRecord {
  return {
    batch: name,
    seq,
    kind: "retry",
    whole: true,
    selection: {},
    by: "operator",
    at: 1_763_000_000_123,
    slots: 16,
    supersedes: [],
    ...changes,
  };
}

export function state(name: BatchName): BatchState {
  return {
    batch: name,
    asOf: 7,
    totals: totalsOf([]),
    facets: { status: { Synced: 3 }, errorCode: {} },
    atRest: false,
    nextAt: 8,
    digest: "d",
    recoveries: [{ from: 1, at: 2 }],
    rebuiltAt: 6,
  };
}

export function mailbox(name: BatchName, changes: Partial<MailboxRecord> = {}): MailboxRecord {
  return {
    id: newMailboxId(),
    batch: name,
    endpoint: "contoso" as EndpointName,
    emailAddress: "o'hara@contoso.com",
    userName: "CONTOSO/admin/ohara",
    sealedPassword: "v1.sealed",
    status: "Created",
    kind: "initial",
    round: 1,
    attempts: 0,
    totalItemCount: 0,
    syncedItemCount: 0,
    skippedItemCount: 0,
    bytesTransferred: 5_000_000_000,
    estimatedBytes: 0,
    warnings: { FolderCapReached: 2 },
    createdAt: 1_763_000_000_123,
    ...changes,
  };
}

export function folder(changes: Partial<FolderRecord> = {}): FolderRecord {
  return {
    folderId: inbox,
    uidValidity,
    source: {
      path: "INBOX.Größe/\\#?",
      segments: ["INBOX", "Größe/\\#?"],
      specialUse: "inbox",
      mailboxId: "F1",
    },
    place: { id: "AAMk=" as TargetFolderId, path: "Inbox" },
    state: "active",
    pending: true,
    former: [{ folderId: inbox, uidValidity: "6" as UidValidity }],
    checkpoint: {
      settled: uidSetOf([1, 2, 3, 7]),
      uidNext: 4_294_967_295,
      uidNextSeen: 8,
      messages: 10,
      unseen: 3,
      highestModseq: "18446744073709551615",
      flagsDigest: "d",
      flagsScannedAt: 1_763_000_000_123,
      filter: "5-",
      partition: "p",
      vanished: uidSetOf([2]),
    },
    doubt: {
      openChunk: { token: "t1", mark: "", uids: uidSetOf([8, 9]) },
      recovered: [{ token: "t0", mark: "m", uids: uidSetOf([4]), lookAgainAfter: 5 }],
      attempting: { uid: 8 as Uid, attempts: 2 },
    },
    setAside: [
      { uids: uidSetOf([5]), code: "SourceBusy", tries: 2, since: 1, lookAgainAt: 2 },
      {
        uids: uidSetOf([6]),
        code: "Timeout",
        tries: 1,
        since: 1,
        lookAgainAt: 2,
        chunk: { token: "t2", mark: "m" },
        blameless: true,
      },
    ],
    lastLooks: [{ token: "t3", mark: "", uids: uidSetOf([3]), lookAgainAfter: 7 }],
    trouble: {
      code: "SourceFolderUnavailable",
      message: "It does not open.",
      tries: 4,
      since: 1,
      lookAgainAt: 3,
      leftAt: 2,
    },
    unkeptFlags: { "\\Answered": uidSetOf([2, 3]) },
    counts: {
      total: 10,
      shown: 12,
      unshown: 2,
      synced: 4,
      skipped: 2,
      leftOut: 1,
      bytes: 5_000_000_000,
      guesses: { CharsetGuessed: 4 },
    },
    ...changes,
  };
}

export function item(uid: number, changes: Partial<ItemRecord> = {}): ItemRecord {
  return {
    folderId: inbox,
    uidValidity,
    uid: uid as Uid,
    targetId: `AAkALg${"x".repeat(140)}/+=${uid}` as TargetItemId,
    digest: "0123456789abcdefghijkl",
    envelope: "abcdefghijklmnopqrstuv",
    internalDate: -2_208_988_800_000,
    size: 1234,
    flags: ["$Forwarded", "\\Seen"],
    ...changes,
  };
}

export function skip(uid: number, folderId = inbox): SkippedItem {
  return {
    folderId,
    uidValidity,
    uid: uid as Uid,
    internalDate: 1,
    size: 200_000_000,
    code: "MessageTooLarge",
    message: "Larger than the target allows.",
  };
}

export async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

export async function codeOf(failing: Promise<unknown>): Promise<string> {
  return failing.then(
    () => "nothing thrown",
    (error) => (isMigrationError(error) ? `${error.kind}/${error.code}` : String(error)),
  );
}

export const admitted = newBatchName();
export const permit = (changes: Partial<Permit> = {}): Permit => ({
  mailboxId: newMailboxId(),
  batch: admitted,
  kind: "initial",
  round: 1,
  until: 1_763_000_000_000,
  ...changes,
});
export const wait = (since: number, changes: Partial<WaitEntry> = {}): WaitEntry => ({
  mailboxId: newMailboxId(),
  batch: admitted,
  kind: "initial",
  round: 1,
  operation: 1,
  since,
  ...changes,
});

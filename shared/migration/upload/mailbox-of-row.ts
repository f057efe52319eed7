import { createHash } from "node:crypto";
import type { BatchName, EndpointName, MailboxId } from "../../domain/names.ts";
import type { MailboxRecord } from "../ports/registry.ts";
import type { UserRow } from "./user-row.ts";

/** The same for the same address in the same batch, however often it is uploaded and however it is spelt. */
export function mailboxIdOf(batch: BatchName, emailAddress: string): MailboxId {
  const digest = createHash("sha256").update(`${batch}\0${emailAddress.toLowerCase()}`).digest("hex");
  return digest.slice(0, 32) as MailboxId;
}

/**
 * Rounds of a mailbox that was deleted and uploaded again go on above the old ones: duplicate detection would drop a
 * message id it has seen, and a late message of the old life must count as stale. More than one round a second is not to be had.
 */
function firstRound(now: number): number {
  return Math.floor(now / 1000);
}

/** A mailbox that was not in the batch before. */
export function newMailbox(
  place: { readonly batch: BatchName; readonly endpoint: EndpointName },
  user: UserRow,
  sealedPassword: string,
  now: number,
): MailboxRecord {
  return {
    id: mailboxIdOf(place.batch, user.emailAddress),
    batch: place.batch,
    endpoint: place.endpoint,
    emailAddress: user.emailAddress,
    userName: user.userName,
    userRoot: user.userRoot,
    sealedPassword,
    status: "Created",
    kind: "initial",
    round: firstRound(now),
    attempts: 0,
    totalItemCount: 0,
    syncedItemCount: 0,
    skippedItemCount: 0,
    bytesTransferred: 0,
    estimatedBytes: 0,
    createdAt: now,
  };
}

/**
 * What a mailbox becomes when its row is uploaded again: a failed one is to be started anew, one whose login was tested
 * is to be tested anew, any other keeps its state.
 * Pure.
 * @param sealedPassword the row's password sealed; undefined if it is the one the mailbox has.
 * @returns undefined if nothing changes.
 */
export function mendedMailbox(
  mailbox: MailboxRecord,
  user: UserRow,
  sealedPassword: string | undefined,
): MailboxRecord | undefined {
  const failed = mailbox.status === "Failed";
  const same =
    sealedPassword === undefined &&
    mailbox.userName === user.userName &&
    mailbox.userRoot === user.userRoot &&
    mailbox.emailAddress === user.emailAddress;
  if (same && !failed) return undefined;
  const mended: MailboxRecord = {
    ...mailbox,
    emailAddress: user.emailAddress,
    userName: user.userName,
    userRoot: user.userRoot,
    sealedPassword: sealedPassword ?? mailbox.sealedPassword,
  };
  if (!failed && mailbox.loginTest !== "passed") return mended;
  return {
    ...mended,
    loginTest: undefined,
    status: mailbox.status === "Stopped" ? "Stopped" : "Created",
    round: mailbox.round + 1,
    attempts: 0,
    error: undefined,
    notBefore: undefined,
  };
}

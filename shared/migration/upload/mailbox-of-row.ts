import { createHash } from "node:crypto";
import { addressKey } from "../../domain/addresses.ts";
import type { SourceServer } from "../../domain/credentials.ts";
import { type BatchName, type MailboxId, mailboxIdSchema } from "../../domain/names.ts";
import type { MailboxLogin } from "../mailbox/life.ts";
import type { UserRow } from "./user-row.ts";

/** The same for the same address in the same batch, however often it is uploaded and however it is spelt. */
export function mailboxIdOf(batch: BatchName, emailAddress: string): MailboxId {
  const digest = createHash("sha256")
    .update(`${batch}\0${addressKey(emailAddress)}`)
    .digest("hex");
  return digest.slice(0, 32) as MailboxId;
}

/** The id of a mailbox of a batch. @param reference its id, or its address. */
export function mailboxIdIn(batch: BatchName, reference: string): MailboxId {
  const id = mailboxIdSchema.safeParse(reference);
  return id.success ? id.data : mailboxIdOf(batch, reference);
}

/** What a row says about its mailbox. @param sealedPassword the row's password, sealed for the server. */
export function loginOf(
  { emailAddress, userName, userRoot }: UserRow,
  sealedPassword: string,
  sealedFor: SourceServer,
): MailboxLogin {
  return { emailAddress, userName, userRoot, sealedPassword, sealedFor };
}

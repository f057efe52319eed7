import type { BatchName, EndpointName, MailboxId } from "../../../shared/domain/names.ts";
import type { MailboxStatus } from "../../../shared/domain/states.ts";
import type { MailboxRecord } from "../../../shared/migration/ports/registry.ts";

export const mailboxId = "0".repeat(32) as MailboxId;

/** A mailbox in its seventh round. */
export const mailbox = (status: MailboxStatus, change: Partial<MailboxRecord> = {}): MailboxRecord => ({
  id: mailboxId,
  batch: "b" as BatchName,
  endpoint: "e" as EndpointName,
  emailAddress: "a@contoso.com",
  userName: "a",
  sealedPassword: "sealed",
  status,
  kind: "initial",
  round: 7,
  attempts: 0,
  totalItemCount: 0,
  syncedItemCount: 0,
  skippedItemCount: 0,
  bytesTransferred: 0,
  estimatedBytes: 0,
  createdAt: 0,
  ...change,
});

import type { SourceServer } from "../../domain/credentials.ts";
import type { BatchName, MailboxId } from "../../domain/names.ts";

export interface SecretOwner {
  readonly batch: BatchName;
  readonly mailboxId: MailboxId;
  /** Where the secret may be sent; undefined only for what was sealed before servers counted. */
  readonly server: SourceServer | undefined;
}

/** Seals passwords at rest. A sealed secret opens only for the owner it was sealed for. */
export interface Vault {
  seal(owner: SecretOwner, secret: string): Promise<string>;
  /** @throws MigrationError `mailbox`/`CredentialUnreadable` if the key is another one or the text was altered. */
  open(owner: SecretOwner, sealed: string): Promise<string>;
  /** True if the sealed text holds exactly this secret. */
  matches(owner: SecretOwner, sealed: string, secret: string): Promise<boolean>;
  /** Destroys the batch's own key material where there is any. Repeatable. */
  forget(batch: BatchName): Promise<void>;
}

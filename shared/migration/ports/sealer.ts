/** Seals texts of the deployment's own at rest, as the vault does passwords. */
export interface Sealer {
  seal(text: string): Promise<string>;
  /** @throws MigrationError `mailbox`/`CredentialUnreadable` if the key is another one or the text was altered. */
  open(sealed: string): Promise<string>;
}

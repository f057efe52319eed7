import { isSameServer, type SourceServer, sourceServer } from "../../domain/credentials.ts";
import { MigrationError } from "../../domain/errors.ts";
import type { Endpoints } from "../endpoints/endpoint-settings.ts";
import type { MailboxState } from "../mailbox/change.ts";
import { hostChanged, resealed } from "../mailbox/life.ts";
import type { BatchRecord, MailboxRecord } from "../ports/registry.ts";
import type { SecretOwner, Vault } from "../ports/vault.ts";

/** Whom a mailbox's password is sealed for. @param server undefined for a row of an earlier version. */
export function ownerOf(
  { batch, id }: Pick<MailboxRecord, "batch" | "id">,
  server: SourceServer | undefined,
): SecretOwner {
  return { batch, mailboxId: id, server };
}

/**
 * Seals a mailbox's password anew where an operator has confirmed the server that its endpoint names now, and binds that
 * of a row of an earlier version to this server. Repeatable.
 * @throws MigrationError `mailbox`/`EndpointHostChanged` if it is sealed for another server. @throws Superseded
 */
export async function bindToServer(
  parts: { readonly endpoints: Endpoints; readonly vault: Vault },
  batch: BatchRecord,
  state: MailboxState,
): Promise<void> {
  const { mailbox } = state;
  const { sealedPassword, sealedFor } = mailbox;
  const server = sourceServer(await parts.endpoints.get(mailbox.endpoint));
  if (isSameServer(sealedFor, server)) return;
  if (sealedFor !== undefined && !isSameServer(batch.confirmedServer, server)) throw serverChanged();
  const password = await parts.vault.open(ownerOf(mailbox, sealedFor), sealedPassword);
  const login = {
    sealedPassword: await parts.vault.seal(ownerOf(mailbox, server), password),
    sealedFor: server,
  };
  await state.update((current) => resealed(current, sealedPassword, login));
}

/** The endpoint names another server than the one that the password is sealed for. */
export function serverChanged(): MigrationError {
  return new MigrationError(
    "mailbox",
    hostChanged,
    "The endpoint's host or port is another one than when the password was uploaded, and it was not sent there. If that is right, confirm the server by POST /api/endpoints/{endpoint}/confirm, or upload the CSV again.",
  );
}

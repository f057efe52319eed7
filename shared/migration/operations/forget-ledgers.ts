import type { LedgerId } from "../../domain/names.ts";
import type { Admission } from "../admission/admission.ts";
import { type ChangeParts, changeMailbox } from "../mailbox/change.ts";
import { forgotten } from "../mailbox/life.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { MailboxRecord } from "../ports/registry.ts";

export interface ForgetParts extends ChangeParts {
  readonly ledger: Pick<LedgerStore, "acquireLease" | "purge">;
  readonly admission: Pick<Admission, "permit">;
}

/** Keeps every worker out while a ledger goes; in milliseconds. */
const leaseMs = 60_000;

/**
 * Removes what is recorded of the copies of a mailbox, once nobody works on it: it is as if it had never been copied.
 * @param seq of the operation that asks for it: somebody may have done something else with the mailbox since.
 * @returns false while somebody works on it. Repeatable.
 */
export async function forgetMailbox(
  parts: ForgetParts,
  { batch, id, endpoint, ledgerId }: MailboxRecord,
  seq: number,
): Promise<boolean> {
  const { mailboxes, ledger, admission } = parts;
  if ((await admission.permit(endpoint, id)) !== undefined) return false;
  if (ledgerId !== undefined && !(await leased(ledger, ledgerId, seq))) return false;
  const stored = await mailboxes.get(batch, id);
  if (stored === undefined || stored.value.operation !== seq) return true;
  if (ledgerId !== undefined) await ledger.purge(ledgerId);
  await changeMailbox(parts, stored, (mailbox) =>
    mailbox.operation === seq && mailbox.ledgerId === ledgerId ? forgotten(mailbox) : undefined,
  );
  return true;
}

/** Removes a ledger. @param seq of the operation. @returns false while somebody else has it. Repeatable. */
export async function forgetLedger(
  { ledger }: Pick<ForgetParts, "ledger">,
  ledgerId: LedgerId,
  seq: number,
): Promise<boolean> {
  if (!(await leased(ledger, ledgerId, seq))) return false;
  await ledger.purge(ledgerId);
  return true;
}

async function leased(ledger: ForgetParts["ledger"], ledgerId: LedgerId, seq: number): Promise<boolean> {
  return !("heldUntil" in (await ledger.acquireLease(ledgerId, `forget-${seq}`, leaseMs)));
}

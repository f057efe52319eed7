import { createHash } from "node:crypto";
import type { LedgerId } from "../../domain/names.ts";
import type { MailboxState } from "../mailbox/change.ts";
import { copying, stepBegun } from "../mailbox/life.ts";
import type { FolderSyncParts } from "./parts.ts";

/**
 * The ledger of a mailbox that is about to be copied, found by its target's object id and the account at the source.
 * The target is looked up once. What is to be undone is in the ledger by which it was copied, whatever the row says by now.
 * @param stepId of the step that begins.
 */
export async function resolveLedger(
  parts: FolderSyncParts,
  state: MailboxState,
  stepId: string,
): Promise<LedgerId> {
  const { undoing, targetId: known, ledgerId: copiedBy } = state.mailbox;
  if (undoing && known !== undefined && copiedBy !== undefined) {
    await state.update((mailbox) => {
      const now = parts.clock();
      const begun = stepBegun(mailbox, stepId, false, now);
      return begun && copying(begun, { targetId: known, ledgerId: copiedBy }, now);
    });
    return copiedBy;
  }
  const account = await parts.sourceAccount(state.mailbox);
  const targetId = state.mailbox.targetId ?? (await parts.target.resolve(state.mailbox.emailAddress)).id;
  const ledgerId = createHash("sha256")
    .update(`${targetId}\0${account}`)
    .digest("hex")
    .slice(0, 32) as LedgerId;
  await state.update((mailbox) => {
    const now = parts.clock();
    const begun = stepBegun(mailbox, stepId, false, now);
    return begun && copying(begun, { targetId, ledgerId }, now);
  });
  return ledgerId;
}

import { Superseded } from "../mailbox/change.ts";
import { gotOn, stepEnded, undone } from "../mailbox/life.ts";
import type { MailboxFiles, UndoProgress } from "../ports/mailbox-files.ts";
import { startHeartbeat } from "../sync/heartbeat.ts";
import type { LookParts, LookStep } from "../sync/parts.ts";
import { undoBegun, undoMailbox } from "./undo-mailbox.ts";

/**
 * Steps that take copies out of the target again. How far they are is kept beside the mailbox; the lease of the ledger
 * keeps every sync out meanwhile. Nothing is asked of the source: its login may be the one that was wrong. Repeatable at any
 * point.
 */
export function createUndoStep(parts: LookParts & { readonly undos: MailboxFiles<UndoProgress> }): LookStep {
  const { clock, undos } = parts;
  return async (batch, state, lease, step, stoodStill) => {
    const { batch: name, id, undoing, targetId, emailAddress } = state.mailbox;
    if (undoing === undefined || targetId === undefined) throw new Superseded();
    const { operation, forGood } = undoing;
    const timeUpAt = clock() + parts.limits.maxSeconds * 1000;
    const heart = startHeartbeat(parts, state, lease, undefined);
    try {
      const target = await parts.target.open({ id: targetId, emailAddress });
      try {
        const stored = await undos.read(name, id);
        const { progress, isThrough, next } = await undoMailbox(
          {
            request: { forGood },
            ledger: parts.ledger,
            ledgerId: lease.ledgerId,
            lease,
            target,
            representable: (flags) => parts.target.representableFlags(flags),
            keep: (kept) => undos.write(name, id, kept),
            clock,
            timeIsUp: () => clock() >= timeUpAt,
            checkpoint: () => heart.check(),
          },
          stored?.operation === operation ? stored : undoBegun(operation),
        );
        heart.check();
        await lease.renew();
        await undos.write(name, id, progress);
        if (!isThrough) {
          await state.update((current) =>
            stepEnded(gotOn(current, !stoodStill(), clock()), step, stoodStill()),
          );
          return { next };
        }
        const { removed, counts: left, inDoubt } = progress;
        const outcome = { operation, forGood, at: clock(), removed, left, inDoubt };
        await state.update((current) => undone(current, outcome));
        const leftInAll = Object.values(left).reduce((sum, count) => sum + count, 0);
        parts.log("mailbox.undone", { batch: batch.name, mailbox: id, removed, left: leftInAll });
        return "ended";
      } finally {
        await target.close();
      }
    } finally {
      heart.stop();
    }
  };
}

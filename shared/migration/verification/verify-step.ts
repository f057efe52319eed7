import { Superseded } from "../mailbox/change.ts";
import { gotOn, stepEnded, verified } from "../mailbox/life.ts";
import type { VerificationOutcome } from "../ports/registry.ts";
import type { VerificationProgress, VerificationStore } from "../ports/verification-store.ts";
import { startHeartbeat } from "../sync/heartbeat.ts";
import { knownMessages } from "../sync/known-messages.ts";
import type { LookParts, LookStep } from "../sync/parts.ts";
import { closeSession, openSession } from "../sync/sessions.ts";
import { createSourcePace } from "../sync/source-pace.ts";
import { SteadySource } from "../sync/steady-source.ts";
import { begun, verifyMailbox } from "./verify-mailbox.ts";

/**
 * Steps of verifications. What a step finds is kept beside the mailbox, so that the next one goes on with the folder after
 * it; the lease of the ledger keeps every sync out meanwhile. Repeatable at any point.
 */
export function createVerifyStep(parts: LookParts & { readonly verifications: VerificationStore }): LookStep {
  const { clock, ledger, verifications } = parts;
  return async (batch, state, lease, step, stoodStill) => {
    const { mailbox } = state;
    const { verifying: request } = mailbox;
    if (request === undefined) throw new Superseded();
    const timeUpAt = clock() + parts.limits.maxSeconds * 1000;
    const endpoint = await parts.endpoints.get(mailbox.endpoint);
    const heart = startHeartbeat(parts, state, lease, endpoint);
    try {
      const session = await openSession(parts, mailbox);
      try {
        const known = () => knownMessages(ledger, lease.ledgerId);
        const source = new SteadySource(session.source, known, clock, timeUpAt);
        const pace = createSourcePace(parts.budget, mailbox.endpoint, endpoint, {
          until: timeUpAt,
          unpaid: () => source.takeUnpaid(),
          checkpoint: () => heart.check(),
          clock,
        });
        const run = {
          request,
          ledgerId: lease.ledgerId,
          options: batch.options,
          source,
          pace,
          target: session.target,
          representable: (flags: readonly string[]) => parts.target.representableFlags(flags),
          ledger,
          timeIsUp: () => clock() >= timeUpAt,
          checkpoint: () => heart.check(),
        };
        const stored = await verifications.read(mailbox.batch, mailbox.id);
        const from = stored?.operation === request.operation ? stored : begun(request.operation);
        const { progress, isThrough } = await verifyMailbox(run, from).finally(() => pace.settle());
        heart.check();
        await verifications.write(mailbox.batch, mailbox.id, progress);
        if (!isThrough) {
          await state.update((current) =>
            stepEnded(gotOn(current, !stoodStill(), clock()), step, stoodStill()),
          );
          return { next: undefined };
        }
        const outcome = outcomeOf(progress, request.level, clock());
        await state.update((current) => verified(current, outcome, outcome.at));
        const { level, compared: items, counts } = outcome;
        parts.log("mailbox.verified", {
          batch: batch.name,
          mailbox: mailbox.id,
          level,
          items,
          missing: counts.Missing ?? 0,
        });
        return "ended";
      } finally {
        await closeSession(session);
      }
    } finally {
      heart.stop();
    }
  };
}

function outcomeOf(
  { operation, compared, counts, waiting, deletedAtSource, sampled }: VerificationProgress,
  level: VerificationOutcome["level"],
  at: number,
): VerificationOutcome {
  return { operation, level, at, compared, counts, waiting, deletedAtSource, sampled };
}

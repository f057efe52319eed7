import { rehearsed } from "../mailbox/life.ts";
import type { MailboxFiles, RehearsedFolder } from "../ports/mailbox-files.ts";
import { startHeartbeat } from "../sync/heartbeat.ts";
import { knownMessages } from "../sync/known-messages.ts";
import type { LookParts, LookStep } from "../sync/parts.ts";
import { closeSession, openSession } from "../sync/sessions.ts";
import { createSourcePace } from "../sync/source-pace.ts";
import { SteadySource } from "../sync/steady-source.ts";
import { rehearseMailbox } from "./rehearse-mailbox.ts";

/** The one step of a rehearsal: looks at a mailbox, keeps what it found, and copies nothing. Repeatable. */
export function createRehearseStep(
  parts: LookParts & {
    readonly rehearsals: MailboxFiles<readonly RehearsedFolder[]>;
  },
): LookStep {
  const { clock, ledger } = parts;
  return async (batch, state, lease) => {
    const { mailbox } = state;
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
        const { outcome, folders } = await rehearseMailbox({
          options: batch.options,
          source,
          pace,
          target: session.target,
          maxBytesPerDay: endpoint.maxBytesPerDayPerMailbox,
          timeIsUp: () => clock() >= timeUpAt,
          clock,
          checkpoint: () => heart.check(),
        }).finally(() => pace.settle());
        heart.check();
        await parts.rehearsals.write(mailbox.batch, mailbox.id, folders);
        await state.update((current) => rehearsed(current, outcome));
        const { items, bytes } = outcome;
        parts.log("mailbox.rehearsed", { batch: batch.name, mailbox: mailbox.id, items, bytes });
        return "ended";
      } finally {
        await closeSession(session);
      }
    } finally {
      heart.stop();
    }
  };
}

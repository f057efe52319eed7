import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { Admission } from "../admission/admission.ts";
import { isAtWork } from "../batch/life.ts";
import { type MailboxState, Superseded } from "../mailbox/change.ts";
import type { BatchStore } from "../ports/registry.ts";
import type { LeaseHolder } from "./lease-holder.ts";

const heartbeatMs = 15_000;

/** Ends a step whose process is about to end: the next one goes on at once. */
export const processEnding = "ProcessEnding";

/** What keeps a step alive. */
export interface Heartbeat {
  /** @throws the reason why the step has to end, once there is one. */
  check(): void;
  stop(): void;
}

/**
 * Keeps lease and permit alive while a step runs, and notices when it has to end: its batch is stopped as soon as that is
 * intended, before its mailboxes have followed.
 * @param ending aborted when the process is about to end.
 */
export function startHeartbeat(
  batches: Pick<BatchStore, "get">,
  admission: Admission,
  state: MailboxState,
  lease: LeaseHolder,
  ending: AbortSignal,
): Heartbeat {
  let ended: unknown;
  const beat = async (): Promise<void> => {
    const { batch, endpoint, id } = state.mailbox;
    await lease.renew();
    const intended = await batches.get(batch);
    if (intended === undefined || !isAtWork(intended.value)) throw new Superseded();
    if (!(await admission.extend(endpoint, id))) throw new Superseded();
    await state.refresh();
  };
  const timer = setInterval(() => {
    beat().catch((error: unknown) => {
      if (error instanceof Superseded || (isMigrationError(error) && error.code === "LeaseLost"))
        ended ??= error;
    });
  }, heartbeatMs);
  return {
    check: () => {
      if (ended !== undefined) throw ended;
      if (ending.aborted)
        throw new MigrationError("transient", processEnding, "The process ends; another one goes on.");
    },
    stop: () => clearInterval(timer),
  };
}

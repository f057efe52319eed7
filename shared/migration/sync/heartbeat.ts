import type { Endpoint } from "../../domain/endpoint.ts";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { EndpointName } from "../../domain/names.ts";
import { isAtWork } from "../batch/life.ts";
import { opensAt, outsideReadingHours } from "../endpoints/reading-hours.ts";
import { type MailboxState, Superseded } from "../mailbox/change.ts";
import type { LeaseHolder } from "./lease-holder.ts";
import type { LookParts } from "./parts.ts";

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
 * @param source settings of the endpoint as the step begins, if it reads there: it ends with the reading hours.
 */
export function startHeartbeat(
  parts: Pick<LookParts, "batches" | "admission" | "endpoints" | "ending" | "clock">,
  state: MailboxState,
  lease: LeaseHolder,
  source: Endpoint | undefined,
): Heartbeat {
  const { batches, admission, endpoints, ending, clock } = parts;
  let ended: unknown;
  let hours = source?.readingHours;
  const beat = async (): Promise<void> => {
    const { batch, endpoint, id } = state.mailbox;
    await lease.renew();
    const intended = await batches.get(batch);
    if (intended === undefined || !isAtWork(intended.value)) throw new Superseded();
    if (!(await admission.extend(endpoint, id))) throw new Superseded();
    await state.refresh();
    if (source) hours = (await endpoints.get(endpoint)).readingHours;
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
      refuseOutsideHours(state.mailbox.endpoint, hours, clock());
    },
    stop: () => clearInterval(timer),
  };
}

/** @throws MigrationError `throttled`/`OutsideReadingHours` until the endpoint may be read again. @param now milliseconds since 1970. */
export function refuseOutsideHours(
  endpoint: EndpointName,
  hours: Endpoint["readingHours"],
  now: number,
): void {
  const at = hours && opensAt(hours, now);
  if (hours && at !== undefined) throw outsideReadingHours(endpoint, hours, at, now);
}

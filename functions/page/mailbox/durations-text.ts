import type { MailboxDetails } from "../api/types.ts";
import { duration } from "../parts/format.ts";

const names: Readonly<Record<keyof MailboxDetails["durations"], string>> = {
  queued: "queued",
  inProgress: "in progress",
  paused: "paused",
  synced: "synced",
};

/** How long a mailbox was what: `queued 3 min, synced 2 d`; a dash before its start. Pure. */
export function durationsOf(durations: MailboxDetails["durations"]): string {
  const spent = (Object.keys(names) as (keyof typeof names)[])
    .filter((phase) => durations[phase] > 0)
    .map((phase) => `${names[phase]} ${duration(durations[phase] * 1_000)}`);
  return spent.length === 0 ? "-" : spent.join(", ");
}

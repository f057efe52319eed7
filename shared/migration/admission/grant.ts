import type { Endpoint } from "../../domain/endpoint.ts";
import type { MailboxId } from "../../domain/names.ts";
import type { SyncKind } from "../../domain/states.ts";
import type { AdmissionState, Permit, WaitEntry } from "../ports/admission-store.ts";

/** Rows one transaction may change, with room for the gate row. */
const maxGrants = 45;

/** How many mailboxes of an endpoint may be worked on at once. */
export type Limits = Pick<Endpoint, "maxConcurrentMigrations" | "maxConcurrentIncrementalSyncs">;

/**
 * Which waiting mailboxes get a permit now. Pure.
 * @param released a mailbox whose permit ends with this change.
 * @returns at most as many as fit one transaction; call again until none is granted.
 */
export function grant(
  state: AdmissionState,
  limits: Limits,
  permitUntil: number,
  released?: MailboxId,
): readonly Permit[] {
  const held = new Map<MailboxId, Permit>(
    state.permits
      .filter((permit) => permit.mailboxId !== released)
      .map((permit) => [permit.mailboxId, permit]),
  );
  const used: Record<SyncKind, number> = { initial: 0, incremental: 0 };
  for (const permit of held.values()) used[permit.kind]++;
  const limit: Record<SyncKind, number> = {
    initial: limits.maxConcurrentMigrations,
    incremental: limits.maxConcurrentIncrementalSyncs,
  };
  const granted: Permit[] = [];
  for (const entry of state.waiting) {
    if (granted.length === maxGrants) break;
    if (held.has(entry.mailboxId)) {
      // A restarted mailbox whose earlier chain has not handed back its permit yet: it takes it over.
      granted.push(permitFor(entry, permitUntil));
    } else if (used[entry.kind] < limit[entry.kind]) {
      used[entry.kind]++;
      granted.push(permitFor(entry, permitUntil));
    }
  }
  return granted;
}

function permitFor(entry: WaitEntry, until: number): Permit {
  return { mailboxId: entry.mailboxId, batch: entry.batch, kind: entry.kind, round: entry.round, until };
}

import type { Endpoint } from "../../domain/endpoint.ts";
import type { BatchName } from "../../domain/names.ts";
import type { SyncKind } from "../../domain/states.ts";
import type { BatchShare, Gate, Permit, WaitEntry } from "../ports/admission-store.ts";

/** Of one transaction, which changes two rows for each, with room for the gate and permits that end. */
export const maxGrants = 30;

/** How many mailboxes of an endpoint may be worked on at once. */
export type Limits = Pick<Endpoint, "maxConcurrentMigrations" | "maxConcurrentIncrementalSyncs">;

/** A mailbox whose turn may have come. */
export interface Candidate {
  readonly entry: WaitEntry;
  /** The permit of an earlier round that nobody has given back yet: the mailbox takes it over. */
  readonly held?: Permit | undefined;
}

/** Free permits of a kind. */
export function freePermits(shares: Gate["shares"], limits: Limits, kind: SyncKind): number {
  const limit = kind === "initial" ? limits.maxConcurrentMigrations : limits.maxConcurrentIncrementalSyncs;
  return limit - Object.values<BatchShare>(shares).reduce((sum, share) => sum + share[kind], 0);
}

/**
 * Who gets a permit now: of each batch whoever waits the longest, and of the batches the one that has the fewest permits
 * of this kind, or of equals the one that was served the longest time ago. So batches that wait at one endpoint share it
 * evenly, however many mailboxes each of them has. Pure.
 * @param candidates of each batch, oldest first.
 * @returns as many as one transaction takes at most; call again if there are more.
 */
export function grant<Place extends Partial<Candidate>>(
  kind: SyncKind,
  shares: Gate["shares"],
  limits: Limits,
  candidates: ReadonlyMap<BatchName, readonly Place[]>,
): readonly Place[] {
  let free = freePermits(shares, limits, kind);
  const rest = [...candidates]
    .filter(([, list]) => list.length > 0)
    .map(([batch, list]) => ({
      batch,
      list: [...list],
      permits: shares[batch]?.[kind] ?? 0,
      servedAt: shares[batch]?.servedAt ?? 0,
    }));
  const granted: Place[] = [];
  while (rest.length > 0 && granted.length < maxGrants) {
    rest.sort((a, b) => a.permits - b.permits || a.servedAt - b.servedAt || (a.batch < b.batch ? -1 : 1));
    const [next] = rest;
    const candidate = next?.list.shift();
    if (next === undefined || candidate === undefined) break;
    if (next.list.length === 0) rest.shift();
    if (candidate.held === undefined) {
      if (free <= 0) continue;
      free--;
      next.permits++;
    }
    granted.push(candidate);
  }
  return granted;
}

/** How many of each batch would get a permit if enough mailboxes waited in all of them. Pure. */
export function turnsOf(
  kind: SyncKind,
  shares: Gate["shares"],
  limits: Limits,
  batches: readonly BatchName[],
): ReadonlyMap<BatchName, number> {
  const places = (batch: BatchName) => Array.from({ length: maxGrants }, () => ({ batch, held: undefined }));
  const turns = new Map<BatchName, number>();
  for (const { batch } of grant(
    kind,
    shares,
    limits,
    new Map(batches.map((batch) => [batch, places(batch)])),
  ))
    turns.set(batch, (turns.get(batch) ?? 0) + 1);
  return turns;
}

/** The shares with permits more or fewer. Pure. */
export function withPermits(
  shares: Gate["shares"],
  { batch, kind }: Pick<Permit, "batch" | "kind">,
  count: number,
  servedAt?: number,
): Gate["shares"] {
  const share: BatchShare = shares[batch] ?? { initial: 0, incremental: 0, servedAt: 0 };
  const changed = {
    ...share,
    [kind]: Math.max(0, share[kind] + count),
    servedAt: servedAt ?? share.servedAt,
  };
  return { ...shares, [batch]: changed };
}

/** The permits of each batch, counted anew. Pure. @param known when each batch was served, as far as that is known. */
export function countShares(permits: readonly Permit[], known: Gate["shares"]): Gate["shares"] {
  let shares: Gate["shares"] = {};
  for (const permit of permits) shares = withPermits(shares, permit, 1, known[permit.batch]?.servedAt);
  return shares;
}

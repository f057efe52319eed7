import type { EndpointUsageView } from "../../domain/api/endpoints.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { EndpointName } from "../../domain/names.ts";
import { debtAt, paidAt } from "../admission/source-debt.ts";
import { isAtWork } from "../batch/life.ts";
import { opensAt } from "../endpoints/reading-hours.ts";
import type { AdmissionStore } from "../ports/admission-store.ts";
import type { BatchStore } from "../ports/registry.ts";
import type { SourceDebtStore } from "../ports/source-debt-store.ts";
import type { Clock } from "../runtime.ts";
import type { BatchStates } from "./batch-states.ts";
import { iso } from "./instants.ts";

export type EndpointUsage = (name: EndpointName, endpoint: Endpoint) => Promise<EndpointUsageView>;

/** Tells who is being read of an endpoint, and who waits: from its gate and the figures of its batches, no list is read. */
export function createEndpointUsage(parts: {
  readonly admissions: Pick<AdmissionStore, "gate">;
  readonly sourceDebts: SourceDebtStore;
  readonly batches: Pick<BatchStore, "list">;
  readonly states: Pick<BatchStates, "figures">;
  readonly clock: Clock;
}): EndpointUsage {
  const { admissions, sourceDebts, batches, states, clock } = parts;
  return async (name, endpoint) => {
    const [{ shares }, debt, all] = await Promise.all([
      admissions.gate(name),
      sourceDebts.get(name),
      batches.list(),
    ]);
    const shown = await Promise.all(
      all
        .filter((batch) => batch.endpoint === name && isAtWork(batch))
        .map(async (batch) => {
          const { initial = 0, incremental = 0 } = shares[batch.name] ?? {};
          const { active } = (await states.figures(batch)).totals.counts;
          const waitingCount = Math.max(0, active - initial - incremental);
          return { name: batch.displayName, initial, incremental, waitingCount };
        }),
    );
    const now = clock();
    const opens = endpoint.readingHours && opensAt(endpoint.readingHours, now);
    const free = paidAt(debtAt(debt?.value, endpoint, now), endpoint);
    // Permits of a batch that was stopped just now count until they are given back.
    const used = (kind: "initial" | "incremental") =>
      Object.values(shares).reduce((sum, share) => sum + share[kind], 0);
    return {
      initial: { used: used("initial"), limit: endpoint.maxConcurrentMigrations },
      incremental: { used: used("incremental"), limit: endpoint.maxConcurrentIncrementalSyncs },
      waitingCount: shown.reduce((sum, { waitingCount }) => sum + waitingCount, 0),
      batches: shown,
      opensAt: opens === undefined ? null : iso(opens),
      ratesFreeAt: free > now ? iso(free) : null,
      asOf: iso(now),
    };
  };
}

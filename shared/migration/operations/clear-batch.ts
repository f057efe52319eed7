import type { AdmissionStore } from "../ports/admission-store.ts";
import type { ReportStore } from "../ports/blobs.ts";
import type { BatchRecord } from "../ports/registry.ts";
import type { Vault } from "../ports/vault.ts";
import type { BatchStates } from "../status/batch-states.ts";

/** Removes what belongs to a batch beside its record and its mailboxes: wait list, reports, figures, its key. Repeatable. */
export async function clearBatch(
  parts: {
    readonly admissions: Pick<AdmissionStore, "forget">;
    readonly reports: Pick<ReportStore, "deleteAll">;
    readonly states: Pick<BatchStates, "forget">;
    readonly vault: Pick<Vault, "forget">;
  },
  { name, endpoint }: BatchRecord,
): Promise<void> {
  while ((await parts.admissions.forget(endpoint, name, Number.MAX_SAFE_INTEGER)) > 0);
  await parts.reports.deleteAll(name);
  await parts.states.forget(name);
  await parts.vault.forget(name);
}

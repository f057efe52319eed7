import type { AdmissionStore } from "../ports/admission-store.ts";
import type { ReportStore } from "../ports/blobs.ts";
import type { MailboxFiles } from "../ports/mailbox-files.ts";
import type { BatchRecord } from "../ports/registry.ts";
import type { Vault } from "../ports/vault.ts";
import type { VerificationStore } from "../ports/verification-store.ts";
import type { BatchStates } from "../status/batch-states.ts";

/** Removes what belongs to a batch beside its record and its mailboxes: wait list, reports, verifications, figures, its key. Repeatable. */
export async function clearBatch(
  parts: {
    readonly admissions: Pick<AdmissionStore, "forget">;
    readonly reports: Pick<ReportStore, "deleteAll">;
    readonly verifications: Pick<VerificationStore, "deleteAll">;
    readonly rehearsals: Pick<MailboxFiles<unknown>, "deleteAll">;
    readonly undos: Pick<MailboxFiles<unknown>, "deleteAll">;
    readonly states: Pick<BatchStates, "forget">;
    readonly vault: Pick<Vault, "forget">;
  },
  { name, endpoint }: BatchRecord,
): Promise<void> {
  while ((await parts.admissions.forget(endpoint, name, Number.MAX_SAFE_INTEGER, 1_000)) > 0);
  await parts.reports.deleteAll(name);
  await parts.verifications.deleteAll(name);
  await parts.rehearsals.deleteAll(name);
  await parts.undos.deleteAll(name);
  await parts.states.forget(name);
  await parts.vault.forget(name);
}

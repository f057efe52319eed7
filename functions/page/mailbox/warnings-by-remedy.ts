import type { MailboxDetails } from "../api/types.ts";

type Warning = MailboxDetails["warnings"][number];

/** Warnings for which the same is to be done stand together, so that it is said once. Pure. */
export function warningsByRemedy(
  warnings: readonly Warning[],
): readonly { readonly remedy: string; readonly warnings: readonly Warning[] }[] {
  return [...new Set(warnings.map(({ remedy }) => remedy))].map((remedy) => ({
    remedy,
    warnings: warnings.filter((warning) => warning.remedy === remedy),
  }));
}

import type { MailboxView } from "../api/types.ts";
import { relative } from "../parts/format.ts";

/**
 * Why a mailbox is where it is. The error of one that has not failed is why it waits. Pure.
 * @param now milliseconds since 1970. @returns undefined if there is nothing to say.
 */
export function reasonOf(
  {
    status,
    error,
    nextAttemptAt,
    warnings,
  }: Pick<MailboxView, "status" | "error" | "nextAttemptAt" | "warnings">,
  now: number,
): string | undefined {
  const next =
    nextAttemptAt !== null && Date.parse(nextAttemptAt) > now
      ? ` Next attempt ${relative(nextAttemptAt, now)}.`
      : "";
  if (error !== null)
    return status === "Failed"
      ? `${error.code}: ${error.message}`
      : `Waits, because ${error.code}: ${error.message}${next}`;
  if (warnings.length > 0)
    return `${warnings.length === 1 ? "Warning" : "Warnings"}: ${warnings.map(({ code }) => code).join(", ")}`;
  return next === "" ? undefined : next.trim();
}

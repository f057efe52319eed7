import { MigrationError } from "../../domain/errors.ts";
import { day } from "../runtime.ts";

/** Where a mailbox's count of bytes stood when a day (UTC) began. */
export interface DailyStart {
  /** Days since 1970. */
  readonly day: number;
  readonly bytesTransferred: number;
}

/**
 * What a mailbox may still transfer today under the endpoint's maxBytesPerDayPerMailbox. Pure.
 * @param start as stored by the last step; another day's counts anew.
 * @param bytesTransferred by the mailbox in all.
 * @returns bytes left (never negative), and the start to be stored.
 */
export function dailyAllowance(
  start: DailyStart | undefined,
  bytesTransferred: number,
  maxBytesPerDay: number,
  now: number,
): { readonly start: DailyStart; readonly bytesLeft: number } {
  const today = Math.floor(now / day);
  const current = start?.day === today ? start : { day: today, bytesTransferred };
  const used = bytesTransferred - current.bytesTransferred;
  return { start: current, bytesLeft: Math.max(0, maxBytesPerDay - used) };
}

/** The pause of a mailbox that has used its allowance up, until the day ends (UTC). */
export function dailyCapReached(maxBytesPerDay: number, now: number): MigrationError {
  return new MigrationError(
    "throttled",
    "DailyCapReached",
    `The mailbox has transferred the ${maxBytesPerDay} bytes that maxBytesPerDayPerMailbox of its endpoint allows a day. It goes on after midnight UTC.`,
    { retryAfterMs: day - (now % day) },
  );
}

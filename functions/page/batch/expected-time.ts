import type { MailboxView } from "../api/types.ts";
import { counted, duration } from "../parts/format.ts";

/** How long a mailbox would take by itself, as its rehearsal has it: `2 min to 5 min`. Pure. */
export function expectedTime({
  secondsAtBest,
  secondsAtWorst,
  days,
}: Pick<NonNullable<MailboxView["rehearsal"]>, "secondsAtBest" | "secondsAtWorst" | "days">): string {
  const [best, worst] = [duration(secondsAtBest * 1_000), duration(secondsAtWorst * 1_000)];
  const span = best === worst ? best : `${best} to ${worst}`;
  return days === null || days <= 1 ? span : `${span}, over ${counted(days, "day", "days")} by its daily cap`;
}

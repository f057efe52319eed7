import type { CutoverView } from "../api/types.ts";

/** The verdict on one line. Pure. @param timeOf shows an instant. */
export function verdictOf(
  { verdict, reasons, readyAt }: Pick<CutoverView, "verdict" | "reasons" | "readyAt">,
  timeOf: (instant: string) => string,
): {
  readonly intent: "success" | "warning" | "error" | "info";
  readonly title: string;
  readonly text: string;
} {
  switch (verdict) {
    case "ready":
      return { intent: "success", title: "Ready", text: "The batch may be completed and deleted." };
    case "readyWithWarnings":
      return {
        intent: "warning",
        title: "Ready, with warnings",
        text: "The batch may be completed and deleted. Read the warnings first.",
      };
    case "notYet":
      return {
        intent: "info",
        title: "Not yet",
        text: `${reasons[0] ?? "Time is missing."}${readyAt === null ? "" : ` Nothing else is missing after ${timeOf(readyAt)}.`}`,
      };
    default:
      return { intent: "error", title: "Not yet", text: reasons.join(" ") };
  }
}

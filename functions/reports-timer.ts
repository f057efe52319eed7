import { app } from "@azure/functions";
import { reports } from "../shared/composition.ts";

/** Every five minutes: has the reports written of batches whose round has ended. */
export async function onReports(): Promise<void> {
  const { announce } = await reports();
  await announce();
}

app.timer("reports", { schedule: "45 */5 * * * *", handler: onReports });

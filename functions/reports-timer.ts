import { app } from "@azure/functions";
import { reports } from "../shared/composition.ts";

/** Every five minutes: writes the reports of batches whose round has ended. */
export async function onReports(): Promise<void> {
  const write = await reports();
  await write();
}

app.timer("reports", { schedule: "45 */5 * * * *", handler: onReports });

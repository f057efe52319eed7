import { app } from "@azure/functions";
import { flushTelemetry, sweeps } from "../shared/composition.ts";

/** Every five minutes: mends what lost events and dead workers have left, and starts what is due. */
export async function onJanitorTimer(): Promise<void> {
  const { onTimer } = await sweeps();
  await onTimer().finally(flushTelemetry);
}

app.timer("janitor", { schedule: "15 */5 * * * *", handler: onJanitorTimer });

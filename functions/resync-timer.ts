import { app } from "@azure/functions";
import { resync } from "../shared/composition.ts";
import { readTriggerSettings } from "../shared/config.ts";

/** Once a day: every synced mailbox becomes due. */
export async function onResync(): Promise<void> {
  const run = await resync();
  await run();
}

app.timer("resync", { schedule: readTriggerSettings().resyncSchedule, handler: onResync });

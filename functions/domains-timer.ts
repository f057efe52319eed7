import { app } from "@azure/functions";
import { watchDomains } from "../shared/composition.ts";

/** Every hour: looks where the mail of the batches' domains goes. */
export async function onDomains(): Promise<void> {
  const pass = await watchDomains();
  await pass();
}

app.timer("domains", { schedule: "30 7 * * * *", handler: onDomains });

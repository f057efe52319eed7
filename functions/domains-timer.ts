import { app } from "@azure/functions";
import { notices, watchDomains } from "../shared/composition.ts";

/** Every hour: looks where the mail of the batches' domains goes, and tells who wants to know. */
export async function onDomains(): Promise<void> {
  const pass = await watchDomains();
  await pass();
  await (await notices()).lookAtCutovers();
}

app.timer("domains", { schedule: "30 7 * * * *", handler: onDomains });

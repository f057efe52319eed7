import { app } from "@azure/functions";
import { janitor } from "../shared/composition.ts";

/** Every minute: mends what lost events and dead workers have left, and starts what is due. */
export async function onJanitor(): Promise<void> {
  const sweep = await janitor();
  await sweep();
}

app.timer("janitor", { schedule: "15 * * * * *", handler: onJanitor });

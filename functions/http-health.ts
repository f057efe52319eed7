import type { HttpResponseInit } from "@azure/functions";
import { checkHealth } from "../shared/composition.ts";
import { route } from "./http.ts";

/** Tells whether settings are complete and storage can be reached. */
export async function getHealth(): Promise<HttpResponseInit> {
  await checkHealth();
  return { jsonBody: { status: "healthy" } };
}

route("health", "GET", "health", "signedIn", getHealth);

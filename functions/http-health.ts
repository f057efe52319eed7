import type { HttpResponseInit } from "@azure/functions";
import { health } from "../shared/composition.ts";
import { route } from "./http.ts";

/** 200 if everything the application needs is there, else 503; anybody may ask, so it says no more. */
export async function getHealth(): Promise<HttpResponseInit> {
  return { status: (await (await health()).isHealthy()) ? 200 : 503 };
}

/** What is there, and what is missing since when. */
export async function getHealthDetails(): Promise<HttpResponseInit> {
  return { jsonBody: await (await health()).details() };
}

route("health", getHealth);
route("health-details", getHealthDetails);

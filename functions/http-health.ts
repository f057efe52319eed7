import { app, type HttpResponseInit } from "@azure/functions";
import { checkHealth } from "../shared/composition.ts";
import { answering } from "./http.ts";

/** Tells whether settings are complete and storage can be reached. */
export async function getHealth(): Promise<HttpResponseInit> {
  await checkHealth();
  return { jsonBody: { status: "healthy" } };
}

app.http("health", {
  methods: ["GET"],
  route: "health",
  authLevel: "anonymous",
  handler: answering(getHealth),
});

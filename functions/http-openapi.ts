import type { HttpResponseInit } from "@azure/functions";
import { route } from "./http.ts";

/** This API as it says of itself (OpenAPI 3.1). */
export async function getOpenApi(): Promise<HttpResponseInit> {
  const { openApiDocument } = await import("./openapi.ts");
  return { jsonBody: openApiDocument(), headers: { "Cache-Control": "no-cache" } };
}

route("openapi", getOpenApi);

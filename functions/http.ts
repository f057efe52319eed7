import type { HttpRequest, HttpResponseInit, InvocationContext } from "@azure/functions";
import { z } from "zod";
import { isMigrationError } from "../shared/domain/errors.ts";

export type Handler = (request: HttpRequest, context: InvocationContext) => Promise<HttpResponseInit>;

/** An answer in the API's error form. `details` is left out where there is nothing to add. */
export function errorResponse(
  status: number,
  code: string,
  message: string,
  details?: unknown,
): HttpResponseInit {
  return { status, jsonBody: { error: { code, message, ...(details === undefined ? {} : { details }) } } };
}

/** Turns what a handler throws into the API's errors: bad input is the caller's fault, everything else is ours. */
export function answering(handler: Handler): Handler {
  return async (request, context) => {
    try {
      return await handler(request, context);
    } catch (error) {
      if (error instanceof z.ZodError)
        return errorResponse(
          400,
          "BadRequest",
          "The request is not valid.",
          error.issues.map((issue) => ({ path: issue.path.join("."), message: issue.message })),
        );
      if (isMigrationError(error)) return errorResponse(503, error.code, error.message);
      throw error;
    }
  };
}

import type { JsonObject } from "./json.ts";

export interface GraphErrorDetails {
  /** A more specific code, shown inside innerError (graph/errors, "Detailed error codes"). */
  readonly innerCode?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * A refusal in the form Graph gives it: a status, a code a client may branch on, and a text it must not branch on.
 * Codes that begin with "Error" are Exchange's own:
 * learn.microsoft.com/exchange/client-developer/web-service-reference/responsecode.
 */
export class GraphError extends Error {
  override readonly name = "GraphError";
  readonly status: number;
  readonly code: string;
  readonly innerCode: string | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, details: GraphErrorDetails = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.innerCode = details.innerCode;
    this.headers = details.headers ?? {};
  }
}

/** The error resource of learn.microsoft.com/graph/errors. */
export function errorResource(
  error: GraphError,
  requestId: string,
  clientRequestId: string,
  now: number,
): JsonObject {
  return {
    error: {
      code: error.code,
      message: error.message,
      innerError: {
        ...(error.innerCode === undefined ? {} : { code: error.innerCode }),
        date: new Date(now).toISOString().slice(0, 19),
        "request-id": requestId,
        "client-request-id": clientRequestId,
      },
    },
  };
}

export function itemNotFound(): GraphError {
  return new GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.");
}

export function invalidBody(message: string): GraphError {
  return new GraphError(400, "RequestBodyRead", message);
}

import { z } from "zod";
import { isMigrationError, MigrationError } from "../domain/errors.ts";
import { parseRetryAfter } from "./retry-after.ts";

/** An Azure service that is reached by HTTP, as its errors are told to an operator. */
export interface AzureService {
  readonly name: string;
  /** Codes of what can go wrong with any service. */
  readonly codes: {
    /** The application's identity got no token. */
    readonly noToken: string;
    /** The service asks for a pause. */
    readonly busy: string;
    /** No answer came. */
    readonly unanswered: string;
    /** The service failed by itself. */
    readonly failed: string;
  };
  /** What the service means by any other answer. */
  refusal(failure: AzureFailure): MigrationError;
}

/** A request that was refused. */
export interface AzureFailure {
  /** Of HTTP. */
  readonly status: number;
  /** The service's own, such as `EntityAlreadyExists`. */
  readonly code: string | undefined;
  /** What support asks for, without the request. */
  readonly cause: Error;
}

/** The pause where a service names none, in milliseconds. */
const assumedPauseMs = 10_000;

/** What is read of the SDKs' errors. */
const errorSchema = z.object({
  statusCode: z.number().optional(),
  code: z.string().optional(),
  details: z
    .object({
      errorCode: z.string().optional(),
      odataError: z.object({ code: z.string().optional() }).optional(),
    })
    .optional(),
  response: z.object({ headers: z.custom<HeaderReader>(isHeaderReader) }).optional(),
});

interface HeaderReader {
  get(name: string): string | undefined;
}

function isHeaderReader(value: unknown): boolean {
  return typeof value === "object" && value !== null && "get" in value && typeof value.get === "function";
}

const tokenErrors = new Set([
  "AggregateAuthenticationError",
  "AuthenticationError",
  "AuthenticationRequiredError",
  "CredentialUnavailableError",
]);

/** True if the identity got no token, so that the service was not asked. */
export function isTokenError(error: unknown): error is Error {
  return error instanceof Error && tokenErrors.has(error.name);
}

/** True if a client library gave a request up; false for what it throws of its own before it sends one. */
export function isRequestError(error: unknown): boolean {
  return error instanceof Error && ["RestError", "AbortError", "TimeoutError"].includes(error.name);
}

/** HTTP status of a refused request; undefined if no answer came. */
export function statusOf(error: unknown): number | undefined {
  return errorSchema.safeParse(error).data?.statusCode;
}

/**
 * The service's own error code, such as `EntityAlreadyExists`, or the one of the network; undefined if there is none.
 * @see https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
 */
export function codeOf(error: unknown): string | undefined {
  const { code, details } = errorSchema.safeParse(error).data ?? {};
  return details?.errorCode ?? details?.odataError?.code ?? code;
}

/**
 * What an error of an Azure SDK means for the caller.
 * A 503 asks for a pause if it names one, or if the service calls itself busy; else it is a failure like others.
 */
export function classifyAzureError(error: unknown, { name, codes, refusal }: AzureService): MigrationError {
  if (isMigrationError(error)) return error;
  const status = statusOf(error);
  const code = codeOf(error);
  const cause = causeOf(error, status, code);
  if (isTokenError(error))
    return new MigrationError(
      "fatal",
      codes.noToken,
      `No token for ${name} could be had: check the application's managed identity and AZURE_CLIENT_ID.`,
      { cause },
    );
  if (status === undefined)
    return new MigrationError(
      "transient",
      codes.unanswered,
      `${name} did not answer (${code ?? "no connection"}).`,
      { cause },
    );
  const retryAfterMs = parseRetryAfter(headerOf(error, "retry-after"), Date.now());
  if (status === 429 || (status === 503 && (retryAfterMs !== undefined || code === "ServerBusy")))
    return new MigrationError("throttled", codes.busy, `${name} asked for a pause.`, {
      retryAfterMs: retryAfterMs ?? assumedPauseMs,
      cause,
    });
  if (status === 408 || status >= 500)
    return new MigrationError("transient", codes.failed, `${name} failed (${code ?? status}).`, { cause });
  return refusal({ status, code, cause });
}

/** The SDK's own error holds the request with its token and body, and must not get into a log. */
function causeOf(error: unknown, status: number | undefined, code: string | undefined): Error {
  if (error instanceof Error && error.name !== "RestError") return error;
  const requestId = headerOf(error, "x-ms-request-id") ?? "unknown";
  return new Error(`status ${status ?? "none"}, code ${code ?? "none"}, request ${requestId}`);
}

function headerOf(error: unknown, name: string): string | undefined {
  return errorSchema.safeParse(error).data?.response?.headers.get(name);
}

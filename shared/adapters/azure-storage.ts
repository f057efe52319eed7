import type { TokenCredential } from "@azure/identity";
import { z } from "zod";
import { MigrationError } from "../domain/errors.ts";

/** How to reach a storage account: with a key (locally) or as an identity. `url` is the service's own endpoint. */
export type StorageSettings =
  | { readonly connectionString: string }
  | { readonly url: string; readonly credential: TokenCredential };

/** The service as an operator knows it, and the role its user needs. */
export interface StorageService {
  readonly name: "Table Storage" | "Blob Storage";
  readonly role: string;
}

/** Longest time one attempt of a request may take, in milliseconds. The SDK has no limit of its own. */
export const attemptTimeoutMs = 30_000;

/** What is read of the errors of the two SDKs. */
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

const tooLarge = new Set([
  "EntityTooLarge",
  "PropertyValueTooLarge",
  "RequestBodyTooLarge",
  "TooManyProperties",
]);
const tokenErrors = new Set([
  "AggregateAuthenticationError",
  "AuthenticationError",
  "AuthenticationRequiredError",
  "CredentialUnavailableError",
]);

/** HTTP status of a refused request; undefined if no answer came. */
export function statusOf(error: unknown): number | undefined {
  const parsed = errorSchema.safeParse(error);
  return parsed.success ? parsed.data.statusCode : undefined;
}

/**
 * Storage's own error code, such as `EntityAlreadyExists`, or the one of the network; undefined if there is none.
 * @see https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
 */
export function codeOf(error: unknown): string | undefined {
  const parsed = errorSchema.safeParse(error);
  if (!parsed.success) return undefined;
  const { code, details } = parsed.data;
  return details?.errorCode ?? details?.odataError?.code ?? code;
}

/** What an error of an Azure Storage SDK means for the caller. */
export function classifyStorageError(error: unknown, service: StorageService): MigrationError {
  if (error instanceof MigrationError) return error;
  const status = statusOf(error);
  const code = codeOf(error);
  const cause = causeOf(error, status, code);
  if (error instanceof Error && tokenErrors.has(error.name))
    return new MigrationError(
      "fatal",
      "StorageTokenUnavailable",
      `No token for ${service.name} could be had: check the application's managed identity and AZURE_CLIENT_ID.`,
      { cause },
    );
  if (status === undefined)
    return new MigrationError(
      "transient",
      "StorageUnreachable",
      `${service.name} did not answer (${code ?? "no connection"}).`,
      {
        cause,
      },
    );
  if (status === 401 || status === 403)
    return new MigrationError(
      "fatal",
      "StorageAccessDenied",
      `${service.name} refused access (${code ?? status}): grant the application's identity the role "${service.role}" on the storage account, and check the account's network rules.`,
      { cause },
    );
  if (code === "TableNotFound" || code === "ContainerNotFound")
    return new MigrationError(
      "fatal",
      "StorageNotPrepared",
      `A table or container of the application is missing in ${service.name}: deploy the infrastructure again; on your own machine restart the application, which creates it.`,
      { cause },
    );
  if (status === 413 || (code !== undefined && tooLarge.has(code)))
    return new MigrationError(
      "mailbox",
      "RecordTooLarge",
      `A record is larger than ${service.name} can hold.`,
      { cause },
    );
  if (status === 429 || status === 503)
    return new MigrationError("throttled", "StorageBusy", `${service.name} asked for a pause.`, {
      retryAfterMs: retryAfterMs(error) ?? 10_000,
      cause,
    });
  if (status === 408 || status >= 500 || code === "TableBeingDeleted" || code === "ContainerBeingDeleted")
    return new MigrationError("transient", "StorageFailed", `${service.name} failed (${code ?? status}).`, {
      cause,
    });
  return new MigrationError(
    "fatal",
    "StorageRequestRefused",
    `${service.name} refused a request (${code ?? status}).`,
    { cause },
  );
}

/** What support asks for. The SDK's own error holds the request with its token and body, and must not get into a log. */
function causeOf(error: unknown, status: number | undefined, code: string | undefined): Error {
  if (error instanceof Error && error.name !== "RestError") return error;
  const requestId = headerOf(error, "x-ms-request-id") ?? "unknown";
  return new Error(`status ${status ?? "none"}, code ${code ?? "none"}, request ${requestId}`);
}

function retryAfterMs(error: unknown): number | undefined {
  const seconds = Number(headerOf(error, "retry-after") ?? Number.NaN);
  return seconds >= 0 ? seconds * 1000 : undefined;
}

function headerOf(error: unknown, name: string): string | undefined {
  const parsed = errorSchema.safeParse(error);
  return parsed.success ? parsed.data.response?.headers.get(name) : undefined;
}

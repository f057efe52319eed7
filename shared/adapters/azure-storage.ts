import type { TokenCredential } from "@azure/identity";
import { MigrationError } from "../domain/errors.ts";
import { classifyAzureError } from "./azure-errors.ts";

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

const tooLarge = new Set([
  "EntityTooLarge",
  "PropertyValueTooLarge",
  "RequestBodyTooLarge",
  "TooManyProperties",
]);

/** What an error of an Azure Storage SDK means for the caller. */
export function classifyStorageError(error: unknown, { name, role }: StorageService): MigrationError {
  return classifyAzureError(error, {
    name,
    codes: {
      noToken: "StorageTokenUnavailable",
      busy: "StorageBusy",
      unanswered: "StorageUnreachable",
      failed: "StorageFailed",
    },
    refusal({ status, code, cause }) {
      if (status === 401 || status === 403)
        return new MigrationError(
          "fatal",
          "StorageAccessDenied",
          `${name} refused access (${code ?? status}): grant the application's identity the role "${role}" on the storage account, and check the account's network rules.`,
          { cause },
        );
      if (code === "TableNotFound" || code === "ContainerNotFound")
        return new MigrationError(
          "fatal",
          "StorageNotPrepared",
          `A table or container of the application is missing in ${name}: deploy the infrastructure again; on your own machine restart the application, which creates it.`,
          { cause },
        );
      if (status === 413 || (code !== undefined && tooLarge.has(code)))
        return new MigrationError("mailbox", "RecordTooLarge", `A record is larger than ${name} can hold.`, {
          cause,
        });
      if (code === "TableBeingDeleted" || code === "ContainerBeingDeleted")
        return new MigrationError("transient", "StorageFailed", `${name} failed (${code}).`, { cause });
      return new MigrationError(
        "fatal",
        "StorageRequestRefused",
        `${name} refused a request (${code ?? status}).`,
        { cause },
      );
    },
  });
}

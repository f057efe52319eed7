import { inspect } from "node:util";
import { RestError } from "@azure/data-tables";
import { describe, expect, it } from "vitest";
import { classifyStorageError } from "../../../shared/adapters/azure-storage.ts";
import { MigrationError } from "../../../shared/domain/errors.ts";

const service = { name: "Table Storage", role: "Storage Table Data Contributor" } as const;

/** An answer as the SDK reports it, with the request it belongs to. */
function answered(
  statusCode: number,
  code?: string,
  headers: Readonly<Record<string, string>> = {},
): RestError {
  const error = new RestError("refused", { statusCode, ...(code === undefined ? {} : { code }) });
  return Object.assign(error, {
    request: { headers: { authorization: "Bearer canary" }, body: "canary" },
    response: { status: statusCode, headers: new Headers(headers) },
  });
}

function named(name: string): Error {
  return Object.assign(new Error("no token"), { name });
}

describe("an error of Azure Storage", () => {
  it.each([
    [answered(503, "ServerBusy", { "retry-after": "7" }), "throttled", "StorageBusy", 7_000],
    [answered(503, "ServerBusy"), "throttled", "StorageBusy", 10_000],
    [
      answered(503, "ServerBusy", { "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }),
      "throttled",
      "StorageBusy",
      0,
    ],
    [answered(503), "transient", "StorageFailed", undefined],
    [answered(429, undefined, { "retry-after": "soon" }), "throttled", "StorageBusy", 10_000],
    [answered(500, "InternalError"), "transient", "StorageFailed", undefined],
    [answered(408), "transient", "StorageFailed", undefined],
    [answered(409, "TableBeingDeleted"), "transient", "StorageFailed", undefined],
    [answered(401, "InvalidAuthenticationInfo"), "fatal", "StorageAccessDenied", undefined],
    [answered(403, "AuthorizationPermissionMismatch"), "fatal", "StorageAccessDenied", undefined],
    [answered(404, "TableNotFound"), "fatal", "StorageNotPrepared", undefined],
    [answered(404, "ContainerNotFound"), "fatal", "StorageNotPrepared", undefined],
    [answered(413, "RequestBodyTooLarge"), "mailbox", "RecordTooLarge", undefined],
    [answered(400, "EntityTooLarge"), "mailbox", "RecordTooLarge", undefined],
    [answered(400, "InvalidInput"), "fatal", "StorageRequestRefused", undefined],
    [new RestError("reset", { code: "ECONNRESET" }), "transient", "StorageUnreachable", undefined],
    [named("AbortError"), "transient", "StorageUnreachable", undefined],
    [named("CredentialUnavailableError"), "fatal", "StorageTokenUnavailable", undefined],
  ])("%# is told apart", (error, kind, code, retryAfterMs) => {
    const classified = classifyStorageError(error, service);
    expect(classified).toMatchObject({ kind, code, retryAfterMs });
    expect(classified.message).toMatch(/\.$/);
    expect(inspect(classified, { depth: 10, showHidden: true })).not.toContain("canary");
  });

  it("names the role that is missing", () => {
    expect(classifyStorageError(answered(403), service).message).toContain(service.role);
  });

  it("stays what it is once classified", () => {
    const known = new MigrationError("item", "Any", "Any.");
    expect(classifyStorageError(known, service)).toBe(known);
  });
});

import { randomBytes } from "node:crypto";
import { GraphError } from "./errors.ts";

/** Characters, case and length as Graph's own: 152 characters with base64url letters and padding. */
export function newRestId(): string {
  return `AAMkA${randomBytes(109).toString("base64url")}A=`;
}

/** Shorter and of another shape than a REST id, as in learn.microsoft.com/graph/outlook-immutable-id. */
export function newImmutableId(): string {
  return `AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A${randomBytes(24).toString("base64url")}`;
}

export function newChangeKey(): string {
  return `CQAAABYAAA${randomBytes(18).toString("base64url")}`;
}

/** Graph tells an id it cannot decode from one that it decodes and does not find. */
export function requireWellFormedId(id: string): void {
  if (!/^AA[A-Za-z0-9_-]{40,}=?$/.test(id))
    throw new GraphError(400, "ErrorInvalidIdMalformed", "Id is malformed.");
}

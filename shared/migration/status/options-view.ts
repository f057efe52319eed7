import { createHash } from "node:crypto";
import type { OptionsView } from "../../domain/api/batches.ts";
import type { BatchOptions } from "../../domain/batch-options.ts";
import { iso } from "./instants.ts";

/** Options as the HTTP API shows them, and as a file of them would say it. Pure. */
export function optionsView(options: BatchOptions): OptionsView {
  const { startAfter, completeAfter, receivedSince, receivedBefore, ...rest } = options;
  return {
    ...rest,
    ...(startAfter === undefined ? {} : { startAfter: iso(startAfter) }),
    ...(completeAfter === undefined ? {} : { completeAfter: iso(completeAfter) }),
    ...(receivedSince === undefined ? {} : { receivedSince: iso(receivedSince) }),
    ...(receivedBefore === undefined ? {} : { receivedBefore: iso(receivedBefore) }),
  };
}

/** Another one as soon as any option has another value. In quotes, as an HTTP ETag is. Pure. */
export function optionsETag(options: BatchOptions): string {
  const entries = Object.entries(optionsView(options)).sort(([a], [b]) => (a < b ? -1 : 1));
  return `"${createHash("sha256").update(JSON.stringify(entries)).digest("base64url").slice(0, 27)}"`;
}

import { isSameServer, type SourceServer, sourceServer } from "../../domain/credentials.ts";
import type { EndpointName } from "../../domain/names.ts";
import { changeBatch } from "../batch/change.ts";
import { isAtWork, serverConfirmedBy } from "../batch/life.ts";
import type { SettingIssue } from "../endpoints/json-file.ts";
import type { EndpointManagement } from "../endpoints/manage-endpoints.ts";
import { type BeginOperationParts, beginOperation } from "../operations/begin-operation.ts";
import { wakeTending } from "./sweeps.ts";

export type ConfirmOutcome =
  | { readonly outcome: "notFound" }
  | { readonly outcome: "invalid"; readonly issues: readonly SettingIssue[] }
  /** The endpoint names another server than the one that was confirmed. */
  | { readonly outcome: "changed"; readonly server: SourceServer }
  /** @param batches in the operator's spelling; those at work have an operation by which mailboxes go on. */
  | {
      readonly outcome: "confirmed";
      readonly batches: readonly { readonly name: string; readonly operation: number | undefined }[];
    };

/**
 * An operator confirms that the passwords of an endpoint's batches may be sent to the server that the endpoint names now.
 * Who did it, and when, stays with each batch. Passwords are sealed anew by the next step of each mailbox. Repeatable.
 * @param said the server that the operator looked at.
 * @param by the caller's object id in Entra.
 */
export type ConfirmServer = (name: EndpointName, said: SourceServer, by: string) => Promise<ConfirmOutcome>;

export function createServerConfirmation(
  parts: BeginOperationParts & { readonly endpoints: Pick<EndpointManagement, "get"> },
): ConfirmServer {
  const { endpoints, batches, queue, clock, log } = parts;
  return async (name, said, by) => {
    const endpoint = await endpoints.get(name);
    if (endpoint === undefined) return { outcome: "notFound" };
    if ("issues" in endpoint) return { outcome: "invalid", issues: endpoint.issues };
    const server = sourceServer(endpoint.settings);
    if (!isSameServer(sourceServer(said), server)) return { outcome: "changed", server };

    const confirmed: { readonly name: string; readonly operation: number | undefined }[] = [];
    for (const { name: batch, endpoint: own } of await batches.list()) {
      if (own !== name) continue;
      const changed = await changeBatch(batches, batch, (current) =>
        serverConfirmedBy(current, { ...server, by, at: clock() }),
      );
      if (changed === undefined) continue;
      const begun = isAtWork(changed)
        ? await beginOperation(parts, batch, { kind: "confirm", by }, (current) => current)
        : undefined;
      if (begun?.outcome === "begun") await wakeTending(queue, batch, clock());
      confirmed.push({
        name: changed.displayName,
        operation: begun?.outcome === "begun" ? begun.operation.seq : undefined,
      });
      log("server.confirmed", { batch, endpoint: name, by });
    }
    return { outcome: "confirmed", batches: confirmed };
  };
}

import type { Probed } from "../../migration/ports/probed.ts";
import type { TargetConnector } from "../../migration/ports/target.ts";
import type { IdentityToken } from "../identity-token.ts";
import { GraphClient } from "./client.ts";
import { representableFlags } from "./flags.ts";
import { MailboxGate } from "./gate.ts";
import { GraphMailbox } from "./mailbox.ts";
import { probeDirectory, resolveAddress } from "./resolve.ts";

export interface GraphTargetSettings {
  /** Service root without the version, such as https://graph.microsoft.com. */
  readonly baseUrl: string;
  /** Asked before every request. */
  readonly token: IdentityToken;
  /** Requests at once to one mailbox; Exchange takes 4. */
  readonly concurrencyPerMailbox: number;
}

/** Lookups of users are no mailbox requests; a few at once do for a batch. */
const directoryConcurrency = 8;

/**
 * Mailboxes in Exchange Online through Microsoft Graph.
 * Sessions of one process to the same mailbox share one gate, so that together they keep to its limits.
 *
 * Taken from documentation and third parties, to be checked on a first tenant: createUploadSession on a message that is no
 * draft (upload.ts); the dates, flags and ids set by extended properties at creation, and a header of 128 KB among them
 * (properties.ts, mime/plan.ts); recipients with a name and no address (mime/addresses.ts); subjects up to 255 characters
 * (mime/plan.ts); the last action changed by an update, and
 * whether attachments added to a message count as one from 2026-12-31 on (change-flags.ts, write.ts); hidden folders created below the root (folders.ts); authors other than the mailbox's owner (mime/plan.ts);
 * for how long a folder just made answers 404 (folders.ts); that a claims challenge gets another token (../identity-token.ts).
 */
export function createGraphTarget(settings: GraphTargetSettings): TargetConnector & Probed {
  const client = new GraphClient(settings.baseUrl.replace(/\/+$/, ""), settings.token);
  const directory = new MailboxGate(directoryConcurrency);
  const gates = new Map<string, MailboxGate>();
  return {
    representableFlags,
    probe: () => probeDirectory(client, directory),
    resolve: (emailAddress) => resolveAddress(client, directory, emailAddress),
    async open(target) {
      const gate = gates.get(target.id) ?? new MailboxGate(settings.concurrencyPerMailbox);
      gates.set(target.id, gate);
      const root = `/users/${encodeURIComponent(target.id)}`;
      return new GraphMailbox({ client, gate, root }, () => {
        // A pause asked for must outlast the session.
        if (gate.idle) gates.delete(target.id);
      });
    },
  };
}

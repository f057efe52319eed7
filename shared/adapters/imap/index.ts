import type { SourceConnector } from "../../migration/ports/source.ts";
import { defaultTimeouts, type Timeouts } from "./connection.ts";
import { ImapSource } from "./source.ts";

export type { Timeouts } from "./connection.ts";

/** Source mailboxes on any IMAP4rev1 server. @param timeouts in milliseconds; defaults suit servers on the Internet. */
export function createImapSource(timeouts: Partial<Timeouts> = {}): SourceConnector {
  return new ImapSource({ ...defaultTimeouts, ...timeouts });
}

import type { SourceConnector } from "../../migration/ports/source.ts";
import type { TargetConnector } from "../../migration/ports/target.ts";
import { defaultTimeouts, type Timeouts } from "./connection.ts";
import { ImapSource } from "./source.ts";
import { ImapTarget, type ImapTargetSettings } from "./target.ts";

export type { Timeouts } from "./connection.ts";
export type { ImapTargetSettings } from "./target.ts";

/** Source mailboxes on any IMAP4rev1 server. @param timeouts in milliseconds; defaults suit servers on the Internet. */
export function createImapSource(timeouts: Partial<Timeouts> = {}): SourceConnector {
  return new ImapSource({ ...defaultTimeouts, ...timeouts });
}

/** Target mailboxes on an IMAP server, written by APPEND. */
export function createImapTarget(
  settings: ImapTargetSettings,
  timeouts: Partial<Timeouts> = {},
): TargetConnector {
  return new ImapTarget(settings, { ...defaultTimeouts, ...timeouts });
}

import type { AccessTokens } from "../../migration/ports/access-tokens.ts";
import type { Probed } from "../../migration/ports/probed.ts";
import type { SourceConnector } from "../../migration/ports/source.ts";
import type { TargetConnector } from "../../migration/ports/target.ts";
import { defaultTimeouts, type Timeouts } from "./connection.ts";
import { ImapSource } from "./source.ts";
import { ImapTarget, type ImapTargetSettings } from "./target.ts";

export type { Timeouts } from "./connection.ts";
export { createServerProbe } from "./probe.ts";
export type { ImapTargetSettings } from "./target.ts";

export interface ImapSourceOptions {
  /** In milliseconds; the defaults suit servers on the Internet. */
  readonly timeouts?: Partial<Timeouts>;
  /** For endpoints with `authentication` `xoauth2`; asked before each login. */
  readonly tokens?: AccessTokens;
  /** Which addresses may be connected to; all where left out. */
  readonly isPermitted?: ((address: string) => boolean) | undefined;
}

/** Source mailboxes on any IMAP4rev1 server. */
export function createImapSource({ timeouts, tokens, isPermitted }: ImapSourceOptions = {}): SourceConnector {
  return new ImapSource({ ...defaultTimeouts, ...timeouts }, tokens, isPermitted);
}

/** Target mailboxes on an IMAP server, written by APPEND. @param timeouts in milliseconds. */
export function createImapTarget(
  settings: ImapTargetSettings,
  timeouts: Partial<Timeouts> = {},
): TargetConnector & Probed {
  return new ImapTarget(settings, { ...defaultTimeouts, ...timeouts });
}

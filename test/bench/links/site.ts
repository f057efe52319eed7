import { type ImapAccess, userAccess, withSession } from "../../stack/imap-access.ts";
import { type DovecotServer, startDovecot } from "../../stack/imap-servers/dovecot.ts";
import { type LatencyProxy, startLatencyProxy } from "../../stack/latency-proxy.ts";
import type { Load } from "./loads.ts";

/** Two servers and the ways to them. */
export interface Site {
  readonly source: DovecotServer;
  /** Users of the target are made by their first login. */
  readonly target: DovecotServer;
  readonly toSource: LatencyProxy;
  readonly toTarget: LatencyProxy;
  /** The one with the mail. */
  readonly user: string;
  /** Messages of the source. */
  readonly messages: number;
  stop(): Promise<void>;
}

/** One user of the target a program and run. */
export const targetUsers = ["app", "mbsync", "doveadm"].flatMap((program) =>
  Array.from({ length: 9 }, (_, index) => `${program}-${index + 1}`),
);

export async function startSite(load: Load, roundTripMs: number): Promise<Site> {
  const source = await startDovecot({ users: 1 });
  const target = await startDovecot({ users: targetUsers.map((user) => `${user}@contoso.com`) });
  const user = source.userName(1);
  await load.fill(userAccess(source, user));
  const [toSource, toTarget] = await Promise.all([
    startLatencyProxy(source, roundTripMs),
    startLatencyProxy(target, roundTripMs),
  ]);
  return {
    source,
    target,
    toSource,
    toTarget,
    user,
    messages: await messagesIn(userAccess(source, user)),
    async stop() {
      await Promise.all([toSource.stop(), toTarget.stop()]);
      await Promise.all([source.stop(), target.stop()]);
    },
  };
}

/** Messages in all folders. */
export async function messagesIn(access: ImapAccess): Promise<number> {
  return withSession(access, async (client) => {
    let messages = 0;
    for (const { path, flags } of await client.list())
      if (!flags.has("\\Noselect")) {
        const status = await client.status(path, { messages: true });
        messages += status ? (status.messages ?? 0) : 0;
      }
    return messages;
  });
}

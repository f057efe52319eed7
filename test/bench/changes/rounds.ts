import type { ImapFlow } from "imapflow";
import { startRecordingProxy } from "../../contract/imap/recording-proxy.ts";
import { startImapTarget } from "../../e2e/dovecot-pair.ts";
import { startDeployment } from "../../stack/deployment.ts";
import { withSession } from "../../stack/imap-access.ts";
import { type BigFolder, messageOf } from "./servers.ts";

/** What a round cost at the source, its login and listing included. */
export interface ChangedRound {
  readonly change: string;
  readonly commands: number;
  readonly sent: number;
  readonly received: number;
  /** Messages in the answers to FETCH. */
  readonly fetched: number;
}

const emailAddress = "big@contoso.com";
const batch = "big";

/** Copies the mailbox into a Dovecot, and changes one thing before each round. */
export async function changedRounds(source: BigFolder): Promise<readonly ChangedRound[]> {
  const proxy = await startRecordingProxy(source.server);
  const target = await startImapTarget({ users: [source.user], emailAddress: () => emailAddress });
  const deployment = await startDeployment({ settings: target.settings });
  const count = () =>
    withSession(target.access(source.user), async (client) => (await client.mailboxOpen("INBOX")).exists);
  try {
    const { host, port } = proxy;
    await deployment.putEndpoint("source", { host, port, security: "none", allowInsecure: true });
    const { user, server } = source;
    await deployment.upload("source", batch, [{ emailAddress, userName: user, password: server.password }], {
      propagateDeletes: true,
    });
    const settle = async () => {
      const { status } = await deployment.waitUntilSettled(batch, 900_000);
      if (status !== "Synced") throw new Error(`a round ended as ${status}`);
    };
    await settle();
    const round = async (change: string, make: (client: ImapFlow) => Promise<unknown>, grows: number) => {
      await withSession(source.access, async (client) => {
        await client.mailboxOpen("INBOX");
        await make(client);
      });
      const before = await count();
      proxy.takeTraffic();
      await deployment.request("POST", `batches/${batch}/sync`);
      await settle();
      const { commands, sent, received, answers } = proxy.takeTraffic();
      const grown = (await count()) - before;
      if (grown !== grows) throw new Error(`after "${change}" the copy grew by ${grown} messages`);
      return {
        change,
        commands: commands.filter((command) => !/^(\+|[A-Za-z0-9+/=]+$)/.test(command)).length,
        sent,
        received,
        fetched: answers.match(/^\* \d+ FETCH/gm)?.length ?? 0,
      };
    };
    const some = (await count()) >> 1;
    const single = [
      await round("nothing", async () => undefined, 0),
      await round("one flag", (client) => client.messageFlagsAdd(String(some), ["\\Seen"]), 0),
      await round("one removed", (client) => client.messageDelete(String(some)), -1),
      await round("one added", (client) => client.append("INBOX", messageOf(1_000_001)), 1),
    ];
    const everyOther = async (client: ImapFlow) => {
      const uids = (await client.search({ all: true }, { uid: true })) || [];
      const half = uids.filter((_, index) => index % 2 === 0);
      for (let start = 0; start < half.length; start += 500)
        await client.messageDelete(half.slice(start, start + 500).join(","), { uid: true });
    };
    await withSession(source.access, async (client) => {
      await client.mailboxOpen("INBOX");
      await everyOther(client);
    });
    await deployment.request("POST", `batches/${batch}/sync`);
    await deployment.waitUntilSettled(batch, 900_000);
    // So many removals wait to be confirmed.
    await deployment.request("POST", `batches/${batch}/retry`);
    await settle();
    return [
      ...single,
      await round("one flag, between holes", (client) => client.messageFlagsAdd("100", ["\\Seen"]), 0),
      await round("one removed, between holes", (client) => client.messageDelete("100"), -1),
      await round("one added, after holes", (client) => client.append("INBOX", messageOf(1_000_002)), 1),
    ];
  } finally {
    await deployment.stop();
    await target.server.stop();
    await proxy.stop();
  }
}

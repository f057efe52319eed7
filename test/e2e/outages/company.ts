import { compareImapToGraph } from "../../stack/compare/imap-to-graph.ts";
import { type Deployment, startDeployment } from "../../stack/deployment.ts";
import type { GraphStandIn } from "../../stack/graph/index.ts";
import { userAccess, withSession } from "../../stack/imap-access.ts";
import { startDovecot } from "../../stack/imap-servers/dovecot.ts";
import { KeyVaultStandIn } from "../../stack/key-vault.ts";
import { Switchboard } from "../../stack/outages/switchboard.ts";

/** Each request to Graph takes so long at least, in milliseconds, so that something is always under way. */
const latencyMs = 150;
const folders = ["INBOX", "Work", "Work/Old"];

/** A company that moves from Dovecot to the Graph stand-in, with a switch before everything the app needs. */
export interface Company {
  readonly deployment: Deployment;
  readonly switches: Switchboard;
  readonly users: readonly string[];
  /** New mail for a user, numbered on through all folders. */
  deliver(user: string, messages: number): Promise<void>;
  /** One message more for a user, with this text in its body. */
  deliverText(user: string, text: string): Promise<void>;
  /** Uploads a batch of these users. */
  move(batch: string, users: readonly string[]): Promise<void>;
  /**
   * What is wrong in the target, over all these users, and how many messages nobody sees are left in hidden folders. What
   * is twice, or should not be there, is printed.
   */
  compare(
    users: readonly string[],
  ): Promise<{ lost: number; twice: number; changed: number; unseen: number }>;
  stop(): Promise<void>;
}

/** @param size users of the company. @param settings of the app, beside those that lead to what it needs. */
export async function startCompany(
  size: number,
  settings: Readonly<Record<string, string>> = {},
): Promise<Company> {
  const source = await startDovecot({ users: size });
  const vault = await KeyVaultStandIn.start();
  const switches = new Switchboard();
  const users = Array.from({ length: size }, (_, index) => source.userName(index + 1));
  const addressOf = (user: string) => `${user}@contoso.com`;
  const sent = new Map<string, number>();
  const deployment = await startDeployment({
    settings: vault.settings,
    graph: { latencyMs },
    appSettings: async (given) => ({ ...(await switches.through(given)), ...settings }),
  });
  const graph = deployment.stack.graph as GraphStandIn;
  for (const user of users) graph.addMailbox({ userPrincipalName: addressOf(user) });
  await deployment.putEndpoint("dovecot", {
    host: "localhost",
    port: await switches.before("source", source.tlsPort),
    acceptUntrustedCertificates: true,
  });
  return {
    deployment,
    switches,
    users,
    deliver: (user, messages) =>
      withSession(userAccess(source, user), async (client) => {
        const existing = new Set((await client.list()).map(({ path }) => path));
        for (const folder of folders) if (!existing.has(folder)) await client.mailboxCreate(folder);
        for (let left = messages; left > 0; left--) {
          const number = (sent.get(user) ?? 0) + 1;
          sent.set(user, number);
          const text = messageText(user, `${number}`);
          const flags = number % 3 === 0 ? ["\\Seen"] : [];
          const date = new Date(Date.UTC(2024, 0, 1) + number * 60_000);
          await client.append(folders[number % folders.length] ?? "INBOX", Buffer.from(text), flags, date);
        }
      }),
    deliverText: (user, text) =>
      withSession(userAccess(source, user), async (client) => {
        await client.append("INBOX", Buffer.from(messageText(user, "of another kind", text)));
      }),
    move: (batch, some) =>
      deployment.upload(
        "dovecot",
        batch,
        some.map((user) => ({
          emailAddress: addressOf(user),
          userName: user,
          password: source.password,
        })),
      ),
    async compare(some) {
      const sum = { lost: 0, twice: 0, changed: 0, unseen: 0 };
      for (const user of some) {
        const mailbox = graph.mailbox(addressOf(user));
        const hidden = new Set(
          mailbox.folders.filter(({ isHidden }) => isHidden).map(({ displayName }) => displayName),
        );
        const difference = await compareImapToGraph(userAccess(source, user), mailbox);
        for (const folder of difference.folders) {
          const others = [...folder.doubled, ...folder.unexpected];
          for (const { properties } of others)
            console.log(`${user}, ${folder.folder}: ${properties.subject}`);
          sum.lost += folder.missing.length;
          sum[hidden.has(folder.folder) ? "unseen" : "twice"] += others.length;
          sum.changed += folder.changed.length;
        }
      }
      return sum;
    },
    async stop() {
      for (const connection of ["storage", "bus", "vault", "target", "source"] as const)
        switches.on(connection);
      await deployment.stop();
      await switches.stop();
      await vault.stop();
      await source.stop();
    },
  };
}

function messageText(user: string, name: string, text = `The text of message ${name}.`): string {
  return [
    `Message-ID: <${name.replaceAll(" ", ".")}.${user}@example.net>`,
    "From: Alice <alice@example.net>",
    `Subject: Message ${name}`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    "",
    text,
    "",
  ].join("\r\n");
}

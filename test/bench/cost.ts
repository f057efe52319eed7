import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { LogEvent } from "../stack/app-process.ts";
import { startAzurite } from "../stack/azurite.ts";
import { type Deployment, startDeployment } from "../stack/deployment.ts";
import { userAccess, withSession } from "../stack/imap-access.ts";
import { type DovecotServer, startDovecot } from "../stack/imap-servers/dovecot.ts";

// What a migration costs in Azure: `npm run bench:cost [-- --mailboxes 4]`. Counts what a first pass and a daily round ask of
// the platform, once with few and once with many messages in a mailbox, and so tells what a mailbox takes and what each
// message adds. Seconds of work depend on source and target: those of a message are computed at Graph's pace, beside those of
// this machine. Waits by the app's log alone, since a call of its API is counted as well.

const { values } = parseArgs({ options: { mailboxes: { type: "string", default: "4" } } });
const mailboxes = Number(values.mailboxes);
const folders = 10;
/** Messages of a mailbox. */
const loads = { few: folders * 10, many: folders * 210 } as const;

/** What is told for: a thousand mailboxes of ten thousand messages. */
const told = { mailboxes: 1_000, messages: 10_000 } as const;

/** List prices in USD, West Europe, looked up in November 2026; they are assumptions. */
const prices = {
  executions: 0.4e-6,
  /** A second of an instance with 2 GB. */
  instanceSeconds: 2 * 0.000026,
  tableRequests: 0.00036e-4,
  blobRequests: 0.005e-4,
  /** Beyond the 13 million a month that the base price of 10 USD holds. */
  busOperations: 0.8e-6,
} as const;
type Counter = keyof typeof prices;
type Counters = Readonly<Record<Counter, number>>;
const counters = Object.keys(prices) as Counter[];

/** A send, a delivery and a settlement. */
const operationsPerMessage = 3;
/** Microsoft Graph: requests of one mailbox at once, and seconds a request as assumed; mailboxes of one instance at once. */
const graph = { atOnce: 4, seconds: 0.25, mailboxes: 16 } as const;
/** Until what follows a round is over, in milliseconds. */
const settleMs = 30_000;
/** An execution is billed for a second at least. */
const leastBilledMs = 1_000;

const requests = { table: 0, blob: 0 };

/** Functions that a message of Service Bus begins. */
const ofBus = new Set(["folder-sync", "isolated-sync", "operations", "janitor-message"]);
/** Those that nobody calls over HTTP, each of which is scaled by itself. */
const own = new Set([...ofBus, "upload", "janitor", "reports", "resync", "domains"]);

/** Seconds in which an instance was at work, added up over the groups. */
function activeSeconds(ended: readonly LogEvent[]): number {
  const groups = new Map<string, LogEvent[]>();
  for (const event of ended) {
    const name = String(event.functionName);
    groups.set(name, [...(groups.get(name) ?? []), event]);
  }
  let sum = 0;
  for (const events of groups.values()) {
    const spans = events
      .map(({ time, durationMs }) => {
        const end = Date.parse(time);
        const start = end - Number(durationMs);
        return [start, Math.max(end, start + leastBilledMs)] as const;
      })
      .sort(([a], [b]) => a - b);
    let until = 0;
    for (const [start, end] of spans) {
      sum += Math.max(0, end - Math.max(start, until)) / 1_000;
      until = Math.max(until, end);
    }
  }
  return sum;
}

/** What was counted while `work` was under way; calls of the API aside, since these are this benchmark's own. */
async function counted(deployment: Deployment, work: () => Promise<void>): Promise<Counters> {
  const from = deployment.log.length;
  const before = { ...requests };
  await work();
  const ended = deployment.log
    .slice(from)
    .filter(({ message }) => message === "Executed" || message === "Failed")
    .filter(({ functionName }) => own.has(String(functionName)));
  const isOfBus = ({ functionName }: LogEvent) => ofBus.has(String(functionName));
  return {
    executions: ended.length,
    instanceSeconds: activeSeconds(ended),
    tableRequests: requests.table - before.table,
    blobRequests: requests.blob - before.blob,
    busOperations: ended.filter(isOfBus).length * operationsPerMessage,
  };
}

async function fill(source: DovecotServer, user: string, messages: number): Promise<void> {
  await withSession(userAccess(source, user), async (client) => {
    for (let number = 1; number <= messages / folders; number++)
      await client.append(
        "INBOX",
        `From: a@example.com\r\nTo: b@example.com\r\nSubject: ${number}\r\nDate: Mon, 6 May 2024 07:08:09 +0000\r\nMessage-ID: <${number}@cost.example>\r\n\r\n${"A line of text.\r\n".repeat(200)}`,
      );
    await client.mailboxOpen("INBOX", { readOnly: true });
    for (let folder = 2; folder <= folders; folder++) {
      await client.mailboxCreate(`Folder ${folder}`);
      await client.messageCopy("1:*", `Folder ${folder}`);
    }
  });
}

/** @returns the counters of a first pass and of a round in which nothing changed. */
async function measured(messages: number): Promise<readonly [Counters, Counters]> {
  const source = await startDovecot({ users: mailboxes });
  const azurite = await startAzurite({ onRequest: (service) => service !== "queue" && requests[service]++ });
  const users = Array.from({ length: mailboxes }, (_, index) => source.userName(index + 1));
  const deployment = await startDeployment({
    settings: {
      AzureWebJobsStorage: azurite.connectionString,
      CREDENTIAL_KEY: Buffer.alloc(32, 7).toString("base64"),
    },
  });
  try {
    for (const user of users) {
      deployment.stack.graph?.addMailbox({ userPrincipalName: `${user}@contoso.com` });
      await fill(source, user, messages);
    }
    await deployment.putEndpoint("source", {
      host: source.host,
      port: source.tlsPort,
      acceptUntrustedCertificates: true,
    });
    const rounds = () => deployment.log.filter(({ message }) => message === "mailbox.synced").length;
    async function untilSynced(count: number): Promise<void> {
      while (rounds() < count) await sleep(500);
      await sleep(settleMs);
    }
    const first = await counted(deployment, async () => {
      await deployment.upload(
        "source",
        "cost",
        users.map((user) => ({
          emailAddress: `${user}@contoso.com`,
          userName: user,
          password: source.password,
        })),
      );
      await untilSynced(mailboxes);
    });
    const { syncedCount, syncedItemCount } = await deployment.waitUntilSettled("cost");
    if (syncedCount !== mailboxes || syncedItemCount !== mailboxes * messages)
      throw new Error(`${syncedCount} mailboxes and ${syncedItemCount} messages are synced`);
    const again = await counted(deployment, async () => {
      await deployment.request("POST", "batches/cost/sync");
      await untilSynced(2 * mailboxes);
    });
    return [first, again];
  } finally {
    await deployment.stop();
    await azurite.close();
    await source.stop();
  }
}

const few = await measured(loads.few);
const many = await measured(loads.many);
for (const [index, what] of ["first pass", "daily round without changes"].entries()) {
  const [a, b] = [few[index] as Counters, many[index] as Counters];
  let usd = 0;
  for (const counter of counters) {
    const perMessage = Math.max(0, b[counter] - a[counter]) / (mailboxes * (loads.many - loads.few));
    const perMailbox = Math.max(0, a[counter] / mailboxes - perMessage * loads.few);
    const isPaced = counter === "instanceSeconds" && index === 0;
    const paced = isPaced ? graph.seconds / (graph.atOnce * graph.mailboxes) : perMessage;
    const count = told.mailboxes * (perMailbox + paced * told.messages);
    usd += count * prices[counter];
    console.log(
      JSON.stringify({
        benchmark: "cost",
        what,
        counter,
        perMailbox: Number(perMailbox.toPrecision(3)),
        perMessage: Number(perMessage.toPrecision(3)),
        ...(isPaced && { perMessageAtGraphsPace: Number(paced.toPrecision(3)) }),
        perThousandMailboxes: Math.round(count),
        usd: Number((count * prices[counter]).toPrecision(3)),
      }),
    );
  }
  console.log(`${what}: ${usd.toFixed(2)} USD for ${told.mailboxes} mailboxes of ${told.messages} messages`);
}

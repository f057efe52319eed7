import { setTimeout as sleep } from "node:timers/promises";
import type { BlobServiceClient } from "@azure/storage-blob";
import type { DnsRecord } from "./dns-server.ts";
import type { GraphStandIn } from "./graph/index.ts";
import { sampleZone } from "./sample-batch.ts";
import { type SampleMailbox, type SampleSource, startSampleSource } from "./sample-source.ts";

/** Batches in the states that an operator meets: what the page has to show. */
interface ShownBatch {
  readonly name: string;
  readonly domain: string;
  readonly users: readonly string[];
  readonly messages: number;
  readonly fetchMs?: number;
  readonly concurrency?: number;
  readonly options?: object;
  /** Users whose password in the CSV is an old one. */
  readonly wrongPasswords?: readonly string[];
  /** Users who are not in Microsoft 365. */
  readonly withoutTarget?: readonly string[];
  /** Users whose mailboxes take no large messages. */
  readonly smallMessagesOnly?: readonly string[];
  /** Rows as somebody has typed them. */
  readonly badRows?: readonly string[];
}

const shown: readonly ShownBatch[] = [
  {
    name: "pilot",
    domain: "fabrikam.example",
    users: ["anna", "ben", "clara", "david"],
    messages: 160,
  },
  {
    name: "sales",
    domain: "fabrikam.example",
    users: ["emil", "fatima", "george", "hanna", "ivan", "julia", "kofi", "lena"],
    messages: 320,
    wrongPasswords: ["george", "ivan"],
    withoutTarget: ["kofi"],
    smallMessagesOnly: ["hanna", "lena"],
    badRows: ["not-an-address,mia,secret", "nina@fabrikam.example,,secret"],
  },
  {
    name: "warehouse",
    domain: "wingtip.example",
    users: ["oskar", "paula", "quentin", "rosa", "samir", "tina"],
    messages: 900,
    fetchMs: 4_000,
    concurrency: 2,
  },
  {
    name: "headquarters",
    domain: "wingtip.example",
    users: ["ursula", "viktor", "wanda"],
    messages: 90,
    options: { autoStart: false },
  },
  {
    name: "branch-office",
    domain: "wingtip.example",
    users: ["xenia", "yusuf", "zoe"],
    messages: 120,
    options: { dryRun: true },
  },
];

/** Bytes of the largest message that a mailbox takes whose limit nobody raised. */
const smallMessageBytes = 40_000;

/** The MX record of one domain leads to Microsoft 365 already, that of the others does not. */
export const showcaseZone: readonly DnsRecord[] = [
  ...sampleZone,
  mx("fabrikam.example", "fabrikam-example.mail.protection.outlook.com", 3_600),
  mx("wingtip.example", "mx.wingtip.example", 86_400),
];

/**
 * Starts a source server for each of the batches, gives the mailboxes their users in the tenant, and uploads the files.
 * @returns the servers, to be closed.
 */
export async function uploadShowcase(
  blobs: BlobServiceClient,
  graph: GraphStandIn,
): Promise<readonly SampleSource[]> {
  const sources: SampleSource[] = [];
  for (const batch of shown) {
    const { users, messages, fetchMs = 0 } = batch;
    const source = await startSampleSource({ users, messages, fetchMs, largest: 300_000 });
    sources.push(source);
    for (const user of users)
      if (!batch.withoutTarget?.includes(user))
        graph.addMailbox({
          userPrincipalName: `${user}@${batch.domain}`,
          ...(batch.smallMessagesOnly?.includes(user) ? { maxMessageBytes: smallMessageBytes } : {}),
        });
    const endpoint = {
      host: source.host,
      port: source.port,
      security: "none",
      allowInsecure: true,
      ...(batch.concurrency ? { maxConcurrentMigrations: batch.concurrency } : {}),
    };
    const rows = source.mailboxes.map((mailbox) => rowOf(batch, mailbox));
    const csv = ["EmailAddress,UserName,Password", ...rows, ...(batch.badRows ?? []), ""].join("\r\n");
    await write(blobs, "endpoints", `${batch.name}.json`, JSON.stringify(endpoint, undefined, 2));
    if (batch.options)
      await write(blobs, "uploads", `${batch.name}/${batch.name}.json`, JSON.stringify(batch.options));
    await write(blobs, "uploads", `${batch.name}/${batch.name}.csv`, csv);
  }
  return sources;
}

/** Has the first batch verified once it is synced, as an operator does before the cut-over. @param apiUrl ends in `/api`. */
export async function verifyPilot(apiUrl: string, signal?: AbortSignal): Promise<void> {
  for (;;) {
    const answer = await fetch(`${apiUrl}/batches/pilot`, signal ? { signal } : {});
    if (answer.ok && ((await answer.json()) as { status: string }).status === "Synced") break;
    await sleep(2_000, undefined, signal ? { signal } : {});
  }
  const headers = { "Content-Type": "application/json", "X-Requested-With": "imap-to-m365" };
  const body = JSON.stringify({ level: "content" });
  await fetch(`${apiUrl}/batches/pilot/verify`, {
    method: "POST",
    headers,
    body,
    ...(signal ? { signal } : {}),
  });
}

function rowOf({ domain, wrongPasswords }: ShownBatch, { user, password }: SampleMailbox): string {
  return [`${user}@${domain}`, user, wrongPasswords?.includes(user) ? "an-old-one" : password].join(",");
}

function mx(name: string, exchange: string, ttl: number): DnsRecord {
  return { name, type: "MX", data: { exchange, preference: 0 }, ttl };
}

async function write(blobs: BlobServiceClient, container: string, name: string, text: string): Promise<void> {
  await blobs.getContainerClient(container).getBlockBlobClient(name).upload(text, Buffer.byteLength(text));
}

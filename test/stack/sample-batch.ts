import type { BlobServiceClient } from "@azure/storage-blob";
import type { DnsRecord } from "./dns-server.ts";
import type { FolderInspection, GraphStandIn, MailboxInspection } from "./graph/index.ts";
import type { SampleMailbox, SampleSource } from "./sample-source.ts";

export const sampleName = "sample";

export function addressOf({ user }: SampleMailbox): string {
  return `${user}@contoso.example`;
}

/** Gives every sample mailbox a user in the Graph stand-in. */
export function addTargetMailboxes(graph: GraphStandIn, source: SampleSource): void {
  for (const mailbox of source.mailboxes) graph.addMailbox({ userPrincipalName: addressOf(mailbox) });
}

/** The domain of the sample before its cut-over: the MX record leads to the old server, and lives a day. */
export const sampleZone: readonly DnsRecord[] = [
  {
    name: "contoso.example",
    type: "MX",
    data: { exchange: "mx.contoso.example", preference: 10 },
    ttl: 86_400,
  },
];

/** Does what an operator does: writes the endpoint, then uploads the CSV that starts the batch. */
export async function uploadSample(blobs: BlobServiceClient, source: SampleSource): Promise<void> {
  const endpoint = { host: source.host, port: source.port, security: "none", allowInsecure: true };
  const rows = source.mailboxes.map((mailbox) =>
    [addressOf(mailbox), mailbox.user, mailbox.password].join(","),
  );
  await write(blobs, "endpoints", `${sampleName}.json`, JSON.stringify(endpoint, undefined, 2));
  await write(
    blobs,
    "uploads",
    `${sampleName}/${sampleName}.csv`,
    `${["EmailAddress,UserName,Password", ...rows].join("\r\n")}\r\n`,
  );
}

/** What the target holds of one sample mailbox. */
export interface Arrival {
  readonly address: string;
  /** Folders with messages, by path. */
  readonly folders: readonly { readonly path: string; readonly messages: number }[];
  readonly expected: number;
  readonly arrived: number;
  /** Source messages without a copy in the target. */
  readonly missing: number;
  /** Messages in the target that the source does not have, or not as often. */
  readonly unexpected: number;
}

/** Compares source and target by Message-ID, looking into the target itself, not at what the app says. */
export function arrivalsOf(graph: GraphStandIn, source: SampleSource): Arrival[] {
  return source.mailboxes.map((mailbox) => {
    const target = graph.mailbox(addressOf(mailbox));
    const copies = countEach(target.messages.map(({ internetMessageId }) => internetMessageId));
    for (const id of mailbox.messageIds) copies.set(id, (copies.get(id) ?? 0) - 1);
    const differences = [...copies.values()];
    return {
      address: addressOf(mailbox),
      folders: filledFolders(target),
      expected: mailbox.messageIds.length,
      arrived: target.messages.length,
      missing: -sum(differences.filter((count) => count < 0)),
      unexpected: sum(differences.filter((count) => count > 0)),
    };
  });
}

async function write(blobs: BlobServiceClient, container: string, name: string, text: string): Promise<void> {
  await blobs.getContainerClient(container).getBlockBlobClient(name).upload(text, Buffer.byteLength(text));
}

function filledFolders({ folders }: MailboxInspection): Arrival["folders"] {
  const withChildren = (folder: FolderInspection): FolderInspection[] => [
    folder,
    ...folder.childFolders.flatMap(withChildren),
  ];
  return folders
    .flatMap(withChildren)
    .filter(({ messages }) => messages.length > 0)
    .map(({ path, messages }) => ({ path: path.join("/"), messages: messages.length }));
}

function countEach(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

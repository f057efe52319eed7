/**
 * What mailboxes at once cost in memory: `npm run bench:memory [-- --loads ordinary,medium,large,few,huge --targets graph,imap --heap 0,256]`,
 * on Linux. A real Dovecot is copied into the Graph stand-in and into another Dovecot; the worker, which runs the app and
 * nothing else, is a process of its own, and the system keeps its peak. With a heap limit it is the memory that cannot be
 * done without.
 */
import { parseArgs } from "node:util";
import { BlobServiceClient } from "@azure/storage-blob";
import { startImapTarget } from "../e2e/dovecot-pair.ts";
import { startApp } from "../stack/app-process.ts";
import { userAccess, withSession } from "../stack/imap-access.ts";
import { startDovecot } from "../stack/imap-servers/dovecot.ts";
import type { ImapServer } from "../stack/imap-servers/server.ts";
import { startStack } from "../stack/stack.ts";
import { memoryOf, workerOf } from "./processes.ts";

const megabyte = 1024 * 1024;

interface Load {
  readonly title: string;
  readonly mailboxes: number;
  /** Messages of a mailbox. */
  readonly count: number;
  /** Of the text of a message, most of it base64. */
  readonly bytes: number;
}

const loads: Readonly<Record<string, Load>> = {
  ordinary: { title: "100 ordinary messages each", mailboxes: 16, count: 100, bytes: 20_000 },
  medium: { title: "6 messages of 3.9 MB each", mailboxes: 16, count: 6, bytes: 3.9 * megabyte },
  large: { title: "a message of 25 MB each", mailboxes: 16, count: 1, bytes: 25 * megabyte },
  few: { title: "a message of 25 MB each", mailboxes: 4, count: 1, bytes: 25 * megabyte },
  huge: { title: "a message of 150 MB", mailboxes: 1, count: 1, bytes: 150 * megabyte },
};

const { values } = parseArgs({
  options: {
    loads: { type: "string", default: Object.keys(loads).join(",") },
    targets: { type: "string", default: "graph,imap" },
    /** Of the worker's JavaScript heap, in MB; 0 leaves it to Node. */
    heap: { type: "string", default: "0,256" },
  },
});

interface Peak {
  readonly target: string;
  readonly mailboxes: number;
  readonly load: string;
  readonly heapLimitMB: number;
  readonly status: string;
  readonly seconds: number;
  readonly atRestMB: number;
  readonly peakMB: number;
}

const peaks: Peak[] = [];
for (const name of values.loads.split(",")) {
  const load = loads[name];
  if (load === undefined) throw new Error(`--loads takes ${Object.keys(loads).join(", ")}, not ${name}`);
  const server = await startDovecot({ users: load.mailboxes });
  try {
    await fill(server, load);
    for (const target of values.targets.split(","))
      for (const heapLimitMB of values.heap.split(",").map(Number)) {
        const peak = await copy(server, target, load, heapLimitMB);
        peaks.push(peak);
        console.log(JSON.stringify({ benchmark: "memory", ...peak }));
      }
  } finally {
    await server.stop();
  }
}
console.table(peaks);

async function fill(server: ImapServer, { mailboxes, count, bytes }: Load): Promise<void> {
  for (let user = 1; user <= mailboxes; user++)
    await withSession(userAccess(server, server.userName(user)), async (client) => {
      for (let number = 1; number <= count; number++)
        await client.append("INBOX", messageOf(`${user}-${number}`, bytes), ["\\Seen"]);
    });
}

async function copy(
  server: ImapServer,
  target: string,
  { title, mailboxes }: Load,
  heapLimitMB: number,
): Promise<Peak> {
  const users = Array.from({ length: mailboxes }, (_, index) => server.userName(index + 1));
  const emailAddress = (user: string) => `${user}@example.com`;
  const imap = target === "imap" ? await startImapTarget({ users, emailAddress }) : undefined;
  const stack = await startStack({
    graph: {
      maxMessageBytes: 250 * megabyte,
      limits: { requests: 1_000_000, uploadBytes: 10_000 * megabyte },
    },
    settings: { ...imap?.settings },
  });
  const limit: Record<string, string> =
    heapLimitMB === 0 ? {} : { NODE_OPTIONS: `--max-old-space-size=${heapLimitMB}` };
  const app = await startApp({ settings: { ...stack.settings, ...limit } });
  try {
    const worker = workerOf(app.pid);
    const atRestMB = memoryOf(worker, "VmRSS");
    for (const user of users) stack.graph?.addMailbox({ userPrincipalName: emailAddress(user) });
    const blobs = BlobServiceClient.fromConnectionString(stack.settings.AzureWebJobsStorage ?? "");
    const put = (container: string, name: string, text: string) =>
      blobs.getContainerClient(container).getBlockBlobClient(name).upload(text, Buffer.byteLength(text));
    const { host, port, password } = server;
    await put(
      "endpoints",
      "source.json",
      JSON.stringify({
        host,
        port,
        security: "none",
        allowInsecure: true,
        maxConcurrentMigrations: mailboxes,
      }),
    );
    const rows = users.map((user) => `${emailAddress(user)},${user},${password}`);
    const startedAt = Date.now();
    await put("uploads", "source/memory.csv", ["EmailAddress,UserName,Password", ...rows].join("\n"));
    const ended = new Set<unknown>();
    let failed = 0;
    while (ended.size < mailboxes) {
      const event = await app.waitForEvent(
        ({ message, mailbox }) =>
          ["mailbox.synced", "mailbox.failed"].includes(message) && !ended.has(mailbox),
        1_800_000,
      );
      ended.add(event.mailbox);
      if (event.message === "mailbox.failed") failed++;
    }
    return {
      target,
      mailboxes,
      load: title,
      heapLimitMB,
      status:
        failed === 0 && workerOf(app.pid) === worker ? "synced" : `failed ${failed}, or the worker died`,
      seconds: Math.round((Date.now() - startedAt) / 1000),
      atRestMB,
      peakMB: memoryOf(worker, "VmHWM"),
    };
  } finally {
    await app.kill();
    await stack.close();
    await imap?.server.stop();
  }
}

function messageOf(id: string, bytes: number): string {
  const line = `${Buffer.from(id.padEnd(57)).toString("base64")}\r\n`;
  return [
    `From: a@example.com\r\nTo: b@example.com\r\nSubject: ${id}\r\nMessage-ID: <${id}@memory.example>\r\n`,
    "Date: Mon, 6 May 2024 07:08:09 +0000\r\nMIME-Version: 1.0\r\n",
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee attachment\r\n--b\r\n",
    "Content-Type: application/octet-stream; name=data.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n",
    line.repeat(Math.ceil(bytes / line.length)),
    "--b--\r\n",
  ].join("");
}

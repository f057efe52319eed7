/**
 * What 16 mailboxes at once cost in memory: `node test/bench/memory.ts`, on Linux. A real Dovecot is copied into the Graph
 * stand-in and into another Dovecot, once ordinary messages and once messages of 25 MB; the worker, which runs the app and nothing else, is a process
 * of its own, and the system keeps its peak. With a heap limit it is the memory that cannot be done without.
 */
import { readdirSync, readFileSync } from "node:fs";
import { BlobServiceClient } from "@azure/storage-blob";
import { startImapTarget } from "../e2e/dovecot-pair.ts";
import { startApp } from "../stack/app-process.ts";
import { userAccess, withSession } from "../stack/imap-access.ts";
import { startDovecot } from "../stack/imap-servers/dovecot.ts";
import type { ImapServer } from "../stack/imap-servers/server.ts";
import { startStack } from "../stack/stack.ts";

const mailboxes = 16;
const megabyte = 1024 * 1024;
const targets = ["graph", "imap"] as const;
/** Of the worker's JavaScript heap, in MB; 0 leaves it to Node. */
const heapLimits = [0, 256];
const loads = [
  { title: "100 ordinary messages each", count: 100, bytes: 20_000 },
  { title: "a message of 25 MB each", count: 1, bytes: 25 * megabyte },
];

interface Peak {
  readonly target: (typeof targets)[number];
  readonly load: string;
  readonly heapLimitMB: number;
  readonly status: string;
  readonly seconds: number;
  readonly atRestMB: number;
  readonly peakMB: number;
}

const peaks: Peak[] = [];
for (const load of loads) {
  const server = await startDovecot({ users: mailboxes });
  try {
    await fill(server, load.count, load.bytes);
    for (const target of targets)
      for (const heapLimitMB of heapLimits) peaks.push(await copy(server, target, load.title, heapLimitMB));
  } finally {
    await server.stop();
  }
}
console.table(peaks);
for (const peak of peaks) console.log(JSON.stringify({ benchmark: "memory", mailboxes, ...peak }));

async function fill(server: ImapServer, count: number, bytes: number): Promise<void> {
  for (let user = 1; user <= mailboxes; user++)
    await withSession(userAccess(server, server.userName(user)), async (client) => {
      for (let number = 1; number <= count; number++)
        await client.append("INBOX", messageOf(`${user}-${number}`, bytes), ["\\Seen"]);
    });
}

async function copy(
  server: ImapServer,
  target: Peak["target"],
  load: string,
  heapLimitMB: number,
): Promise<Peak> {
  const users = Array.from({ length: mailboxes }, (_, index) => server.userName(index + 1));
  const emailAddress = (user: string) => `${user}@example.com`;
  const imap = target === "imap" ? await startImapTarget({ users, emailAddress }) : undefined;
  const stack = await startStack({
    graph: { limits: { requests: 1_000_000, uploadBytes: 10_000 * megabyte } },
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
      load,
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

/** The process in which the local host runs the app. @throws Error if there is none. */
function workerOf(host: number): number {
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${entry}/status`, "utf8"))?.[1];
      const command = readFileSync(`/proc/${entry}/cmdline`, "utf8");
      if (Number(parent) === host && command.includes("worker-main")) return Number(entry);
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error("the host has no worker");
}

/** @see proc_pid_status(5) */
function memoryOf(pid: number, field: "VmRSS" | "VmHWM"): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(
    readFileSync(`/proc/${pid}/status`, "utf8"),
  )?.[1];
  return Math.round(Number(kilobytes) / 1024);
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

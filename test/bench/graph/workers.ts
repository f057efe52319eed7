import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AppProcess, type LogEvent, startApp } from "../../stack/app-process.ts";
import type { ImapServer } from "../../stack/imap-servers/server.ts";
import { startStack } from "../../stack/stack.ts";
import { cpuOf, workerOf } from "../processes.ts";
import type { GraphService } from "./service.ts";

const root = join(import.meta.dirname, "../../..");

/** How mailboxes are spread over worker processes. */
export interface Spread {
  readonly workers: number;
  /** Mailboxes that a worker copies at once. */
  readonly mailboxesEach: number;
}

export interface SpreadMeasured {
  /** From the first plan's end to the last mailbox's Synced. */
  readonly seconds: number;
  readonly perSecond: number;
  /** Of all workers. */
  readonly cpuSeconds: number;
  /** Processor time a second of workers, stand-in, storage and queues; hosts and IMAP server come on top. */
  readonly coresBusy: number;
}

/** @param messages of each mailbox; the source's users from the first one on have them. */
export async function measureSpread(
  graph: GraphService,
  source: ImapServer,
  { workers, mailboxesEach }: Spread,
  messages: number,
): Promise<SpreadMeasured> {
  const count = workers * mailboxesEach;
  const directory = await packageWith(mailboxesEach);
  const stack = await startStack({ settings: { GRAPH_BASE_URL: graph.baseUrl, GRAPH_TOKEN: graph.token } });
  const events: LogEvent[] = [];
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  const onEvent = (event: LogEvent): void => {
    if (event.message === "mailbox.failed") reject(new Error("a mailbox failed"));
    if (event.message !== "mailbox.synced" && event.message !== "folder.planned") return;
    events.push(event);
    if (timesOf(events, "mailbox.synced").length === count) resolve();
  };
  const apps: AppProcess[] = [];
  try {
    for (let worker = 1; worker <= workers; worker++)
      apps.push(await startApp({ settings: stack.settings, packageDirectory: directory, onEvent }));
    const cpuOfAll = () => apps.reduce((sum, app) => sum + cpuOf(workerOf(app.pid)), 0);
    const cpuAround = () => cpuOf(graph.pid) + cpuOf(process.pid);
    const users = Array.from({ length: count }, (_, index) => source.userName(index + 1));
    const address = (user: string) => `${user}@${workers}x${mailboxesEach}.example`;
    const mailboxes: string[] = [];
    for (const user of users) mailboxes.push(await graph.addMailbox(address(user)));
    const before = { workers: cpuOfAll(), around: cpuAround() };
    const { host, port, password } = source;
    await put(
      stack,
      "endpoints",
      "source.json",
      JSON.stringify({ host, port, security: "none", allowInsecure: true }),
    );
    const rows = users.map((user) => `${address(user)},${user},${password}`);
    await put(stack, "uploads", "source/spread.csv", ["EmailAddress,UserName,Password", ...rows].join("\n"));
    await ended;
    const cpuSeconds = cpuOfAll() - before.workers;
    const seconds =
      (Math.max(...timesOf(events, "mailbox.synced")) - Math.min(...timesOf(events, "folder.planned"))) /
      1000;
    for (const mailbox of mailboxes) await graph.expectOnce(mailbox, messages);
    return {
      seconds,
      perSecond: (count * messages) / seconds,
      cpuSeconds,
      coresBusy: (cpuSeconds + cpuAround() - before.around) / seconds,
    };
  } finally {
    for (const app of apps) await app.kill();
    await stack.close();
    await rm(directory, { recursive: true });
  }
}

function timesOf(events: readonly LogEvent[], name: string): readonly number[] {
  return events.filter(({ message }) => message === name).map(({ time }) => Date.parse(time));
}

/** The built app with another limit of sessions, so that mailboxes spread over the workers. */
async function packageWith(maxConcurrentSessions: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "bench-graph-"));
  const host = JSON.parse(await readFile(join(root, "host.json"), "utf8")) as {
    readonly extensions: { readonly serviceBus: { maxConcurrentSessions: number } };
  };
  host.extensions.serviceBus.maxConcurrentSessions = maxConcurrentSessions;
  await writeFile(join(directory, "host.json"), JSON.stringify(host));
  for (const name of ["package.json", "dist"]) await symlink(join(root, name), join(directory, name));
  return directory;
}

async function put(
  { blobs }: Awaited<ReturnType<typeof startStack>>,
  container: string,
  name: string,
  text: string,
): Promise<void> {
  await blobs?.getContainerClient(container).getBlockBlobClient(name).upload(text, Buffer.byteLength(text));
}

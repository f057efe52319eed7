import { setTimeout as sleep } from "node:timers/promises";
import type { BlobServiceClient } from "@azure/storage-blob";
import { type AppOptions, type AppProcess, type LogEvent, startApp } from "./app-process.ts";
import { type Stack, type StackOptions, startStack } from "./stack.ts";

const pollMs = 250;

/** What the API answers, as far as tests and commands read it. */
export interface BatchAnswer {
  readonly status: string;
  readonly totalCount: number;
  readonly syncedCount: number;
  readonly failedCount: number;
  readonly activeCount: number;
  readonly operations: readonly { readonly id: number; readonly kind: string }[];
  readonly syncedItemCount: number;
  readonly skippedItemCount: number;
  readonly totalItemsInSourceMailboxCount: number;
  readonly bytesTransferred: number;
  readonly lastSyncedAt: string | null;
  readonly asOf: string;
}

export interface MailboxAnswer {
  readonly id: string;
  readonly emailAddress: string;
  readonly status: string;
  readonly syncedItemCount: number;
  readonly skippedItemCount: number;
  readonly lastSyncedAt: string | null;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly rehearsal: {
    readonly itemCount: number;
    readonly adoptableCount: number;
    readonly ambiguousCount: number;
  } | null;
  readonly undo: { readonly removedCount: number; readonly leftCount: number } | null;
  readonly warnings: readonly {
    readonly code: string;
    readonly count: number;
    readonly message: string;
    readonly remedy: string;
  }[];
}

/** One row of a migration file. */
export interface UserRow {
  readonly emailAddress: string;
  readonly userName: string;
  readonly password: string;
  readonly userRoot?: string;
}

/** The whole application on this machine: storage and queues of a subscription, and the app in a process of its own. */
export interface Deployment {
  readonly stack: Stack;
  readonly app: AppProcess;
  /** Log of every app process of this deployment; the app's own events have their name as message. */
  readonly log: readonly LogEvent[];
  /** Ends the app as a failing machine does, and starts another one. */
  crashAndRestart(): Promise<void>;
  putEndpoint(name: string, settings: object): Promise<void>;
  /** Uploads options, if given, and then the CSV. */
  upload(endpoint: string, batch: string, rows: readonly UserRow[], options?: object): Promise<void>;
  request(method: string, path: string): Promise<{ readonly status: number; readonly body: unknown }>;
  batch(name: string): Promise<BatchAnswer | undefined>;
  mailboxes(batch: string): Promise<readonly MailboxAnswer[]>;
  /**
   * Waits until the uploaded files were read and every mailbox of the batch has ended its round, one way or the other.
   * @throws after the time-out.
   */
  waitUntilSettled(batch: string, timeoutMs?: number): Promise<BatchAnswer>;
  /** @throws Error if any figures of a batch were wrong when they were counted anew. */
  stop(): Promise<void>;
}

export interface DeploymentOptions extends StackOptions, Pick<AppOptions, "unhealthy" | "packageDirectory"> {
  /** Makes the app's settings of the stack's: puts something between the two. */
  readonly appSettings?: (
    settings: Readonly<Record<string, string>>,
  ) => Promise<Readonly<Record<string, string>>>;
}

/** Starts the stack, the app, and what a test needs to act as an operator. */
export async function startDeployment(options: DeploymentOptions = {}): Promise<Deployment> {
  const stack = await startStack(options);
  const { blobs } = stack;
  if (blobs === undefined) throw new Error("a test deployment has its own storage account");
  const log: LogEvent[] = [];
  const settings = (await options.appSettings?.(stack.settings)) ?? stack.settings;
  const start = (): Promise<AppProcess> =>
    startApp({
      settings,
      packageDirectory: options.packageDirectory,
      onEvent: (event) => log.push(event),
      unhealthy: options.unhealthy === true,
    });
  let app = await start();

  async function request(method: string, path: string) {
    const response = await fetch(`${app.url}/api/${path}`, { method });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : (JSON.parse(text) as unknown) };
  }

  async function batch(name: string): Promise<BatchAnswer | undefined> {
    const { status, body } = await request("GET", `batches/${name}`);
    return status === 200 ? (body as BatchAnswer) : undefined;
  }

  const uploads = blobs.getContainerClient("uploads");
  async function hasUploads(): Promise<boolean> {
    for await (const { name } of uploads.listBlobsFlat()) if (name.endsWith(".csv")) return true;
    return false;
  }

  async function mailboxes(name: string): Promise<readonly MailboxAnswer[]> {
    const { status, body } = await request("GET", `batches/${name}/mailboxes?$top=999`);
    return status === 200 ? (body as { value: readonly MailboxAnswer[] }).value : [];
  }

  /** What was read before is shown for a few seconds more. @param at milliseconds since 1970. */
  async function newerThan(name: string, at: number, timeoutMs: number): Promise<BatchAnswer> {
    for (;;) {
      const answer = await batch(name);
      if (answer && Date.parse(answer.asOf) > at) return answer;
      if (Date.now() > at + timeoutMs)
        throw new Error(`the figures of batch ${name} are from ${answer?.asOf}`);
      await sleep(pollMs);
    }
  }

  return {
    stack,
    get app() {
      return app;
    },
    log,
    async crashAndRestart() {
      await app.kill();
      app = await start();
    },
    async putEndpoint(name, endpoint) {
      await put(blobs, "endpoints", `${name}.json`, JSON.stringify(endpoint));
    },
    async upload(endpoint, name, rows, options) {
      if (options) await put(blobs, "uploads", `${endpoint}/${name}.json`, JSON.stringify(options));
      await put(blobs, "uploads", `${endpoint}/${name}.csv`, csvOf(rows));
    },
    request,
    batch,
    mailboxes,
    async waitUntilSettled(name, timeoutMs = 120_000) {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        // A file that is still there may yet start mailboxes again.
        const read = !(await hasUploads());
        // Asked first: an operation that is through has changed its mailboxes.
        const through = (await batch(name))?.operations.length === 0;
        const rows = await mailboxes(name).catch(() => []);
        const settled =
          read &&
          through &&
          rows.length > 0 &&
          rows.every((row) => ["Synced", "Failed", "Completed", "Stopped"].includes(row.status));
        if (settled) {
          const answer = await newerThan(name, Date.now(), timeoutMs);
          // A file that was read twice at once begins its operation twice.
          if (answer.activeCount === 0 && answer.operations.length === 0) return answer;
        }
        if (Date.now() > deadline)
          throw new Error(
            `batch ${name} is not settled: ${JSON.stringify(rows.map(({ status, error }) => [status, error]))}`,
          );
        await sleep(pollMs);
      }
    },
    async stop() {
      await app.stop();
      await stack.close();
      const differing = log.find(({ message }) => message === "state.differed");
      if (differing) throw new Error(`figures of a batch were wrong: ${JSON.stringify(differing)}`);
    },
  };
}

async function put(blobs: BlobServiceClient, container: string, name: string, text: string): Promise<void> {
  await blobs.getContainerClient(container).getBlockBlobClient(name).upload(text, Buffer.byteLength(text));
}

function csvOf(rows: readonly UserRow[]): string {
  const withRoot = rows.some((row) => row.userRoot !== undefined);
  const header = ["EmailAddress", "UserName", "Password", ...(withRoot ? ["UserRoot"] : [])];
  const lines = rows.map((row) =>
    [row.emailAddress, row.userName, row.password, ...(withRoot ? [row.userRoot ?? ""] : [])]
      .map(quoted)
      .join(","),
  );
  return `${[header.join(","), ...lines].join("\r\n")}\r\n`;
}

function quoted(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

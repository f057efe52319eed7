import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { startDeployment } from "../../stack/deployment.ts";
import type { ImapServer } from "../../stack/imap-servers/server.ts";
import type { Measured } from "../links/measured.ts";
import { cpuOf, memoryOf, workerOf } from "../processes.ts";
import type { GraphService } from "./service.ts";

const run = promisify(execFile);
const plainClient = join(import.meta.dirname, "plain-client.ts");

/** One copy of a mailbox. */
export interface Copy {
  readonly graph: GraphService;
  readonly source: ImapServer;
  /** Of the source. */
  readonly user: string;
  readonly messages: number;
  /** Of the target; not there yet. */
  readonly emailAddress: string;
}

/**
 * The whole app, deployed anew. Copying begins where the plan ends.
 * @param packageDirectory of another build; this one's by default.
 */
export async function measureApp(
  { graph, source, user, messages, emailAddress }: Copy,
  packageDirectory?: string,
): Promise<Measured> {
  const mailbox = await graph.addMailbox(emailAddress);
  const deployment = await startDeployment({
    settings: { GRAPH_BASE_URL: graph.baseUrl, GRAPH_TOKEN: graph.token },
    packageDirectory,
  });
  try {
    const { host, port, password } = source;
    await deployment.putEndpoint("source", { host, port, security: "none", allowInsecure: true });
    const worker = workerOf(deployment.app.pid);
    const cpuBefore = cpuOf(worker);
    const begun = Date.now();
    await deployment.upload("source", "graph", [{ emailAddress, userName: user, password }]);
    const { app } = deployment;
    const synced = await app.waitForEvent(
      ({ message }) => message === "mailbox.synced" || message === "mailbox.failed",
      7_200_000,
    );
    const ended = Date.now();
    if (synced.message !== "mailbox.synced") throw new Error("the mailbox failed");
    const planned = await app.waitForEvent(({ message }) => message === "folder.planned");
    const measured = {
      seconds: (ended - begun) / 1000,
      copyingSeconds: (Date.parse(synced.time) - Date.parse(planned.time)) / 1000,
      cpuSeconds: cpuOf(worker) - cpuBefore,
      peakMB: memoryOf(worker, "VmHWM"),
    };
    await graph.expectOnce(mailbox, messages);
    return measured;
  } finally {
    await deployment.stop();
  }
}

/** A plain client that has nothing else to do. */
export async function measurePlain({ graph, messages, emailAddress }: Copy): Promise<Measured> {
  const mailbox = await graph.addMailbox(emailAddress);
  const { stdout } = await run(process.execPath, [
    plainClient,
    graph.baseUrl,
    graph.token,
    mailbox,
    String(messages),
  ]);
  await graph.expectOnce(mailbox, messages);
  return JSON.parse(stdout) as Measured;
}

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startDeployment } from "../../stack/deployment.ts";
import type { LatencyProxy } from "../../stack/latency-proxy.ts";
import { isInstalled, measureCommand } from "../links/programs.ts";
import type { BigSource } from "../no-change/servers.ts";
import { roundSeconds, untilLoggedOutMs } from "./step-times.ts";

const batch = "big";
const emailAddress = "big@contoso.com";

/** @returns seconds of each round; of mbsync undefined where it is not installed. */
export async function oneMailbox(source: BigSource, way: LatencyProxy, runs: number) {
  return { app: await roundsOfApp(source, way, runs), mbsync: await roundsOfMbsync(source, way, runs) };
}

async function roundsOfApp(
  { server, user }: BigSource,
  { host, port }: LatencyProxy,
  runs: number,
): Promise<readonly number[]> {
  // The first copy is not what is measured.
  const deployment = await startDeployment({ graph: { limits: { requests: 1_000_000 } } });
  try {
    deployment.stack.graph?.addMailbox({ userPrincipalName: emailAddress });
    await deployment.putEndpoint("source", { host, port, security: "none", allowInsecure: true });
    await deployment.upload("source", batch, [{ emailAddress, userName: user, password: server.password }]);
    const { status } = await deployment.waitUntilSettled(batch, 600_000);
    if (status !== "Synced") throw new Error(`the first copy ended as ${status}`);
    const seconds: number[] = [];
    for (let run = 1; run <= runs; run++) {
      await sleep(untilLoggedOutMs);
      seconds.push(await roundSeconds(deployment, batch, 1));
    }
    return seconds;
  } finally {
    await deployment.stop();
  }
}

async function roundsOfMbsync(
  { server, user }: BigSource,
  { host, port }: LatencyProxy,
  runs: number,
): Promise<readonly number[] | undefined> {
  if (!(await isInstalled("mbsync"))) return undefined;
  const directory = await mkdtemp(join(tmpdir(), "rounds-mbsync-"));
  try {
    const configFile = join(directory, "mbsyncrc");
    await writeFile(
      configFile,
      `
IMAPAccount from
Host ${host}
Port ${port}
User "${user}"
Pass "${server.password}"
SSLType None
AuthMechs PLAIN LOGIN

IMAPStore from
Account from

MaildirStore to
Path ${directory}/mail/
Inbox ${directory}/mail/INBOX
SubFolders Verbatim

Channel rounds
Far :from:
Near :to:
Patterns *
Create Near
Sync Pull
SyncState *
`,
    );
    const round = () => measureCommand("mbsync", ["-q", "-c", configFile, "rounds"]);
    await measureCommand("mkdir", [join(directory, "mail")]);
    await round();
    const seconds: number[] = [];
    for (let run = 1; run <= runs; run++) seconds.push((await round()).seconds);
    return seconds;
  } finally {
    await rm(directory, { recursive: true });
  }
}

import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { startDeployment } from "../../stack/deployment.ts";
import { userAccess } from "../../stack/imap-access.ts";
import { childrenCpu, cpuOf, memoryOf, workerOf } from "../processes.ts";
import type { Measured } from "./measured.ts";
import { messagesIn, type Site } from "./site.ts";

const run = promisify(execFile);

/** The whole app, deployed anew. @param user of the target, without its domain. */
export async function measureApp(site: Site, user: string): Promise<Measured> {
  const { source, target, toSource, toTarget } = site;
  const emailAddress = `${user}@contoso.com`;
  const deployment = await startDeployment({
    settings: {
      TARGET: "imap",
      TARGET_IMAP_HOST: toTarget.host,
      TARGET_IMAP_PORT: String(toTarget.port),
      TARGET_IMAP_SECURITY: "none",
      TARGET_IMAP_AUTHENTICATION: "password",
      TARGET_IMAP_USER_FORMAT: `{emailAddress}*${target.adminUser}`,
      TARGET_IMAP_PASSWORD: target.adminPassword,
    },
  });
  try {
    const { host, port } = toSource;
    await deployment.putEndpoint("source", { host, port, security: "none", allowInsecure: true });
    const worker = workerOf(deployment.app.pid);
    const cpuBefore = cpuOf(worker);
    const begun = Date.now();
    await deployment.upload("source", "links", [
      { emailAddress, userName: site.user, password: source.password },
    ]);
    const planned = deployment.app
      .waitForEvent(({ message }) => message === "folder.planned", 600_000)
      .then(() => Date.now());
    const { message } = await deployment.app.waitForEvent(
      ({ message }) => message === "mailbox.synced" || message === "mailbox.failed",
      3_600_000,
    );
    const ended = Date.now();
    if (message !== "mailbox.synced") throw new Error("the mailbox failed");
    await expectAll(site, user);
    return {
      seconds: (ended - begun) / 1000,
      copyingSeconds: (ended - (await planned)) / 1000,
      cpuSeconds: cpuOf(worker) - cpuBefore,
      peakMB: memoryOf(worker, "VmHWM"),
    };
  } finally {
    await deployment.stop();
  }
}

/** mbsync (isync) over the same ways. @returns undefined where it is not installed. */
export async function measureMbsync(site: Site, user: string): Promise<Measured | undefined> {
  if (!(await isInstalled("mbsync"))) return undefined;
  const directory = await mkdtemp(join(tmpdir(), "links-mbsync-"));
  try {
    const account = (
      name: string,
      { host, port }: { host: string; port: number },
      login: string,
      password: string,
    ) => `
IMAPAccount ${name}
Host ${host}
Port ${port}
User "${login}"
Pass "${password}"
SSLType None
AuthMechs PLAIN LOGIN

IMAPStore ${name}
Account ${name}
`;
    const { source, target } = site;
    const configFile = join(directory, "mbsyncrc");
    await writeFile(
      configFile,
      `${account("from", site.toSource, site.user, source.password)}
${account("to", site.toTarget, `${user}@contoso.com`, target.password)}
Channel links
Far :from:
Near :to:
Patterns *
Create Near
Sync Pull
CopyArrivalDate yes
SyncState ${directory}/
`,
    );
    const measured = await measureCommand("mbsync", ["-q", "-c", configFile, "links"]);
    await expectAll(site, user);
    return measured;
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** doveadm backup from the source, over IMAP, into the target's files. @returns undefined where it is not installed. */
export async function measureDoveadm(site: Site, user: string): Promise<Measured | undefined> {
  if (!(await isInstalled("doveadm"))) return undefined;
  const { toSource, source, target } = site;
  const settings = {
    imapc_host: toSource.host,
    imapc_port: String(toSource.port),
    imapc_user: site.user,
    imapc_password: source.password,
    imapc_features: "rfc822.size fetch-headers",
    mail_prefetch_count: "500",
    mail_fsync: "never",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const measured = await measureCommand("doveadm", [
    "-c",
    target.configFile,
    ...options,
    "backup",
    "-R",
    "-u",
    `${user}@contoso.com`,
    "imapc:",
  ]);
  await expectAll(site, user);
  return measured;
}

/** @throws Error if the target has not as many messages as the source. */
async function expectAll(site: Site, user: string): Promise<void> {
  const copied = await messagesIn(userAccess(site.target, `${user}@contoso.com`));
  if (copied !== site.messages) throw new Error(`${user} has ${copied} of ${site.messages} messages`);
}

/** Runs a command to its end. @throws Error with the end of its output if it fails. */
export async function measureCommand(command: string, parameters: readonly string[]): Promise<Measured> {
  const begun = Date.now();
  const before = childrenCpu();
  const child = spawn(command, parameters, { stdio: ["ignore", "ignore", "pipe"] });
  let peakMB = 0;
  const watch = setInterval(() => {
    if (child.pid) peakMB = Math.max(peakMB, memoryOf(child.pid, "VmHWM"));
  }, 100);
  let errors = "";
  child.stderr.on("data", (chunk) => {
    errors = (errors + chunk).slice(-2_000);
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearInterval(watch);
  const seconds = (Date.now() - begun) / 1000;
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${errors}`);
  return { seconds, copyingSeconds: seconds, cpuSeconds: childrenCpu() - before, peakMB };
}

export async function isInstalled(command: string): Promise<boolean> {
  return run("which", [command]).then(
    () => true,
    () => false,
  );
}

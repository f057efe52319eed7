import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { requireRoot } from "./install.ts";
import { supervise } from "./supervisor.ts";

const run = promisify(execFile);

const START_ATTEMPTS = 3;
const START_TIMEOUT_MS = 20_000;

/** What a server's configuration is written from. */
export interface InstanceSite {
  readonly directory: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** How to run a configured server in the foreground. */
export interface ServerCommand {
  readonly command: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
}

/** A site whose server answers. */
export interface Instance extends InstanceSite {
  stop(): Promise<void>;
}

/**
 * Gives a server a directory, free ports and a certificate, runs it, and waits for its greeting. Begins again
 * with other ports where another process took one of them in between.
 *
 * @param configure writes the configuration into the site
 * @throws Error with the end of the server's log when it does not greet
 */
export async function startInstance(
  name: string,
  configure: (site: InstanceSite) => Promise<ServerCommand>,
): Promise<Instance> {
  requireRoot();
  for (let attempt = 1; ; attempt += 1) {
    const site = await prepareSite(name);
    const logFile = join(site.directory, "server.log");
    try {
      const { command, environment } = await configure(site);
      const server = supervise(command, site.directory, logFile, environment ?? {});
      if (await greets(site, server.ended)) return { ...site, stop: () => server.stop() };
      const log = (await readFile(logFile, "utf8").catch(() => "")).slice(-2_000);
      await server.stop();
      if (attempt === START_ATTEMPTS) throw new Error(`${name} did not start; its log ends with:\n${log}`);
    } catch (error) {
      await rm(site.directory, { recursive: true, force: true });
      throw error;
    }
  }
}

async function prepareSite(name: string): Promise<InstanceSite> {
  const directory = await mkdtemp(join(tmpdir(), `imap-to-m365-${name}-`));
  // The servers' own accounts must reach their files.
  await chmod(directory, 0o755);
  const certificateFile = join(directory, "certificate.pem");
  const keyFile = join(directory, "key.pem");
  await run("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"],
    ...["-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ...["-keyout", keyFile, "-out", certificateFile],
  ]);
  const [port, tlsPort] = await freePorts();
  return { directory, port, tlsPort, certificateFile, keyFile };
}

async function freePorts(): Promise<[number, number]> {
  const first = createServer();
  const second = createServer();
  try {
    return [await listen(first), await listen(second)];
  } finally {
    first.close();
    second.close();
  }
}

function listen(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("a TCP server has a port"));
      else resolve(address.port);
    });
  });
}

async function greets(site: InstanceSite, ended: Promise<void>): Promise<boolean> {
  let running = true;
  const stopped = ended.then(() => {
    running = false;
  });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (running && Date.now() < deadline) {
    if ((await Promise.race([hasGreeting(site.port), stopped])) === true) return true;
    await delay(50);
  }
  return false;
}

function hasGreeting(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(2_000, () => answer(false));
    socket.once("data", (data) => answer(data.toString("latin1").startsWith("* OK")));
    socket.once("error", () => answer(false));
    socket.once("end", () => answer(false));
  });
}

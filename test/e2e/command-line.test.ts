import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type CertificateAuthority, createCertificateAuthority } from "../stack/certificates.ts";
import { type Deployment, startDeployment } from "../stack/deployment.ts";
import type { GraphStandIn } from "../stack/graph/index.ts";
import { withSession } from "../stack/imap-access.ts";
import { type DovecotServer, startDovecot } from "../stack/imap-servers/dovecot.ts";
import { shiftDate } from "../stack/shifted-date.ts";

/*
 * The terminal session of infra/docs/command-line.md, line by line in a terminal of 80 columns: what the document shows is what
 * an operator sees, but for times and what depends on the release of the server.
 */
const page = join(import.meta.dirname, "../../infra/docs/command-line.md");
const program = join(import.meta.dirname, "../../infra/cli/migrate.ts");
const domain = "contoso.example";
const server = `imap.${domain}`;
const users = ["alberta", "bobby", "irwin"];
const address = (user: string) => `${user}@${domain}`;

let passedMs = 0;
// Storage and queues, whose time the app goes by, run in this process.
shiftDate(() => passedMs);

let authority: CertificateAuthority;
let deployment: Deployment;
let source: DovecotServer;
let graph: GraphStandIn;
let directory: string;

beforeAll(async () => {
  [authority, directory] = await Promise.all([
    createCertificateAuthority(),
    mkdtemp(join(tmpdir(), "command-line-")),
  ]);
  const { certificateFile, keyFile } = await authority.issue([server, "localhost"]);
  const extraConfig = `ssl_cert = <${certificateFile}\nssl_key = <${keyFile}`;
  [deployment, source] = await Promise.all([
    startDeployment({
      settings: { DISCOVERY_PRIVATE_ADDRESSES: "true", NODE_EXTRA_CA_CERTS: authority.certificateFile },
    }),
    startDovecot({ users, extraConfig }),
  ]);
  if (!deployment.stack.graph) throw new Error("the deployment has a Graph stand-in");
  graph = deployment.stack.graph;
  for (const user of ["alberta", "bobby"]) graph.addMailbox({ userPrincipalName: address(user) });
  await Promise.all(users.map(fill));
  routeMailTo(`mx.${domain}`, 86_400);
});

afterAll(async () => {
  await deployment?.stop();
  await source?.stop();
  await authority?.dispose();
  if (directory) await rm(directory, { recursive: true });
});

/** What happens between two commands: the comments of the session. */
const happenings: Readonly<Record<string, () => void>> = {
  "irwin gets a licence": () => graph.addMailbox({ userPrincipalName: address("irwin") }),
  "the MX record now leads to Microsoft 365": () => {
    routeMailTo("contoso-example.mail.protection.outlook.com", 3_600);
    // DNS is not asked twice within half a minute.
    passedMs += 60_000;
  },
};

it("says as JSON what the API says, and ends with a code for scripts", async () => {
  const [list, found, unfound, unknown, wrong, help] = await Promise.all(
    [
      ["list", "--json"],
      ["discover", domain, "--json"],
      ["discover", "fabrikam.example", "--json"],
      ["show", "nothing", "--json"],
      ["show"],
      ["--help"],
    ].map(piped),
  );
  expect(list).toEqual({ output: "[]\n", complaint: "", code: 0 });
  expect(found?.code).toBe(0);
  expect(JSON.parse(found?.output ?? "").value[0]).toMatchObject({ host: server, outcome: "ok" });
  expect(unfound?.code).toBe(3);
  expect(JSON.parse(unfound?.output ?? "")).toMatchObject({ value: [] });
  expect(unknown).toMatchObject({ output: "", code: 1 });
  expect(unknown?.complaint).toContain("(BatchNotFound)");
  expect(wrong).toMatchObject({ output: "", code: 2 });
  expect(wrong?.complaint).toContain("show lacks: batch.");
  expect(help?.code).toBe(0);
  expect(help?.output.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

it("the session of the document is what an operator sees in a terminal of 80 columns", async () => {
  const session = sessionOf(await readFile(page, "utf8"));
  expect(session.length).toBeGreaterThan(20);
  for (const step of session) {
    if ("csv" in step) await writeFile(join(directory, "pilot.csv"), withSecrets(step.csv));
    else if ("happening" in step) {
      expect(Object.keys(happenings)).toContain(step.happening);
      happenings[step.happening]?.();
    } else {
      const { lines, frames, code } = await inTerminal(step.command);
      expect({ ...step, shown: normal(lines), code }).toEqual({ ...step, shown: normal(step.shown) });
      expect(frames.filter((line) => line.length > 80)).toEqual([]);
    }
  }
});

type Step =
  | { readonly csv: string }
  | { readonly happening: string }
  | { readonly command: string; readonly shown: readonly string[]; readonly code: number };

/** What the document shows, in its order: the file, and each `$ npm run migrate -- …` with its output and exit code. */
function sessionOf(text: string): readonly Step[] {
  const blocks = [...text.matchAll(/^```(csv|console)\n([\s\S]*?)^```/gm)];
  return blocks.flatMap(([, kind, content = ""]): readonly Step[] =>
    kind === "csv" ? [{ csv: content }] : stepsOf(content),
  );
}

function stepsOf(console: string): readonly Step[] {
  const steps: Step[] = [];
  const entries = console.trimEnd().split(/^(?=[$#] )/m);
  for (const entry of entries) {
    const [first = "", ...shown] = entry.trimEnd().split("\n");
    const last = steps.at(-1);
    const [, command] = /^\$ npm run migrate -- (.+)$/.exec(first) ?? [];
    if (first.startsWith("# ")) steps.push({ happening: first.slice(2) });
    else if (first === "$ echo $?" && last && "command" in last)
      steps.splice(-1, 1, { ...last, code: Number(shown[0]) });
    else if (command !== undefined) steps.push({ command, shown, code: 0 });
    else throw new Error(`no line of a session: ${first}`);
  }
  return steps;
}

/** Without what differs from run to run. */
function normal(lines: readonly string[]): readonly string[] {
  return lines.map((line) =>
    line
      .replaceAll(/(\d{4}-\d\d-\d\d )?\b\d\d:\d\d\b/g, "TIME")
      .replaceAll(/\bTLS_\w+/g, "CIPHER")
      .replaceAll(/\b\d+ capabilities/g, "N capabilities")
      .replaceAll(/ {2,}/g, "  ")
      .trimEnd(),
  );
}

const environment = () => ({
  PATH: process.env.PATH,
  SHELL: "/bin/sh",
  API_URL: deployment.app.url,
  SOURCE_PASSWORD: source.adminPassword,
});

interface Shown {
  /** What stands there at the end: of a table that is written over its last state. */
  readonly lines: readonly string[];
  /** All that stood there. */
  readonly frames: readonly string[];
  readonly code: number;
}

async function inTerminal(command: string): Promise<Shown> {
  const local = command.replace(`--host ${server}`, `--host localhost --port ${source.tlsPort}`);
  const line = `stty cols 80 rows 24; exec ${process.execPath} ${program} ${local}`;
  const child = spawn("script", ["-qec", line, "/dev/null"], {
    cwd: directory,
    env: environment(),
    // A terminal whose input has ended would show that.
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, "close")]);
  const frames = output.split(clearDown).map(linesOf);
  return { lines: frames.at(-1) ?? [], frames: frames.flat(), code };
}

function linesOf(screen: string): readonly string[] {
  return stripVTControlCharacters(screen).replaceAll("\r", "").trimEnd().split("\n").map(inDocument);
}

const clearDown = "\u001b[0J";

/** As a script runs it. */
async function piped(words: readonly string[]) {
  const child = spawn(process.execPath, [program, ...words], {
    cwd: directory,
    env: environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, complaint, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { output, complaint, code: code as number };
}

/** A line with the names of the document in the place of those of this machine. */
function inDocument(line: string): string {
  return line
    .replaceAll(`:${source.tlsPort}`, ":993")
    .replaceAll("localhost", server)
    .replaceAll(/127\.0\.0\.1|::1/g, "192.0.2.10");
}

function withSecrets(csv: string): string {
  return csv.replaceAll("P@ssw0rd", source.adminPassword);
}

async function fill(user: string): Promise<void> {
  const access = { host: source.host, port: source.port, secure: false, user, password: source.password };
  await withSession(access, async (client) => {
    await client.mailboxCreate("Projects/2019");
    for (const folder of ["INBOX", "INBOX", "INBOX", "Projects/2019"])
      await client.append(
        folder,
        `From: partner@fabrikam.example\r\nTo: ${address(user)}\r\nSubject: plan\r\nDate: Mon, 01 Jan 2024 10:00:00 +0000\r\nMessage-ID: <${++sent}@fabrikam.example>\r\n\r\nAs promised.\r\n`,
      );
  });
}
let sent = 100;

/** The records of the company's domain. */
function routeMailTo(exchange: string, ttl: number): void {
  deployment.stack.dns?.setRecords([
    { name: domain, type: "MX", data: { exchange, preference: 10 }, ttl },
    { name: `_imaps._tcp.${domain}`, type: "SRV", data: { target: server, port: source.tlsPort } },
    { name: server, type: "A", data: "127.0.0.1" },
  ]);
}

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BatchView } from "../../shared/domain/api/batches.ts";
import type { CutoverView } from "../../shared/domain/api/cutover.ts";
import type { UploadCheck } from "../../shared/domain/api/files.ts";
import type { MailboxListAnswer } from "../../shared/domain/api/mailboxes.ts";
import type { DiscoveryView, EndpointTestView } from "../../shared/domain/api/servers.ts";
import type { BatchVerificationView } from "../../shared/domain/api/verification.ts";
import { type Deployment, startDeployment } from "../stack/deployment.ts";
import type { FolderInspection, GraphStandIn } from "../stack/graph/index.ts";
import { userAccess, withSession } from "../stack/imap-access.ts";
import { type DovecotServer, startDovecot } from "../stack/imap-servers/dovecot.ts";
import { shiftDate } from "../stack/shifted-date.ts";
import { queues } from "../stack/stack.ts";

/*
 * The way of a company to Microsoft 365, step by step as Microsoft's own guide tells it, by calls of the API alone. Only what
 * is not the product's is done by hand: mail that comes in, and the company's DNS.
 */
const domain = "contoso.example";
const users = ["alberta", "bobby", "irwin"];
const address = (user: string) => `${user}@${domain}`;
const day = 24;

let passedMs = 0;
// Storage and queues, whose time the app goes by, run in this process.
shiftDate(() => passedMs);

let deployment: Deployment;
let source: DovecotServer;
let graph: GraphStandIn;

beforeAll(async () => {
  [deployment, source] = await Promise.all([
    startDeployment({ settings: { DISCOVERY_PRIVATE_ADDRESSES: "true" } }),
    startDovecot({ users }),
  ]);
  if (!deployment.stack.graph) throw new Error("the deployment has a Graph stand-in");
  graph = deployment.stack.graph;
  for (const user of users) {
    graph.addMailbox({ userPrincipalName: address(user) });
    for (let number = 1; number <= 5; number++) await receive(user, "INBOX", `${user} ${number}`);
    await receive(user, "Projects/2019", `plan of ${user}`);
    await receive(user, "Newsletters", `news for ${user}`);
  }
  routeMailTo(oldServer, 86_400);
});

afterAll(async () => {
  await deployment?.stop();
  await source?.stop();
});

describe("what you need to know about migrating your IMAP mailboxes to Microsoft 365", () => {
  it("step 1: find the full name of your current email server", async () => {
    const { value } = await get<DiscoveryView>(`discover?domain=${domain}`);
    expect(value[0]).toMatchObject({
      host: oldServer,
      port: source.tlsPort,
      security: "ssl",
      foundBy: [{ source: "srv", from: `_imaps._tcp.${domain}` }],
      // Its certificate is its own.
      outcome: "warning",
    });
  });

  it("step 2: create the list of mailboxes, which says where it is wrong", async () => {
    const wrong = [
      "EmailAddress,UserName,Password",
      `alberta@,alberta*${source.adminUser},${source.adminPassword}`,
      `${address("bobby")},bobby*${source.adminUser},`,
      `${address("irwin")},irwin*${source.adminUser},${source.adminPassword}`,
      `${address("irwin")},irwin*${source.adminUser},${source.adminPassword}`,
    ];
    const check = await call<UploadCheck>(
      "POST",
      "uploads/contoso/pilot.csv?validateOnly=true&authentication=password",
      wrong.join("\n"),
    );
    expect(check.body).toMatchObject({ validRowCount: 1, invalidRowCount: 3 });
    expect(check.body.issues.map(({ line, column, code }) => [line, column, code])).toEqual([
      [2, "EmailAddress", "AddressInvalid"],
      [3, "Password", "ValueMissing"],
      [5, "EmailAddress", "AddressRepeated"],
    ]);
    expect(JSON.stringify(check.body)).not.toContain(source.adminPassword);
    expect(await call("GET", "batches/pilot")).toMatchObject({ status: 404 });
  });

  it("step 3: connect to your email system by a migration endpoint", async () => {
    // The name of the old server is known to the local DNS server alone.
    const endpoint = { host: source.host, port: source.tlsPort, acceptUntrustedCertificates: true };
    expect(await call("PUT", "endpoints/contoso", endpoint)).toMatchObject({ status: 201 });
    const login = { userName: `alberta*${source.adminUser}`, password: source.adminPassword };
    const { body } = await call<EndpointTestView>("POST", "endpoints/contoso/test", login);
    expect(body).toMatchObject({ ok: true, folders: { messages: 7 } });
    expect(body.steps.filter(({ outcome }) => outcome === "failed")).toEqual([]);
    const refused = await call<EndpointTestView>("POST", "endpoints/contoso/test", {
      ...login,
      password: "?",
    });
    expect(refused.body).toMatchObject({ ok: false });
    expect(refused.body.steps.at(-1)).toMatchObject({ step: "login", code: "AuthenticationFailed" });
  });

  it("step 4: create a migration batch; a rehearsal first, which changes nothing", async () => {
    const options = { dryRun: true, excludeFolders: ["Newsletters"] };
    expect(await call("PUT", "uploads/contoso/pilot.json", options)).toMatchObject({ status: 202 });
    const rows = users.map((user) => `${address(user)},${user}*${source.adminUser},${source.adminPassword}`);
    const csv = ["EmailAddress,UserName,Password", ...rows].join("\n");
    expect(await call("PUT", "uploads/contoso/pilot.csv", csv)).toMatchObject({ status: 202 });

    await batchWhen(({ status, rehearsal }) => rehearsal && status === "Completed");
    const { value } = await get<MailboxListAnswer>("batches/pilot/mailboxes");
    expect(value).toHaveLength(3);
    for (const mailbox of value)
      expect(mailbox).toMatchObject({
        syncedItemCount: 0,
        rehearsal: { itemCount: 6, foldersLeftOutCount: 1, tooLargeCount: 0, fits: null },
      });
    const asked = graph.statistics.snapshot().requests.map(({ route }) => route);
    expect(asked.filter((route) => !route.startsWith("GET "))).toEqual([]);
    expect(arrivedFor("alberta")).toEqual([]);
  });

  it("migrate your mailboxes, and see how far they are", async () => {
    expect(await call("POST", "batches/pilot/startForReal")).toMatchObject({ status: 202 });
    const batch = await batchWhen(({ status, rehearsal }) => !rehearsal && status === "Synced");
    expect(batch).toMatchObject({
      totalCount: 3,
      syncedCount: 3,
      failedCount: 0,
      syncedItemCount: 18,
      skippedItemCount: 0,
      percentageComplete: 100,
      dataConsistencyScore: "Perfect",
    });
    expect(batch.bytesTransferred).toBeGreaterThan(18 * 50);
    expect(arrivedFor("alberta")).toEqual([
      "Inbox: alberta 1",
      "Inbox: alberta 2",
      "Inbox: alberta 3",
      "Inbox: alberta 4",
      "Inbox: alberta 5",
      "Projects/2019: plan of alberta",
    ]);
  });

  it("optional: reduce email delays by a lower time to live", async () => {
    const before = await cutover();
    expect(before.verdict).toBe("blocked");
    expect(checkOf(before, "ttl")).toMatchObject({
      verdict: "warning",
      advice: "Lower it to 3600 s, and wait 24 h before you switch.",
    });
    routeMailTo(oldServer, 3_600);
    await pass(day + 1);
    expect(checkOf(await cutover(), "ttl")).toMatchObject({ verdict: "ok" });
  });

  it("step 5: route your email directly to Microsoft 365", async () => {
    routeMailTo("contoso-example.mail.protection.outlook.com", 3_600);
    await pass(1 / 60);
    const { verdict, readyAt, domains } = await cutover();
    expect(verdict).toBe("notYet");
    expect(domains[0]?.movedAt).not.toBeNull();
    expect(Date.parse(readyAt ?? "") - Date.now()).toBeGreaterThan(71 * 3_600_000);
    const { status, reasons } = await deleteBatch();
    expect(status).toBe(409);
    expect(reasons).toEqual([
      `0 of 72 h have passed since the MX change of ${domain}; by its time to live senders may use the old one for 60 min.`,
      `Not every mailbox of ${domain} was synced since the MX change.`,
    ]);
  });

  it("step 6: stop synchronization: one last round, compared with what arrived", async () => {
    // A partner's server still has the old record.
    await receive("alberta", "INBOX", "late");
    await pass(2);
    expect(await call("POST", "batches/pilot/sync")).toMatchObject({ status: 202 });
    await batchWhen(({ status, syncedItemCount }) => status === "Synced" && syncedItemCount === 19);
    expect(arrivedFor("alberta")).toContain("Inbox: late");

    expect(await call("POST", "batches/pilot/verify", { level: "content" })).toMatchObject({
      status: 202,
    });
    const verified = await until(
      () => get<BatchVerificationView>("batches/pilot/verification"),
      ({ verifiedCount }) => verifiedCount === 3,
    );
    expect(verified).toMatchObject({ equalCount: 3, comparedItemCount: 19, differences: {}, byUsers: {} });

    expect(await call("POST", "batches/pilot/complete")).toMatchObject({ status: 202 });
    await batchWhen(({ status }) => status === "Completed");
  });

  it("delete the migration batch: not before 72 hours have passed", async () => {
    const early = await deleteBatch();
    expect(early.status).toBe(409);
    expect(early.reasons).toEqual([`2 of 72 h have passed since the MX change of ${domain}.`]);

    await pass(70);
    expect((await cutover()).verdict).toMatch(/^ready/);
    expect((await deleteBatch()).status).toBe(202);
    await until(
      () => call("GET", "batches/pilot"),
      ({ status }) => status === 404,
    );
    expect(await get("batches")).toMatchObject({ value: [] });
    expect(arrivedFor("alberta")).toHaveLength(7);
  });
});

/* What the operator does. */

async function call<T>(method: string, path: string, content?: object | string) {
  const response = await fetch(`${deployment.app.url}/api/${path}`, {
    method,
    ...(content === undefined
      ? {}
      : { body: typeof content === "string" ? content : JSON.stringify(content) }),
    // A connection at rest may end in the moment in which it is used.
    headers: { "x-requested-with": "imap-to-m365", connection: "close" },
  });
  const text = await response.text();
  return { status: response.status, body: (text === "" ? undefined : JSON.parse(text)) as T };
}

async function get<T = unknown>(path: string): Promise<T> {
  return (await call<T>("GET", path)).body;
}

const mostLooks = 1_500;

async function until<T>(look: () => Promise<T>, isSo: (found: T) => boolean): Promise<T> {
  for (let looks = 0; ; looks++) {
    const found = await look();
    if (isSo(found)) return found;
    if (looks === mostLooks) throw new Error(`it never came true: ${JSON.stringify(found)}`);
    await sleep(100);
  }
}

/** The batch once nothing of it is at work, and it is as wanted. */
function batchWhen(isSo: (batch: BatchView) => boolean): Promise<BatchView> {
  return until(
    () => get<BatchView>("batches/pilot"),
    (batch) => batch.operations?.length === 0 && isSo(batch),
  );
}

const cutover = () => get<CutoverView>("batches/pilot/cutover?refresh=true");

const checkOf = ({ domains, checks }: CutoverView, name: string) =>
  [...domains.flatMap((one) => one.checks), ...checks].find(({ check }) => check === name);

async function deleteBatch() {
  const { status, body } = await call<{ error?: { details: { reasons: readonly string[] } } }>(
    "DELETE",
    "batches/pilot",
  );
  return { status, reasons: body.error?.details.reasons };
}

/* What happens around it. */

const oldServer = `imap.${domain}`;

/** Hours pass in a moment in which nothing is at work: no lock is held through them. */
async function pass(hours: number): Promise<void> {
  const { serviceBus } = deployment.stack;
  const busy = () =>
    Object.keys(queues).filter((queue) => {
      const counts = serviceBus?.counts(queue);
      return counts === undefined || counts.active + counts.locked > 0;
    });
  await until(
    async () => busy(),
    (names) => names.length === 0,
  );
  passedMs += hours * 3_600_000;
}

async function receive(user: string, folder: string, subject: string): Promise<void> {
  await withSession(userAccess(source, user), async (client) => {
    if (folder !== "INBOX") await client.mailboxCreate(folder);
    await client.append(
      folder,
      `From: partner@fabrikam.example\r\nSubject: ${subject}\r\nMessage-ID: <${subject.replaceAll(" ", "-")}@fabrikam.example>\r\nDate: Mon, 01 Jan 2024 10:00:00 +0000\r\n\r\n${subject}\r\n`,
    );
  });
}

/** The records of the company's domain. */
function routeMailTo(exchange: string, ttl: number): void {
  deployment.stack.dns?.setRecords([
    { name: domain, type: "MX", data: { exchange, preference: 10 }, ttl },
    { name: `_imaps._tcp.${domain}`, type: "SRV", data: { target: oldServer, port: source.tlsPort } },
    { name: oldServer, type: "A", data: "127.0.0.1" },
  ]);
}

/** What a user finds in Microsoft 365. */
function arrivedFor(user: string): readonly string[] {
  const found = (folders: readonly FolderInspection[]): readonly string[] =>
    folders.flatMap(({ path, messages, childFolders }) => [
      ...messages.map(({ properties }) => `${path.join("/")}: ${properties.subject}`),
      ...found(childFolders),
    ]);
  return [...found(graph.mailbox(address(user)).folders)].sort();
}

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, type MailboxAnswer, startDeployment } from "../stack/deployment.ts";
import { type Switch, startSwitch } from "../stack/outages/switch.ts";
import { type Source, startImapTarget, startSource } from "./dovecot-pair.ts";

/** What a worker that died held is given to another one after this time. */
const lockDurationMs = 10_000;
const queues = { operations: { lockDurationMs }, "folder-sync": { lockDurationMs } };
const settled = ["Synced", "Failed"];
const timeoutMs = 240_000;

let source: Source;
let link: Switch;
let target: Awaited<ReturnType<typeof startImapTarget>>;
let deployment: Deployment;

beforeAll(async () => {
  source = await startSource({ seed: "test-logins", mailboxes: 4, messages: 40, largest: 50_000 });
  link = await startSwitch(source.server.tlsPort);
  target = await startImapTarget(source);
  deployment = await startDeployment({ settings: target.settings, queues });
  // One at a time, so that copying would start between two tests if it could.
  await deployment.putEndpoint("narrow", {
    ...source.endpoint,
    port: link.port,
    maxConcurrentMigrations: 1,
  });
});

afterAll(async () => {
  await deployment?.stop();
  await target?.server.stop();
  await link?.stop();
  await source?.server.stop();
});

/** The names of a batch's events so far. */
const eventsOf = (batch: string) =>
  deployment.log.filter((event) => event.batch === batch).map(({ message }) => message);
const countOf = (batch: string, name: string) => eventsOf(batch).filter((event) => event === name).length;

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !(await condition()); await sleep(50))
    if (Date.now() > deadline) throw new Error("the condition did not come true");
}

/** Lets the janitor run until every mailbox has ended its round. */
async function settle(batch: string, count: number): Promise<readonly MailboxAnswer[]> {
  let rows: readonly MailboxAnswer[] = [];
  await until(async () => {
    await fetch(`${deployment.app.url}/admin/functions/janitor`, { method: "POST" });
    await sleep(500);
    rows = await deployment.mailboxes(batch);
    return rows.length === count && rows.every(({ status }) => settled.includes(status));
  });
  return rows;
}

const outcomes = (rows: readonly MailboxAnswer[]) =>
  rows.map(({ status, error }) => (error ? `${status} ${error.code}` : status)).sort();

describe("a batch that tests logins first", () => {
  it("copies nothing before every mailbox has been tested, and then those that passed", async () => {
    const [first, second, third, fourth] = source.rows();
    if (!first || !second || !third || !fourth) throw new Error("four users expected");
    await deployment.upload(
      "narrow",
      "checked",
      [
        first,
        { ...second, password: "not-the-password" },
        { ...third, emailAddress: "nobody@contoso.com" },
        fourth,
      ],
      { testLogins: true },
    );
    const rows = await settle("checked", 4);
    expect(outcomes(rows)).toEqual([
      "Failed AuthenticationFailed",
      "Failed TargetMailboxNotFound",
      "Synced",
      "Synced",
    ]);
    const events = eventsOf("checked");
    const tests = ["login.passed", "mailbox.failed"];
    const released = events.indexOf("batch.released");
    expect(events.filter((event) => tests.includes(event))).toHaveLength(4);
    expect(events.findLastIndex((event) => tests.includes(event))).toBeLessThan(released);
    expect(events.indexOf("folder.planned")).toBeGreaterThan(released);
    expect(events.indexOf("chunk.copied")).toBeGreaterThan(released);
  });

  it("tests a mended row, which then joins the others", async () => {
    await deployment.upload("narrow", "checked", source.rows().slice(1, 2));
    await until(() => countOf("checked", "login.passed") === 3);
    expect(outcomes(await settle("checked", 4))).toEqual([
      "Failed TargetMailboxNotFound",
      "Synced",
      "Synced",
      "Synced",
    ]);
    expect(countOf("checked", "login.passed")).toBe(3);
  });

  it("goes on where it was when the worker died", async () => {
    await deployment.upload("narrow", "crashed", source.rows(), { testLogins: true });
    await until(() => countOf("crashed", "login.passed") > 0);
    link.off("silent");
    // In the middle of a login: a death between a permit and its message would cost the ten minutes of a permit.
    await until(async () => {
      const before = eventsOf("crashed").length;
      await sleep(1_000);
      const underWay = countOf("crashed", "mailbox.admitted") - countOf("crashed", "login.passed");
      return underWay === 1 && eventsOf("crashed").length === before;
    });
    await deployment.crashAndRestart();
    link.on();
    expect(outcomes(await settle("crashed", 4))).toEqual(Array(4).fill("Synced"));
    const events = eventsOf("crashed");
    expect(events.lastIndexOf("login.passed")).toBeLessThan(events.indexOf("folder.planned"));
  });
});

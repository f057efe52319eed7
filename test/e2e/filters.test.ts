import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Deployment, startDeployment } from "../stack/deployment.ts";
import { withSession } from "../stack/imap-access.ts";
import { type Source, startImapTarget, startSource } from "./dovecot-pair.ts";

const folder = "Filtered";
let source: Source;
let target: Awaited<ReturnType<typeof startImapTarget>>;
let deployment: Deployment;

beforeAll(async () => {
  source = await startSource({ seed: "filters", mailboxes: 2, messages: 1 });
  target = await startImapTarget(source);
  deployment = await startDeployment({ settings: target.settings });
  await deployment.putEndpoint("dovecot", source.endpoint);
});

afterAll(async () => {
  await deployment?.stop();
  await target?.server.stop();
  await source?.server.stop();
});

/** Days of the INTERNALDATEs in the target's folder. */
async function arrived(user: string): Promise<readonly string[]> {
  return withSession(target.access(user), async (client) => {
    const lock = await client.getMailboxLock(folder, { readOnly: true });
    try {
      const dates: string[] = [];
      for await (const { internalDate } of client.fetch("1:*", { internalDate: true }))
        dates.push(new Date(internalDate ?? 0).toISOString().slice(0, 10));
      return dates.sort();
    } finally {
      lock.release();
    }
  });
}

const rowOf = (user: string) => source.rows().filter(({ userName }) => userName === user);

it("copies what a wider date filter lets through, and what it copied before not again", async () => {
  const [user = ""] = source.users;
  await withSession(source.access(user), async (client) => {
    await client.mailboxCreate(folder);
    for (const date of ["2015-05-05", "2019-12-31", "2020-01-01", "2022-02-02"])
      await client.append(folder, `Subject: ${date}\r\n\r\n${date}\r\n`, [], new Date(`${date}T12:00:00Z`));
  });
  const since = (date: string) => ({ receivedSince: `${date}T00:00:00Z`, includeFolders: [folder] });
  await deployment.upload("dovecot", "filtered", rowOf(user), since("2020-01-01"));
  await deployment.waitUntilSettled("filtered");
  expect(await arrived(user)).toEqual(["2020-01-01", "2022-02-02"]);

  await deployment.upload("dovecot", "filtered", rowOf(user), since("2018-01-01"));
  while (deployment.log.filter(({ message }) => message === "upload.ingested").length < 2) await sleep(100);
  await deployment.request("POST", "batches/filtered/sync");
  await deployment.waitUntilSettled("filtered");
  expect(await arrived(user)).toEqual(["2019-12-31", "2020-01-01", "2022-02-02"]);
});

it("copies subscribed folders alone, up to a date and a size, under the date of the header", async () => {
  const user = source.users[1] ?? "";
  const quiet = "Quiet";
  await withSession(source.access(user), async (client) => {
    const append = (path: string, received: string, sent: string, bytes: number) =>
      client.append(
        path,
        `Subject: ${received}\r\nDate: ${new Date(`${sent}T10:00:00Z`).toUTCString()}\r\n\r\n${"x".repeat(bytes)}\r\n`,
        [],
        new Date(`${received}T12:00:00Z`),
      );
    for (const path of [folder, quiet]) await client.mailboxCreate(path);
    await client.mailboxSubscribe(folder);
    await client.mailboxUnsubscribe(quiet);
    await append(folder, "2020-12-31", "2011-01-01", 10);
    await append(folder, "2020-06-06", "2012-02-02", 2_000);
    await append(folder, "2021-01-01", "2013-03-03", 10);
    await append(quiet, "2020-01-01", "2014-04-04", 10);
  });
  await deployment.upload("dovecot", "narrow", rowOf(user), {
    includeFolders: [folder, quiet],
    receivedBefore: "2021-01-01T00:00:00Z",
    receivedDateFrom: "dateHeader",
    subscribedOnly: true,
    maxItemSize: 1_000,
  });
  expect(await deployment.waitUntilSettled("narrow")).toMatchObject({
    status: "Synced",
    syncedItemCount: 1,
    skippedItemCount: 1,
  });
  expect(await arrived(user)).toEqual(["2011-01-01"]);
  const folders = await withSession(target.access(user), (client) => client.list());
  expect(folders.map(({ path }) => path)).not.toContain(quiet);
});

it("is verified as it was filtered, and a message that the target lost is missing", async () => {
  const [user = ""] = source.users;
  const verified = async () => {
    const begun = await deployment.request("POST", "batches/filtered/verify");
    expect(begun.status).toBe(202);
    for (;;) {
      const { body } = await deployment.request("GET", "batches/filtered/verification");
      const view = body as { readonly verifiedCount: number; readonly verifyingCount: number };
      const { body: operations } = await deployment.request("GET", "batches/filtered");
      const { operations: pending } = operations as { readonly operations: readonly unknown[] };
      if (view.verifiedCount > 0 && view.verifyingCount === 0 && pending.length === 0) return view;
      await sleep(200);
    }
  };
  expect(await verified()).toMatchObject({
    equalCount: 1,
    comparedItemCount: 3,
    waitingItemCount: 0,
    differences: {},
    byUsers: {},
  });
  await withSession(target.access(user), async (client) => {
    const lock = await client.getMailboxLock(folder);
    try {
      await client.messageDelete("1");
    } finally {
      lock.release();
    }
  });
  expect(await verified()).toMatchObject({
    equalCount: 0,
    comparedItemCount: 2,
    differences: { Missing: 1 },
  });
});

import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { LogEvent } from "../stack/app-process.ts";
import { compareImapToGraph } from "../stack/compare/imap-to-graph.ts";
import { compareImapToImap } from "../stack/compare/imap-to-imap.ts";
import { type Deployment, startDeployment } from "../stack/deployment.ts";
import { withSession } from "../stack/imap-access.ts";
import { type Source, setUidValidity, startImapTarget, startSource } from "./dovecot-pair.ts";
import { everythingStored } from "./everything-stored.ts";

const waiting = { timeout: 120_000, interval: 500 };
/** Messages of the corpus that have neither a Message-ID nor a date: by nothing are they known again. */
const nameless = 7;
const settings = { CHUNK_MAX_SECONDS: "10" };

/** A target of the journey: how the app is started with it, and how it compares with the source. */
interface Target {
  /** True if a copy shows that it is one: nobody takes it for mail of another program. */
  readonly stampsCopies: boolean;
  deploy(source: Source): Promise<Deployment>;
  /** @returns a report of all differences, or undefined if there are none. */
  differences(source: Source, user: string): Promise<string | undefined>;
  stop(): Promise<void>;
}

function imapTarget(): Target {
  let target: Awaited<ReturnType<typeof startImapTarget>> | undefined;
  return {
    stampsCopies: false,
    async deploy(source) {
      target = await startImapTarget(source);
      return startDeployment({ settings: { ...settings, ...target.settings } });
    },
    async differences(source, user) {
      if (target === undefined) throw new Error("not deployed");
      const difference = await compareImapToImap(source.access(user), target.access(user));
      return difference.equal ? undefined : difference.report;
    },
    stop: async () => target?.server.stop(),
  };
}

function graphTarget(): Target {
  let deployment: Deployment | undefined;
  return {
    stampsCopies: true,
    async deploy(source) {
      deployment = await startDeployment({ settings });
      for (const user of source.users)
        deployment.stack.graph?.addMailbox({ userPrincipalName: source.emailAddress(user) });
      return deployment;
    },
    async differences(source, user) {
      const mailbox = deployment?.stack.graph?.mailbox(source.emailAddress(user));
      if (mailbox === undefined) throw new Error("not deployed");
      const difference = await compareImapToGraph(source.access(user), mailbox);
      return difference.equal ? undefined : difference.report;
    },
    stop: async () => undefined,
  };
}

describe.each([
  ["an IMAP server", imapTarget],
  ["Microsoft Graph", graphTarget],
])("a company moves to %s", (_name, makeTarget) => {
  const target = makeTarget();
  let source: Source;
  let deployment: Deployment;

  beforeAll(async () => {
    source = await startSource({ seed: "journey", mailboxes: 4, messages: 240, largest: 6 * 1024 * 1024 });
    deployment = await target.deploy(source);
    await deployment.putEndpoint("dovecot", source.endpoint);
  });

  afterAll(async () => {
    await deployment?.stop();
    await target.stop();
    await source?.server.stop();
  });

  /** Events of a name logged since an earlier moment. */
  function eventsSince(mark: number, event: string): readonly LogEvent[] {
    return deployment.log.slice(mark).filter(({ message }) => message === event);
  }

  function copiedSince(mark: number): number {
    return eventsSince(mark, "chunk.copied").reduce((sum, event) => sum + Number(event.items), 0);
  }

  async function expectEqualMailboxes(): Promise<void> {
    for (const user of source.users) expect(await target.differences(source, user), user).toBeUndefined();
  }

  async function syncNow(batch: string): Promise<number> {
    const mark = deployment.log.length;
    expect(await deployment.request("POST", `batches/${batch}/sync`)).toMatchObject({ status: 202 });
    await expect(deployment.waitUntilSettled(batch)).resolves.toMatchObject({ status: "Synced" });
    return mark;
  }

  async function act(batch: string, action: string, body: object): Promise<void> {
    const response = await fetch(`${deployment.app.url}/api/batches/${batch}/${action}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    expect(response.status, await response.text()).toBe(202);
  }

  it("copies every message once, from one uploaded file", async () => {
    await deployment.upload("dovecot", "Spring-Move", source.rows());
    const batch = await deployment.waitUntilSettled("spring-move");
    expect(batch).toMatchObject({ name: "Spring-Move", status: "Synced", totalCount: 4, syncedCount: 4 });
    expect(batch.syncedItemCount + batch.skippedItemCount).toBe(240);
    await expectEqualMailboxes();
  });

  it("does nothing in a second round when nothing changed", async () => {
    const mark = await syncNow("spring-move");
    expect(copiedSince(mark)).toBe(0);
    expect(eventsSince(mark, "folder.planned")).toHaveLength(4);
    for (const event of eventsSince(mark, "folder.planned")) expect(event.changed).toBe(0);
  });

  it("brings new mail, new folders and changed flags, and nothing else", async () => {
    const [user = ""] = source.users;
    await withSession(source.access(user), async (client) => {
      await client.append("INBOX", "Subject: one\r\nMessage-ID: <1@new>\r\n\r\none\r\n", ["\\Seen"]);
      await client.append("INBOX", "Subject: two\r\nMessage-ID: <2@new>\r\n\r\ntwo\r\n");
      await client.mailboxCreate("Later/Neues Büro");
      await client.mailboxCreate("Sent/2011");
      await client.append("Sent/2011", "Subject: four\r\nMessage-ID: <4@new>\r\n\r\nfour\r\n", ["\\Seen"]);
      await client.append("Later/Neues Büro", "Subject: three\r\nMessage-ID: <3@new>\r\n\r\nthree\r\n", [
        "\\Flagged",
      ]);
      const lock = await client.getMailboxLock("INBOX");
      try {
        await client.messageFlagsAdd("1:3", ["\\Seen", "\\Flagged"], { uid: false });
      } finally {
        lock.release();
      }
    });
    const mark = await syncNow("spring-move");
    expect(copiedSince(mark)).toBe(4);
    await expectEqualMailboxes();
  });

  it("finds every copy again when a batch is deleted and uploaded again", async () => {
    const refused = await deployment.request("DELETE", "batches/spring-move");
    expect(refused).toMatchObject({ status: 409, body: { error: { code: "BatchNotSafeToDelete" } } });
    expect(await deployment.request("DELETE", "batches/spring-move?force=true")).toMatchObject({
      status: 202,
    });
    while ((await deployment.batch("spring-move")) !== undefined) await sleep(500);
    const mark = deployment.log.length;
    await deployment.upload("dovecot", "spring-move", source.rows());
    await deployment.waitUntilSettled("spring-move");
    expect(copiedSince(mark)).toBe(0);
    await expectEqualMailboxes();
  });

  it("copies nothing twice for a second batch of another endpoint with an administrator's login", async () => {
    await deployment.putEndpoint("by-admin", source.endpoint);
    const { adminUser, adminPassword } = source.server;
    const mark = deployment.log.length;
    await deployment.upload(
      "by-admin",
      "again",
      source
        .rows()
        .map((row) => ({ ...row, userName: `${row.userName}*${adminUser}`, password: adminPassword })),
    );
    expect(await deployment.waitUntilSettled("again")).toMatchObject({ status: "Synced" });
    expect(copiedSince(mark)).toBe(0);
    await expectEqualMailboxes();
  });

  it("recognises messages under a new UIDVALIDITY that all folders share", async () => {
    for (const user of source.users.slice(0, 2)) await setUidValidity(source.server, user, 1);
    const mark = await syncNow("spring-move");
    expect(copiedSince(mark)).toBe(0);
    expect(eventsSince(mark, "folder.rematched").length).toBeGreaterThan(4);
    await expectEqualMailboxes();
  });

  it("takes back what it copied for a mailbox, forgets it, and copies it afresh", async () => {
    const [user = ""] = source.users;
    const mailboxes = [source.emailAddress(user)];
    const mailbox = async () =>
      (await deployment.mailboxes("spring-move")).find(({ emailAddress }) => emailAddress === mailboxes[0]);
    const copied = (await mailbox())?.syncedItemCount;
    await act("spring-move", "undo", { mailboxes, forGood: true });
    await vi.waitUntil(async () => (await mailbox())?.status === "Stopped", waiting);
    expect(await mailbox()).toMatchObject({ undo: { removedCount: copied, leftCount: 0, error: null } });
    expect(await target.differences(source, user)).toBeDefined();

    await act("spring-move", "forget", { mailboxes, acceptDoubles: true });
    await act("spring-move", "start", { mailboxes });
    await expect(deployment.waitUntilSettled("spring-move")).resolves.toMatchObject({ status: "Synced" });
    expect(await mailbox()).toMatchObject({ syncedItemCount: copied });
    await expectEqualMailboxes();
  });

  it("rehearses a move, and takes what is in the target for its own", async () => {
    for (const path of ["again?force=true", "spring-move?force=true&forget=true"])
      expect(await deployment.request("DELETE", `batches/${path}`)).toMatchObject({ status: 202 });
    for (const name of ["again", "spring-move"])
      await vi.waitUntil(async () => (await deployment.batch(name)) === undefined, waiting);
    await deployment.upload("dovecot", "autumn", source.rows(), { dryRun: true, adoptExisting: "folder" });
    await deployment.waitUntilSettled("autumn");
    const found = (await deployment.mailboxes("autumn")).map(({ rehearsal }) => rehearsal);
    const sum = (of: "itemCount" | "adoptableCount" | "ambiguousCount") =>
      found.reduce((total, rehearsal) => total + (rehearsal?.[of] ?? Number.NaN), 0);
    const adoptable = sum("adoptableCount");
    const items = sum("itemCount");
    expect(adoptable + sum("ambiguousCount")).toBe(target.stampsCopies ? 0 : items - nameless);
    await expectEqualMailboxes();

    const mark = deployment.log.length;
    await act("autumn", "startForReal", {});
    await vi.waitUntil(async () => (await deployment.batch("autumn"))?.status === "Synced", waiting);
    const adopted = eventsSince(mark, "messages.adopted").reduce(
      (total, { items }) => total + Number(items),
      0,
    );
    expect(adopted).toBe(adoptable);
    const synced = (await deployment.mailboxes("autumn")).reduce(
      (total, one) => total + one.syncedItemCount,
      0,
    );
    expect(adopted + copiedSince(mark)).toBe(synced);
  });

  it("stores a password nowhere", async () => {
    const secrets = [...source.rows().map((row) => row.password), source.server.adminPassword];
    let texts = 0;
    for await (const [where, text] of everythingStored(deployment)) {
      texts++;
      for (const secret of secrets)
        for (const form of [secret, Buffer.from(secret).toString("base64")])
          expect(text.includes(form), `a password in ${where}`).toBe(false);
    }
    expect(texts).toBeGreaterThan(300);
  });
});

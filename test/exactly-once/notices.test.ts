import { describe, expect, it, vi } from "vitest";
import { MigrationError } from "../../shared/domain/errors.ts";
import { FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { addressOf, batch, Migration, message } from "./migration.ts";

fakeTime();

const minute = 60_000;
const hour = 60 * minute;
const to = "it@contoso.example";

/** A batch of some users, each with a message, whose operators want mails. */
function migrationOf(users: readonly string[] = ["ann"], plan = new FaultPlan(), processes = 1): Migration {
  const migration = new Migration(users, { target: "graph", plan, processes });
  for (const user of users) migration.folder("INBOX", user).add(message(1));
  return migration;
}

const upload = async (migration: Migration, options: Readonly<Record<string, unknown>> = {}) => {
  await migration.upload({ options: { notificationEmails: [to], reportIntervalHours: 0, ...options } });
  await migration.deployment.rest();
};

const subjects = ({ deployment }: Migration) => deployment.mail.sent.map(({ subject }) => subject);

/** Kinds of the mails with their states. */
const told = async ({ deployment }: Migration) =>
  (await deployment.stores.notices.list(batch)).map(({ value }) => `${value.kind} ${value.state}`).sort();

const noticeError = async ({ deployment }: Migration) =>
  (await deployment.stores.batches.get(batch))?.value.noticeError?.code;

/** @param hours an even number: what is not at rest for three hours has got stuck. */
const pass = async ({ deployment }: Migration, hours: number) => {
  for (let passed = 0; passed < hours; passed += 2) await deployment.goOnFor(2 * hour);
};

const bodyOf = (migration: Migration, subject: string) =>
  migration.deployment.mail.sent.find((mail) => mail.subject.includes(subject))?.html ?? "";

describe("mails to the operators", () => {
  it("tell of the start and of the end of the first sync, once each", async () => {
    const migration = migrationOf(["ann", "ben"]);
    await upload(migration);
    expect(subjects(migration)).toEqual([
      "spring: the migration has started",
      "spring: every mailbox is synced",
    ]);
    expect(migration.deployment.mail.sent[0]?.to).toEqual([to]);
    expect(bodyOf(migration, "every mailbox")).toContain("2 of 2");
    await migration.sync();
    await pass(migration, 26);
    expect(subjects(migration)).toHaveLength(2);
  });

  it("are not sent where nobody asks for them", async () => {
    const migration = migrationOf();
    await upload(migration, { notificationEmails: [] });
    expect(migration.deployment.mail.sent).toEqual([]);
    expect(await told(migration)).toEqual([]);
  });

  it("tell of failures once a code, and once an hour at most", async () => {
    const users = ["ann", "ben", "cas"];
    const migration = migrationOf(users);
    const { deployment } = migration;
    deployment.target.mailboxes.delete(addressOf("ben"));
    await upload(migration);
    const failures = () => subjects(migration).filter((subject) => subject.endsWith("failed"));
    expect(failures()).toEqual(["spring: 1 mailbox failed"]);
    expect(bodyOf(migration, "1 mailbox failed")).toContain(addressOf("ben"));
    expect(bodyOf(migration, "with errors")).toContain("failed-mailboxes.csv");

    // The same code again is no news; another one waits for the hour.
    await deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
    await deployment.rest();
    deployment.source.mailboxes.delete("cas");
    await migration.sync();
    await deployment.rest();
    expect(failures()).toHaveLength(1);
    await deployment.goOnFor(2 * hour);
    await deployment.rest();
    expect(failures()).toEqual(["spring: 1 mailbox failed", "spring: 1 mailbox failed"]);
    const last = deployment.mail.sent.filter(({ subject }) => subject.endsWith("failed"))[1];
    expect(last?.html).toContain("SourceLoginFailed");
    expect(last?.html).not.toContain("TargetMailboxNotFound");
  });

  it("report at each interval, with what changed since", async () => {
    const migration = migrationOf();
    await upload(migration, { reportIntervalHours: 12 });
    migration.folder("INBOX").add(message(2));
    await migration.sync();
    await pass(migration, 38);
    const reports = subjects(migration).filter((subject) => subject.endsWith("% complete"));
    expect(reports).toEqual(Array.from({ length: 3 }, () => "spring: 100 % complete"));
    expect(bodyOf(migration, "% complete")).toMatch(/Messages copied<\/td><td[^>]*>\+1</);
    // A stopped batch has nothing to report.
    await migration.deployment.perform(({ control }) => control.act(batch, "stop", "operator"));
    await pass(migration, 26);
    expect(subjects(migration).filter((subject) => subject.endsWith("% complete"))).toHaveLength(3);
  });

  it("tell that the logins were tested", async () => {
    const migration = migrationOf(["ann", "ben"]);
    migration.deployment.target.mailboxes.delete(addressOf("ben"));
    await upload(migration, { testLogins: true });
    expect(subjects(migration)).toContain("spring: 1 login failed");
    expect(bodyOf(migration, "1 login failed")).toContain(addressOf("ben"));
  });

  it("tell that the batch is completed", async () => {
    const migration = migrationOf();
    await upload(migration);
    await migration.deployment.perform(({ control }) => control.act(batch, "complete", "operator"));
    await migration.deployment.rest();
    expect(subjects(migration).at(-1)).toBe("spring: the batch is completed");
    await migration.deployment.goOnFor(3 * hour);
    expect(subjects(migration)).toHaveLength(3);
  });
});

describe("mails about what comes after the first sync", () => {
  const act = (migration: Migration, action: "stop" | "startForReal") =>
    migration.deployment.perform(({ control }) => control.act(batch, action, "operator"));
  const hoursLater = (migration: Migration) =>
    migration.deployment.perform(({ notices }) => notices.look(batch));

  it("tell that a rehearsal is done, and what it found", async () => {
    const migration = migrationOf(["ann", "ben", "cas"]);
    migration.deployment.target.mailboxes.delete(addressOf("cas"));
    await upload(migration, { dryRun: true });
    expect(subjects(migration)).toEqual([
      "spring: the rehearsal has started",
      "spring: 1 mailbox failed",
      "spring: the rehearsal is done, with errors",
    ]);
    const body = bodyOf(migration, "rehearsal is done");
    expect(body).toMatch(/Mailboxes rehearsed<\/th><td[^>]*>2 of 3</);
    expect(body).toMatch(/Messages to copy<\/th><td[^>]*>2</);
    expect(body).toContain(addressOf("cas"));
    await pass(migration, 26);
    expect(subjects(migration)).toHaveLength(3);

    await act(migration, "startForReal");
    await migration.deployment.rest();
    expect(subjects(migration).slice(3)).toEqual([
      "spring: the migration has started",
      "spring: the first sync is done, with errors",
    ]);
  });

  it("tell that a verification is done, once for each, and what it found", async () => {
    const migration = migrationOf(["ann", "ben"]);
    await upload(migration);
    const verify = async () => {
      const request = { level: "items", sample: 20 } as const;
      await migration.deployment.perform(({ control }) => control.verify(batch, request, "operator"));
      await migration.deployment.rest();
    };
    await verify();
    expect(subjects(migration).slice(2)).toEqual(["spring: the verification found no difference"]);
    expect(bodyOf(migration, "no difference")).toMatch(/Messages compared<\/th><td[^>]*>2</);
    migration.target().items = [];
    await verify();
    expect(subjects(migration).slice(3)).toEqual(["spring: the verification found 1 difference"]);
    expect(bodyOf(migration, "1 difference")).toMatch(/Missing<\/td><td[^>]*>1</);
    await pass(migration, 26);
    expect(subjects(migration)).toHaveLength(4);
  });

  it("tell that the MX record has moved, and later that the batch may be deleted, once for each move", async () => {
    const migration = migrationOf();
    const { deployment } = migration;
    await upload(migration);
    const leadTo = async (host: string) => {
      deployment.route = { known: true, hosts: [{ host, preference: 0, ttl: 3_600 }], authoritative: true };
      await deployment.perform((worker) => worker.domains());
      await deployment.rest();
    };
    const microsoft = "contoso-example.mail.protection.outlook.com";
    await leadTo("mx.contoso.example");
    expect(subjects(migration)).toHaveLength(2);
    await pass(migration, 2);
    await leadTo(microsoft);
    expect(subjects(migration).slice(2)).toEqual(["spring: the MX record has moved"]);
    expect(bodyOf(migration, "MX record has moved")).toContain("0 of 72 h have passed");
    await pass(migration, 2);
    await migration.sync();
    await pass(migration, 68);
    await leadTo(microsoft);
    expect(subjects(migration)).toHaveLength(3);
    await pass(migration, 4);
    await leadTo(microsoft);
    await pass(migration, 2);
    await leadTo(microsoft);
    expect(subjects(migration).slice(3)).toEqual(["spring: the batch may be deleted"]);
    expect(bodyOf(migration, "may be deleted")).toContain("MX of contoso.example");

    // Moved back and forth again: another move.
    await pass(migration, 2);
    await leadTo("mx.contoso.example");
    await pass(migration, 2);
    await leadTo(microsoft);
    expect(subjects(migration).slice(4)).toEqual(["spring: the MX record has moved"]);
  });

  it("tell seven days before a batch stops that nobody touches, and when it did", async () => {
    const migration = migrationOf();
    const { deployment } = migration;
    await upload(migration);
    const daysLater = async (days: number) => {
      vi.setSystemTime(Date.now() + days * 24 * hour);
      await deployment.perform((worker) => worker.resync());
      await hoursLater(migration);
      await deployment.rest();
    };
    await daysLater(52);
    expect(subjects(migration)).toHaveLength(2);
    await daysLater(2);
    await daysLater(1);
    expect(subjects(migration).slice(2)).toEqual([expect.stringMatching(/^spring: the batch stops on 20/)]);
    await daysLater(6);
    await pass(migration, 2);
    await hoursLater(migration);
    expect(subjects(migration).slice(3)).toEqual([
      "spring: the batch was stopped, since nobody touched it for 60 days",
    ]);
    // An operator's stop is no news to them.
    await deployment.perform(({ control }) => control.act(batch, "start", "operator"));
    await deployment.rest();
    await act(migration, "stop");
    await pass(migration, 2);
    expect(subjects(migration).slice(4)).toEqual([]);
  });
});

describe("a mail that cannot be sent now", () => {
  it("is sent later, as soon as the service allows, and shows meanwhile", async () => {
    const migration = migrationOf();
    const { mail } = migration.deployment;
    const throttled = () =>
      new MigrationError("throttled", "GraphThrottled", "A pause.", { retryAfterMs: 10 * minute });
    mail.failures.push(throttled(), throttled());
    await migration.upload({ options: { notificationEmails: [to], reportIntervalHours: 0 } });
    await migration.deployment.goOnFor(2 * minute);
    expect(await told(migration)).toContain("started waiting");
    expect(await noticeError(migration)).toBe("GraphThrottled");
    const began = Date.now();
    await migration.deployment.rest();
    await migration.deployment.goOnFor(12 * minute);
    expect(await told(migration)).toEqual(["started sent", "synced sent"]);
    expect(subjects(migration)).toHaveLength(2);
    for (const { at } of mail.sent) expect(at - began).toBeGreaterThan(7 * minute);
    expect(await noticeError(migration)).toBeUndefined();
  });

  it("is given up where no later one would get out either, and shows", async () => {
    const migration = migrationOf();
    migration.deployment.mail.failures.push(new MigrationError("fatal", "MailSendDenied", "No right to."));
    await upload(migration);
    expect(await told(migration)).toEqual(["started failed", "synced sent"]);
    const { value } = (await migration.deployment.stores.notices.list(batch))[0] ?? {};
    expect(value?.error?.code).toBe("MailSendDenied");
  });

  it("is not sent again where it may have been", async () => {
    const migration = migrationOf();
    const lost = new MigrationError("transient", "GraphUnreachable", "No answer.", { inDoubt: true });
    migration.deployment.mail.failures.push(lost);
    await upload(migration);
    await migration.deployment.goOnFor(3 * hour);
    expect(await told(migration)).toEqual(["started inDoubt", "synced sent"]);
    expect(subjects(migration)).toEqual([
      "spring: the migration has started",
      "spring: every mailbox is synced",
    ]);
  });
});

describe("where a process dies", () => {
  /** What a migration of one mailbox sends where a call of it goes wrong. */
  const story = async (plan: FaultPlan) => {
    vi.clearAllTimers();
    const migration = migrationOf(["ann"], plan, 2);
    await upload(migration);
    await migration.deployment.goOnFor(2 * hour);
    await migration.deployment.rest();
    return migration;
  };

  it.each(["diesBefore", "diesAfter"] as const)(
    "%s any call that mails are made of, none is sent twice, and none is lost without a word",
    async (kind) => {
      const clean = new FaultPlan();
      await story(clean);
      const ofMails = clean.calls.flatMap((name, index) => (name === "mail.send" ? [index] : []));
      // The calls around each mail: its row before it, what it came to after it.
      const around = new Set(ofMails.flatMap((at) => [-4, -3, -2, -1, 0, 1, 2, 3].map((by) => at + by)));
      expect(ofMails).toHaveLength(2);
      for (const index of around) {
        const migration = await story(new FaultPlan(new Map([[index + 1, { kind }]])));
        const sent = subjects(migration);
        expect([clean.calls[index], new Set(sent).size]).toEqual([clean.calls[index], sent.length]);
        const states = await told(migration);
        expect(states.map((state) => state.split(" ")[0])).toEqual(["started", "synced"]);
        for (const state of states) expect(state).toMatch(/ (sent|inDoubt)$/);
        // Only a mail whose sender died in the middle is in doubt; it is never more than the one.
        expect(states.filter((state) => state.endsWith("inDoubt")).length).toBeLessThan(2);
        expect(sent.length).toBeGreaterThanOrEqual(1);
      }
    },
  );

  it("none is sent twice by two workers at once", async () => {
    const migration = migrationOf();
    await upload(migration, { notificationEmails: [] });
    const { deployment } = migration;
    const stored = await deployment.stores.batches.get(batch);
    if (stored === undefined) throw new Error("there is no batch");
    const options = { ...stored.value.options, notificationEmails: [to] };
    await deployment.stores.batches.replace({ ...stored, value: { ...stored.value, options } });
    await deployment.perform((worker) =>
      Promise.all(Array.from({ length: 5 }, () => worker.notices.look(batch))),
    );
    expect(new Set(subjects(migration)).size).toBe(2);
    expect(subjects(migration)).toHaveLength(2);
  });
});

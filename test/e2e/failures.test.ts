import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Deployment, startDeployment } from "../stack/deployment.ts";
import { type Source, startImapTarget, startSource } from "./dovecot-pair.ts";

describe("mailboxes that cannot be copied", () => {
  let source: Source;
  let target: Awaited<ReturnType<typeof startImapTarget>>;
  let deployment: Deployment;

  beforeAll(async () => {
    source = await startSource({ seed: "failures", mailboxes: 3, messages: 30, largest: 100_000 });
    target = await startImapTarget(source);
    deployment = await startDeployment({ settings: target.settings });
    await deployment.putEndpoint("good", source.endpoint);
    await deployment.putEndpoint("nowhere", { host: "imap.does-not-exist.invalid" });
    await deployment.putEndpoint("untrusted", { host: "localhost", port: source.server.tlsPort });
  });

  afterAll(async () => {
    await deployment?.stop();
    await target?.server.stop();
    await source?.server.stop();
  });

  async function errorsOf(batch: string): Promise<readonly (readonly [string, string | undefined])[]> {
    await deployment.waitUntilSettled(batch);
    const rows = await deployment.mailboxes(batch);
    return rows.map(({ status, error }) => [status, error?.code] as const).sort();
  }

  it("fail with a code and a sentence, while the others go on", async () => {
    const [first, second, third] = source.rows();
    if (!first || !second || !third) throw new Error("three users expected");
    await deployment.upload("good", "mixed", [
      first,
      { ...second, password: "not-the-password" },
      { ...third, emailAddress: "nobody@contoso.com" },
    ]);
    expect(await errorsOf("mixed")).toEqual([
      ["Failed", "AuthenticationFailed"],
      ["Failed", "TargetMailboxNotFound"],
      ["Synced", undefined],
    ]);
    for (const { error } of await deployment.mailboxes("mixed")) {
      if (error === null) continue;
      expect(error.message).toMatch(/^[A-Z].{30,}\.$/s);
      expect(error.message).not.toContain("not-the-password");
    }
    expect(await deployment.batch("mixed")).toMatchObject({ status: "SyncedWithErrors", failedCount: 2 });
  });

  it("start again when the password is mended by another upload", async () => {
    await deployment.upload("good", "mixed", source.rows().slice(0, 2));
    expect(await errorsOf("mixed")).toEqual([
      ["Failed", "TargetMailboxNotFound"],
      ["Synced", undefined],
      ["Synced", undefined],
    ]);
  });

  it("tell an unknown host and an untrusted certificate, and try again", async () => {
    await deployment.upload("nowhere", "lost", source.rows().slice(0, 1));
    await deployment.upload("untrusted", "suspicious", source.rows().slice(0, 1));
    for (const [batch, code] of [
      ["suspicious", "UntrustedCertificate"],
      ["lost", "UnknownHost"],
    ] as const)
      await expect
        .poll(async () => (await deployment.mailboxes(batch))[0], { timeout: 30_000, interval: 200 })
        .toMatchObject({ status: "Syncing", error: { code }, nextAttemptAt: expect.any(String) });
  });
});

import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createKeyVaultVault } from "../../../../shared/adapters/vault/key-vault.ts";
import type { BatchName, MailboxId } from "../../../../shared/domain/names.ts";
import type { Vault } from "../../../../shared/migration/ports/vault.ts";
import { KeyVaultStandIn } from "../../../stack/key-vault.ts";

const server = { host: "imap.contoso.com", port: 993 };
const owner = { batch: "spring" as BatchName, mailboxId: "a".repeat(32) as MailboxId, server };
const unreadable = { kind: "mailbox", code: "CredentialUnreadable" };
const hour = 3_600_000;

let keyVault: KeyVaultStandIn;
beforeAll(async () => {
  keyVault = await KeyVaultStandIn.start();
});
afterAll(() => keyVault.stop());
beforeEach(() => {
  keyVault.calls.length = 0;
});

/** The vault as a process that has just started has it. */
function newProcess(now?: () => number): Vault {
  return createKeyVaultVault(keyVault.keyUri, keyVault.credential, now);
}

function versionOf(sealed: string): string | undefined {
  return sealed.split(".")[1];
}

function operations(): readonly string[] {
  return keyVault.calls.map(({ operation }) => operation);
}

describe("Key Vault vault", () => {
  it("opens what it sealed, whatever the secret, also in another process", async () => {
    const [one, other] = [newProcess(), newProcess()];
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), async (secret) => {
        const sealed = await one.seal(owner, secret);
        expect(await one.open(owner, sealed)).toBe(secret);
        expect(await other.open(owner, sealed)).toBe(secret);
        expect(await other.matches(owner, sealed, secret)).toBe(true);
        expect(await other.matches(owner, sealed, `${secret}x`)).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it("asks Key Vault once for the data key of a batch, however many seal and open at once", async () => {
    const [one, other] = [newProcess(), newProcess()];
    const sealed = await Promise.all(Array.from({ length: 200 }, (_, i) => one.seal(owner, `secret ${i}`)));
    expect(operations().filter((operation) => operation === "wrapkey")).toHaveLength(1);
    const opened = await Promise.all(sealed.map((text) => other.open(owner, text)));
    expect(opened[199]).toBe("secret 199");
    expect(operations().filter((operation) => operation === "unwrapkey")).toHaveLength(1);
  });

  it("gives each batch a data key of its own", async () => {
    const vault = newProcess();
    const spring = await vault.seal(owner, "secret");
    const summer = await vault.seal({ ...owner, batch: "summer" as BatchName }, "secret");
    expect(spring.split(".")[2]).not.toBe(summer.split(".")[2]);
  });

  it("opens what was sealed without a server, as an earlier version did", async () => {
    const before = { ...owner, server: undefined };
    const sealed = await newProcess().seal(before, "secret");
    expect(sealed).toMatch(/^kv1\./);
    expect(await newProcess().open(before, sealed)).toBe("secret");
    await expect(newProcess().open(owner, sealed)).rejects.toMatchObject(unreadable);
  });

  it("shows nothing of the secret", async () => {
    const sealed = await newProcess().seal(owner, "P@ssw0rd-canary");
    expect(sealed).toMatch(/^kv2\.[0-9a-f]{32}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/);
    expect(Buffer.from(sealed.split(".")[3] ?? "", "base64url").toString("latin1")).not.toContain("canary");
  });

  it.each([
    ["another batch", { ...owner, batch: "summer" as BatchName }],
    ["another mailbox", { ...owner, mailboxId: "b".repeat(32) as MailboxId }],
    ["another server", { ...owner, server: { ...server, host: "imap.fabrikam.com" } }],
    ["another port", { ...owner, server: { ...server, port: 143 } }],
    ["no server", { ...owner, server: undefined }],
  ])("does not open for %s", async (_, stranger) => {
    const vault = newProcess();
    const sealed = await vault.seal(owner, "secret");
    await expect(vault.open(stranger, sealed)).rejects.toMatchObject(unreadable);
    expect(await vault.matches(stranger, sealed, "secret")).toBe(false);
  });

  it("wraps new data keys by the newest version of the key, and old versions still unwrap", async () => {
    let clock = 0;
    const vault = newProcess(() => clock);
    const before = await vault.seal(owner, "before");
    const version = keyVault.rotate();
    clock += hour - 1;
    expect(versionOf(await vault.seal(owner, "soon after"))).toBe(versionOf(before));
    clock += 1;
    const [after, again] = await Promise.all([vault.seal(owner, "after"), vault.seal(owner, "again")]);
    expect(versionOf(after)).toBe(version);
    expect(versionOf(again)).toBe(version);
    const other = newProcess();
    expect(await other.open(owner, before)).toBe("before");
    expect(await other.open(owner, after)).toBe("after");
  });

  it("wraps by the version in the address where there is one", async () => {
    const [first] = keyVault.versions;
    keyVault.rotate();
    const vault = createKeyVaultVault(`${keyVault.keyUri}/${first}`, keyVault.credential);
    expect(versionOf(await vault.seal(owner, "secret"))).toBe(first);
  });

  it("forgets the keys of a batch, and of that batch only", async () => {
    const vault = newProcess();
    const other = { ...owner, batch: "summer" as BatchName };
    const [spring, summer] = [await vault.seal(owner, "secret"), await vault.seal(other, "secret")];
    await vault.forget(owner.batch);
    await vault.forget(owner.batch);
    keyVault.calls.length = 0;
    await vault.open(other, summer);
    expect(keyVault.calls).toEqual([]);
    await vault.open(owner, spring);
    expect(operations()).toContain("unwrapkey");
    expect((await vault.seal(owner, "secret")).split(".")[2]).not.toBe(spring.split(".")[2]);
  });

  it("cannot open what was sealed by a version that is gone", async () => {
    const sealed = await newProcess().seal(owner, "secret");
    keyVault.remove(versionOf(sealed) ?? "");
    await expect(newProcess().open(owner, sealed)).rejects.toMatchObject(unreadable);
  });

  it("notices an altered wrapped key and an altered text", async () => {
    const sealed = await newProcess().seal(owner, "secret");
    const [form, version, wrapped = "", text = ""] = sealed.split(".");
    const flip = (part: string): string => `${part[0] === "A" ? "Q" : "A"}${part.slice(1)}`;
    for (const altered of [
      `${form}.${version}.${flip(wrapped)}.${text}`,
      `${form}.${version}.${wrapped}.${flip(text)}`,
    ])
      await expect(newProcess().open(owner, altered), altered.slice(0, 60)).rejects.toMatchObject(unreadable);
  });

  it.each(["", "kv1", "kv1...", "local1.AAAA", "kv1.v.AAAA.AAAA", `kv1.${"../".repeat(10)}aa.AAAA.AAAA`])(
    "does not open %j, and asks nobody",
    async (text) => {
      await expect(newProcess().open(owner, text)).rejects.toMatchObject(unreadable);
      expect(keyVault.calls).toEqual([]);
    },
  );

  it("says that the key version was disabled", async () => {
    const sealed = await newProcess().seal(owner, "secret");
    keyVault.disable(versionOf(sealed) ?? "");
    await expect(newProcess().open(owner, sealed)).rejects.toMatchObject({
      kind: "fatal",
      code: "KeyVaultForbidden",
    });
    keyVault.rotate();
  });

  it.each([
    [403, { kind: "fatal", code: "KeyVaultForbidden" }],
    [404, { kind: "fatal", code: "CredentialKeyInvalid" }],
    [429, { kind: "throttled", code: "KeyVaultThrottled" }],
    [503, { kind: "transient", code: "KeyVaultUnavailable" }],
  ])("reports status %i of Key Vault, and seals again once it is over", async (status, expected) => {
    const vault = newProcess();
    keyVault.failNext(status, 4);
    await expect(vault.seal(owner, "secret")).rejects.toMatchObject(expected);
    keyVault.failNext(status, 0);
    expect(await vault.open(owner, await vault.seal(owner, "secret"))).toBe("secret");
  });

  it("reports a Key Vault that cannot be reached", async () => {
    const gone = await KeyVaultStandIn.start();
    const vault = createKeyVaultVault(gone.keyUri, gone.credential);
    const sealed = await vault.seal(owner, "secret");
    await gone.stop();
    const other = createKeyVaultVault(gone.keyUri, gone.credential);
    await expect(other.open(owner, sealed)).rejects.toMatchObject({
      kind: "transient",
      code: "KeyVaultUnavailable",
    });
    await expect(other.matches(owner, sealed, "secret")).rejects.toMatchObject({ kind: "transient" });
  });

  it("reports an identity without a token", async () => {
    const error = Object.assign(new Error("no identity here"), { name: "CredentialUnavailableError" });
    const vault = createKeyVaultVault(keyVault.keyUri, { getToken: () => Promise.reject(error) });
    await expect(vault.seal(owner, "secret")).rejects.toMatchObject({
      kind: "fatal",
      code: "KeyVaultTokenUnavailable",
    });
  });

  it.each([
    "https://vault.example",
    "https://vault.example/secrets/x",
    "https://vault.example/keys/a/b/c",
    "nonsense",
  ])("refuses the address %s", (uri) => {
    expect(() => createKeyVaultVault(uri, keyVault.credential)).toThrow(/CREDENTIAL_KEY_URI/);
  });
});

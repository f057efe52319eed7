import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLocalVault } from "../../../../shared/adapters/vault/local-vault.ts";
import { isMigrationError } from "../../../../shared/domain/errors.ts";
import type { BatchName, MailboxId } from "../../../../shared/domain/names.ts";

const vault = createLocalVault(randomBytes(32));
const server = { host: "imap.contoso.com", port: 993 };
const owner = { batch: "spring" as BatchName, mailboxId: "a".repeat(32) as MailboxId, server };
const unreadable = { kind: "mailbox", code: "CredentialUnreadable" };

describe("local vault", () => {
  it("opens what it sealed, whatever the secret", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), async (secret) => {
        const sealed = await vault.seal(owner, secret);
        expect(await vault.open(owner, sealed)).toBe(secret);
        expect(await vault.matches(owner, sealed, secret)).toBe(true);
        expect(await vault.matches(owner, sealed, `${secret}x`)).toBe(false);
      }),
    );
  });

  it("gives another text each time, and shows nothing of the secret", async () => {
    const texts = await Promise.all(Array.from({ length: 50 }, () => vault.seal(owner, "P@ssw0rd-canary")));
    expect(new Set(texts).size).toBe(50);
    for (const text of texts) {
      expect(text).toMatch(/^local2\.[A-Za-z0-9_-]+$/);
      expect(Buffer.from(text.slice(7), "base64url").toString("latin1")).not.toContain("canary");
    }
  });

  it.each([
    ["another batch", { ...owner, batch: "summer" as BatchName }],
    ["another mailbox", { ...owner, mailboxId: "b".repeat(32) as MailboxId }],
    ["another server", { ...owner, server: { ...server, host: "imap.fabrikam.com" } }],
    ["another port", { ...owner, server: { ...server, port: 143 } }],
    ["no server", { ...owner, server: undefined }],
  ])("does not open for %s", async (_, stranger) => {
    const sealed = await vault.seal(owner, "secret");
    await expect(vault.open(stranger, sealed)).rejects.toMatchObject(unreadable);
    expect(await vault.matches(stranger, sealed, "secret")).toBe(false);
  });

  it("opens what an earlier version sealed without a server, for no server only", async () => {
    const earlier = createLocalVault(Buffer.alloc(32, 7));
    const sealed = "local1.liFDa-kFy8GqSwITpjwgn-xbJZ-acXDY7xV6KyKDEOXCDg59B50";
    expect(await earlier.open({ ...owner, server: undefined }, sealed)).toBe("p\u00e4ss word");
    await expect(earlier.open(owner, sealed)).rejects.toMatchObject(unreadable);
  });

  it("does not open under another key", async () => {
    const sealed = await createLocalVault(randomBytes(32)).seal(owner, "secret");
    await expect(vault.open(owner, sealed)).rejects.toMatchObject(unreadable);
  });

  it("notices every altered character", async () => {
    const sealed = await vault.seal(owner, "secret");
    for (let at = 0; at < sealed.length; at++) {
      // A and Q differ in a bit that counts even in the last character.
      const altered = `${sealed.slice(0, at)}${sealed[at] === "A" ? "Q" : "A"}${sealed.slice(at + 1)}`;
      await expect(vault.open(owner, altered), `at ${at}`).rejects.toMatchObject(unreadable);
    }
  });

  it.each(["", "local2.", "local2.AAAA", "local1.AAAA", "other1.AAAA", "secret"])(
    "does not open %j",
    async (text) => {
      const error = await vault.open(owner, text).catch((thrown: unknown) => thrown);
      expect(isMigrationError(error)).toBe(true);
      expect(String(error)).not.toContain("AAAA");
    },
  );

  it.each([0, 16, 31, 33])("refuses a key of %i bytes", (length) => {
    expect(() => createLocalVault(Buffer.alloc(length))).toThrow(/32 bytes/);
  });

  it("has nothing to forget", async () => {
    const sealed = await vault.seal(owner, "secret");
    await vault.forget(owner.batch);
    expect(await vault.open(owner, sealed)).toBe("secret");
  });
});

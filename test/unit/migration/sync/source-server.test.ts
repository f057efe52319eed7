import { beforeEach, describe, expect, it } from "vitest";
import { createLocalVault } from "../../../../shared/adapters/vault/local-vault.ts";
import type { SourceServer } from "../../../../shared/domain/credentials.ts";
import { endpointSchema } from "../../../../shared/domain/endpoint.ts";
import { MailboxState } from "../../../../shared/migration/mailbox/change.ts";
import type { BatchRecord, MailboxRecord } from "../../../../shared/migration/ports/registry.ts";
import type { SourceLogin, SourceMailbox } from "../../../../shared/migration/ports/source.ts";
import { openSource } from "../../../../shared/migration/sync/sessions.ts";
import { bindToServer } from "../../../../shared/migration/sync/source-server.ts";
import { storesOver } from "../../../stack/memory/memory-stores.ts";
import { MemoryTable } from "../../../stack/memory/memory-table.ts";
import { mailbox as sample } from "../sample-mailbox.ts";

const vault = createLocalVault(Buffer.alloc(32, 7));
const here = { host: "imap.contoso.com", port: 993 };
const elsewhere = { host: "imap.attacker.example", port: 993 };
const { mailboxes } = storesOver({
  batches: new MemoryTable(),
  mailboxes: new MemoryTable(),
  ledgers: new MemoryTable(),
  admissions: new MemoryTable(),
  domains: new MemoryTable(),
});
const logins: SourceLogin[] = [];

function partsOf(server: SourceServer) {
  return {
    vault,
    endpoints: { get: async () => endpointSchema.parse(server) },
    source: {
      open: async (login: SourceLogin) => {
        logins.push(login);
        return {} as SourceMailbox;
      },
    },
  };
}

function batchOf(confirmed?: SourceServer): BatchRecord {
  return { confirmedServer: confirmed && { ...confirmed, by: "operator", at: 1 } } as unknown as BatchRecord;
}

/** A mailbox whose password was sealed for a server, or before servers counted. */
async function stored(server: SourceServer | undefined): Promise<MailboxState> {
  const one = sample("Syncing");
  const sealedPassword = await vault.seal({ batch: one.batch, mailboxId: one.id, server }, "secret");
  await mailboxes.deleteSlot(one.batch, { slot: 0, of: 1 });
  await mailboxes.insertAll(one.batch, [{ ...one, sealedPassword, sealedFor: server }]);
  const found = await mailboxes.get(one.batch, one.id);
  if (found === undefined) throw new Error("it was not stored");
  return new MailboxState({ mailboxes, clock: () => 0 }, found, one.round);
}

const inStore = async ({ mailbox }: MailboxState): Promise<MailboxRecord | undefined> =>
  (await mailboxes.get(mailbox.batch, mailbox.id))?.value;

beforeEach(() => {
  logins.length = 0;
});

describe("a password", () => {
  it("is sent to the server it was uploaded for, and stays as it is", async () => {
    const state = await stored(here);
    const before = state.mailbox;
    await bindToServer(partsOf(here), batchOf(), state);
    expect(await inStore(state)).toEqual(before);
    await openSource(partsOf(here), state.mailbox);
    expect(logins).toMatchObject([{ password: "secret", endpoint: here }]);
  });

  it("is sent nowhere else until an operator confirms that", async () => {
    const changed = { kind: "mailbox", code: "EndpointHostChanged" };
    for (const server of [elsewhere, { ...here, port: 143 }]) {
      const state = await stored(here);
      await expect(bindToServer(partsOf(server), batchOf(), state)).rejects.toMatchObject(changed);
      await expect(bindToServer(partsOf(server), batchOf(here), state)).rejects.toMatchObject(changed);
      await expect(openSource(partsOf(server), state.mailbox)).rejects.toMatchObject(changed);
      expect(logins).toEqual([]);

      await bindToServer(partsOf(server), batchOf(server), state);
      await openSource(partsOf(server), state.mailbox);
      expect(logins.splice(0)).toMatchObject([{ password: "secret", endpoint: server }]);
      await expect(openSource(partsOf(here), state.mailbox)).rejects.toMatchObject(changed);
    }
  });

  it("is not sent elsewhere by whoever changes the row, too", async () => {
    const { mailbox } = await stored(here);
    await expect(openSource(partsOf(elsewhere), { ...mailbox, sealedFor: elsewhere })).rejects.toMatchObject({
      code: "CredentialUnreadable",
    });
    expect(logins).toEqual([]);
  });

  it("of an earlier version is bound to the server at its next step", async () => {
    const state = await stored(undefined);
    await bindToServer(partsOf(here), batchOf(), state);
    expect(await inStore(state)).toMatchObject({
      sealedFor: here,
      sealedPassword: expect.stringMatching(/^local2/),
    });
    await openSource(partsOf(here), state.mailbox);
    expect(logins).toMatchObject([{ password: "secret" }]);
  });

  it("may be sent to a provider by any of its names", async () => {
    const state = await stored({ host: "imap.gmail.com", port: 993 });
    await openSource(partsOf({ host: "IMAP.googlemail.com", port: 993 }), state.mailbox);
    expect(logins).toHaveLength(1);
  });
});

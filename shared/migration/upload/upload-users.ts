import { changeMailbox } from "../mailbox/change.ts";
import { mended, newMailbox } from "../mailbox/life.ts";
import type { MailboxRecord, MailboxStore, Versioned } from "../ports/registry.ts";
import type { SecretOwner, Vault } from "../ports/vault.ts";
import type { Clock } from "../runtime.ts";
import { loginOf, mailboxIdOf } from "./mailbox-of-row.ts";
import type { RowCounts } from "./upload-batch.ts";
import type { UploadName } from "./upload-name.ts";
import type { CheckedRow, UserRow } from "./user-row.ts";

/** Rows written together: as many as one storage transaction holds. */
const groupSize = 100;

export interface UploadUsers {
  /**
   * Adds new users to a batch and mends existing ones, a group at a time. May be repeated.
   * @param batchIsNew true if the batch can have no users yet, which saves looking for them.
   */
  add(name: UploadName, rows: AsyncIterable<CheckedRow>, batchIsNew: boolean): Promise<RowCounts>;
}

/** What an upload does to the mailboxes of its batch. Passwords are sealed before they reach any store. */
export function createUploadUsers(parts: {
  readonly mailboxes: MailboxStore;
  readonly vault: Vault;
  readonly clock: Clock;
}): UploadUsers {
  const { mailboxes, vault, clock } = parts;

  async function addNew(name: UploadName, users: readonly UserRow[]): Promise<void> {
    if (users.length === 0) return;
    const now = clock();
    const records = await Promise.all(
      users.map(async (user) => {
        const owner = ownerOf(name, user);
        const sealed = await vault.seal(owner, user.password);
        return newMailbox(owner.mailboxId, name, loginOf(user, sealed), now);
      }),
    );
    await mailboxes.insertAll(name.batch, records);
  }

  async function mend(name: UploadName, user: UserRow, found: Versioned<MailboxRecord>): Promise<void> {
    const owner = ownerOf(name, user);
    await changeMailbox(mailboxes, found, async (mailbox) => {
      const { sealedPassword } = mailbox;
      const known = await vault.matches(owner, sealedPassword, user.password);
      const sealed = known ? sealedPassword : await vault.seal(owner, user.password);
      return mended(mailbox, loginOf(user, sealed));
    });
  }

  async function addGroup(name: UploadName, users: readonly UserRow[], batchIsNew: boolean): Promise<void> {
    if (batchIsNew) return addNew(name, users);
    const found = await Promise.all(
      users.map(async (user) => ({
        user,
        stored: await mailboxes.get(name.batch, ownerOf(name, user).mailboxId),
      })),
    );
    await addNew(
      name,
      found.filter(({ stored }) => stored === undefined).map(({ user }) => user),
    );
    await Promise.all(found.map(({ user, stored }) => stored && mend(name, user, stored)));
  }

  return {
    async add(name, rows, batchIsNew) {
      const counts = { valid: 0, invalid: 0 };
      let group: UserRow[] = [];
      for await (const checked of rows) {
        if ("issues" in checked) {
          counts.invalid++;
          continue;
        }
        counts.valid++;
        group.push(checked.user);
        if (group.length < groupSize) continue;
        await addGroup(name, group, batchIsNew);
        group = [];
      }
      await addGroup(name, group, batchIsNew);
      return counts;
    },
  };
}

function ownerOf(name: UploadName, user: UserRow): SecretOwner {
  return { batch: name.batch, mailboxId: mailboxIdOf(name.batch, user.emailAddress) };
}

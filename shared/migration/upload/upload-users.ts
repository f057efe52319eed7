import { isSameServer, type SourceServer } from "../../domain/credentials.ts";
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

export interface UploadPlace {
  readonly name: UploadName;
  readonly server: SourceServer;
  readonly batchIsNew: boolean;
}

export interface UploadUsers {
  /**
   * Adds new users to a batch and mends existing ones, a group at a time. May be repeated.
   * @param place.server the only one that the passwords may be sent to from now on.
   * @param place.batchIsNew true if the batch can have no users yet, which saves looking for them.
   */
  add(place: UploadPlace, rows: AsyncIterable<CheckedRow>): Promise<RowCounts>;
}

/** What an upload does to the mailboxes of its batch. Passwords are sealed before they reach any store. */
export function createUploadUsers(parts: {
  readonly mailboxes: MailboxStore;
  readonly vault: Vault;
  readonly clock: Clock;
}): UploadUsers {
  const { mailboxes, vault, clock } = parts;

  async function addNew(place: UploadPlace, users: readonly UserRow[]): Promise<void> {
    if (users.length === 0) return;
    const now = clock();
    const { name, server } = place;
    const records = await Promise.all(
      users.map(async (user) => {
        const owner = ownerOf(place, user);
        const sealed = await vault.seal(owner, user.password);
        return newMailbox(owner.mailboxId, name, loginOf(user, sealed, server), now);
      }),
    );
    await mailboxes.insertAll(name.batch, records);
  }

  async function mend(place: UploadPlace, user: UserRow, found: Versioned<MailboxRecord>): Promise<void> {
    const owner = ownerOf(place, user);
    const { server } = place;
    await changeMailbox(mailboxes, found, async (mailbox) => {
      const { sealedPassword, sealedFor } = mailbox;
      const known =
        isSameServer(sealedFor, server) && (await vault.matches(owner, sealedPassword, user.password));
      const sealed = known ? sealedPassword : await vault.seal(owner, user.password);
      return mended(mailbox, loginOf(user, sealed, server));
    });
  }

  async function addGroup(place: UploadPlace, users: readonly UserRow[]): Promise<void> {
    if (place.batchIsNew) return addNew(place, users);
    const { batch } = place.name;
    const found = await Promise.all(
      users.map(async (user) => ({
        user,
        stored: await mailboxes.get(batch, ownerOf(place, user).mailboxId),
      })),
    );
    await addNew(
      place,
      found.filter(({ stored }) => stored === undefined).map(({ user }) => user),
    );
    await Promise.all(found.map(({ user, stored }) => stored && mend(place, user, stored)));
  }

  return {
    async add(place, rows) {
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
        await addGroup(place, group);
        group = [];
      }
      await addGroup(place, group);
      return counts;
    },
  };
}

function ownerOf({ name, server }: UploadPlace, user: UserRow): SecretOwner {
  return { batch: name.batch, mailboxId: mailboxIdOf(name.batch, user.emailAddress), server };
}

import { isSameServer, type SourceServer } from "../../domain/credentials.ts";
import { isMigrationError, type MigrationError } from "../../domain/errors.ts";
import { changeMailbox } from "../mailbox/change.ts";
import { mended, newMailbox } from "../mailbox/life.ts";
import type { MailboxRecord, MailboxStore, Versioned } from "../ports/registry.ts";
import type { SecretOwner, Vault } from "../ports/vault.ts";
import type { Clock } from "../runtime.ts";
import type { UploadIssue } from "./issues.ts";
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
   * Adds new users to a batch and mends existing ones, a group at a time. May be repeated. A row that the store refuses
   * for what is in it stops no other one.
   * @param place.server the only one that the passwords may be sent to from now on.
   * @param place.batchIsNew true if the batch can have no users yet, which saves looking for them.
   */
  add(place: UploadPlace, rows: AsyncIterable<CheckedRow>): Promise<AddedUsers>;
}

export interface AddedUsers extends RowCounts {
  /** Rows that the store refused, counted as invalid, by their line. */
  readonly refused: ReadonlyMap<number, UploadIssue>;
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
    await changeMailbox({ mailboxes, clock }, found, async (mailbox) => {
      const { sealedPassword, sealedFor } = mailbox;
      const known =
        isSameServer(sealedFor, server) && (await vault.matches(owner, sealedPassword, user.password));
      const sealed = known ? sealedPassword : await vault.seal(owner, user.password);
      return mended(mailbox, loginOf(user, sealed, server));
    });
  }

  /** @returns rows that the store refuses, each found by being written alone. */
  async function addEach(place: UploadPlace, users: readonly UserRow[]): Promise<readonly UploadIssue[]> {
    try {
      await addGroup(place, users);
      return [];
    } catch (error) {
      if (!isAboutRow(error)) throw error;
      const [only] = users;
      if (only && users.length === 1) return [refusedRow(only, error)];
    }
    const issues: UploadIssue[] = [];
    for (const user of users) issues.push(...(await addEach(place, [user])));
    return issues;
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
      const refused = new Map<number, UploadIssue>();
      const addAll = async (users: readonly UserRow[]) => {
        for (const issue of await addEach(place, users)) {
          refused.set(issue.line, issue);
          counts.valid--;
          counts.invalid++;
        }
      };
      let group: UserRow[] = [];
      for await (const checked of rows) {
        if ("issues" in checked) {
          counts.invalid++;
          continue;
        }
        counts.valid++;
        group.push(checked.user);
        if (group.length < groupSize) continue;
        await addAll(group);
        group = [];
      }
      await addAll(group);
      return { ...counts, refused };
    },
  };
}

/** What a store says about a record, and would say again however often it is asked. */
function isAboutRow(error: unknown): error is MigrationError {
  return isMigrationError(error) && ["StorageRequestRefused", "RecordTooLarge"].includes(error.code);
}

function refusedRow({ line, emailAddress }: UserRow, { code, message }: MigrationError): UploadIssue {
  return {
    line,
    emailAddress,
    code: "RowNotStored",
    message: `The row could not be stored (${code}: ${message}) Type its names anew, and upload it again.`,
  };
}

function ownerOf({ name, server }: UploadPlace, user: UserRow): SecretOwner {
  return { batch: name.batch, mailboxId: mailboxIdOf(name.batch, user.emailAddress), server };
}

import { beforeEach, expect, it } from "vitest";
import { MigrationError } from "../../../../shared/domain/errors.ts";
import type { FolderId, LedgerId, MailboxId } from "../../../../shared/domain/names.ts";
import type {
  FolderRecord,
  ItemRecord,
  Lease,
  LedgerChange,
  LedgerStore,
} from "../../../../shared/migration/ports/ledger-store.ts";
import { LeaseHolder } from "../../../../shared/migration/sync/lease-holder.ts";

let committed: string[][];
let fails: boolean;
let holder: LeaseHolder;

const folder = (name: string, pending = false) => ({ folderId: name as FolderId, pending }) as FolderRecord;
const named = ({ folderId, pending }: FolderRecord) => (pending ? `${folderId}, pending` : folderId);

beforeEach(async () => {
  committed = [];
  fails = false;
  const lease = { ledgerId: "ledger" as LedgerId, epoch: 1, until: 0, chains: {} } as unknown as Lease;
  const store = {
    acquireLease: async () => lease,
    commit: async (given: Lease, { folders = [], until = given.until }: LedgerChange) => {
      if (fails) throw new MigrationError("transient", "StorageUnavailable", "The storage is away.");
      committed.push(folders.map(named));
      return { ...given, until };
    },
  } as unknown as LedgerStore;
  holder = (await LeaseHolder.acquire(store, lease.ledgerId, "owner", () => 0)) as LeaseHolder;
});

it("commits what was deferred along with the next change of folders", async () => {
  await holder.defer(folder("a"));
  await holder.defer(folder("b"));
  expect(committed).toEqual([]);
  await holder.commit({ folders: [folder("c")] });
  await holder.commit({ folders: [folder("d")] });
  expect(committed).toEqual([["a", "b", "c"], ["d"]]);
});

it("keeps it back from a change with rows of messages, which may fill a transaction", async () => {
  await holder.defer(folder("a"));
  await holder.commitBeside({ folders: [folder("b")], items: [{} as ItemRecord] });
  await holder.renew();
  expect(committed).toEqual([["b"], ["a"]]);
});

it("drops it where the same folder is committed anew", async () => {
  await holder.defer(folder("a", true));
  await holder.commit({ folders: [folder("a")], items: [] });
  await holder.defer(folder("b", true));
  await holder.defer(folder("b"));
  await holder.settle();
  await holder.settle();
  expect(committed).toEqual([["a"], ["b"]]);
});

it("keeps it until a commit succeeds, and what is deferred meanwhile until the next one", async () => {
  await holder.defer(folder("a"));
  fails = true;
  await expect(holder.commit({ folders: [folder("b")] })).rejects.toMatchObject({
    code: "StorageUnavailable",
  });
  fails = false;
  const first = holder.commit({ folders: [folder("c")] });
  await Promise.resolve();
  await holder.defer(folder("a", true));
  await first;
  await holder.settle();
  expect(committed).toEqual([["a", "c"], ["a, pending"]]);
});

it("commits it with the end of a step that goes on", async () => {
  await holder.defer(folder("a"));
  await holder.commit({ chain: { mailboxId: "m" as MailboxId, position: { round: 1, step: 2 } }, until: 0 });
  expect(committed).toEqual([["a"]]);
});

it("commits it with the end of the lease, and by itself when many wait", async () => {
  await holder.defer(folder("a"));
  await holder.release();
  for (let n = 1; n <= 21; n++) await holder.defer(folder(`${n}`));
  expect(committed.map(({ length }) => length)).toEqual([1, 20]);
});

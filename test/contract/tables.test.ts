import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTableStores, type TableStores } from "../../shared/adapters/tables/table-stores.ts";
import { defaultBatchOptions } from "../../shared/domain/batch-options.ts";
import { isMigrationError } from "../../shared/domain/errors.ts";
import type {
  BatchName,
  EndpointName,
  FolderId,
  LedgerId,
  MailboxId,
  TargetItemId,
  Uid,
  UidValidity,
} from "../../shared/domain/names.ts";
import { formatUidSet, uidSetOf } from "../../shared/domain/uid-set.ts";
import type { Permit, WaitEntry } from "../../shared/migration/ports/admission-store.ts";
import type {
  FolderRecord,
  ItemRecord,
  Lease,
  SkippedItem,
} from "../../shared/migration/ports/ledger-store.ts";
import type { BatchRecord, MailboxRecord } from "../../shared/migration/ports/registry.ts";
import { type Azurite, startAzurite } from "../stack/azurite.ts";
import { type LossyProxy, startLossyProxy } from "./lossy-proxy.ts";

let azurite: Azurite;
let proxy: LossyProxy;
let stores: TableStores;
/** The same tables by way of the proxy that loses answers. */
let lossy: TableStores;

beforeAll(async () => {
  azurite = await startAzurite();
  const tablePort = Number(/TableEndpoint=http:\/\/127\.0\.0\.1:(\d+)/.exec(azurite.connectionString)?.[1]);
  proxy = await startLossyProxy(tablePort);
  stores = createTableStores({ connectionString: azurite.connectionString });
  lossy = createTableStores({
    connectionString: azurite.connectionString.replace(
      `TableEndpoint=http://127.0.0.1:${tablePort}`,
      `TableEndpoint=http://127.0.0.1:${proxy.port}`,
    ),
  });
  await stores.createTables();
  await stores.createTables();
});

afterAll(async () => {
  await proxy?.close();
  await azurite?.close();
});

const newId = () => randomBytes(16).toString("hex");
const newBatchName = () => `batch-${newId().slice(0, 8)}` as BatchName;
const newEndpointName = () => `endpoint-${newId().slice(0, 8)}` as EndpointName;
const newMailboxId = () => newId() as MailboxId;
const newLedgerId = () => newId() as LedgerId;
const inbox = "a1b2c3" as FolderId;
const uidValidity = "7" as UidValidity;

function batch(name: BatchName, changes: Partial<BatchRecord> = {}): BatchRecord {
  return {
    name,
    displayName: "Müller's batch",
    endpoint: "contoso" as EndpointName,
    intent: "created",
    options: { ...defaultBatchOptions, renameFolders: { "A/B": "C" } },
    createdAt: 1_763_000_000_123,
    invalidRowCount: 0,
    ...changes,
  };
}

function mailbox(name: BatchName, changes: Partial<MailboxRecord> = {}): MailboxRecord {
  return {
    id: newMailboxId(),
    batch: name,
    endpoint: "contoso" as EndpointName,
    emailAddress: "o'hara@contoso.com",
    userName: "CONTOSO/admin/ohara",
    sealedPassword: "v1.sealed",
    status: "Created",
    kind: "initial",
    round: 1,
    attempts: 0,
    totalItemCount: 0,
    syncedItemCount: 0,
    skippedItemCount: 0,
    bytesTransferred: 5_000_000_000,
    estimatedBytes: 0,
    createdAt: 1_763_000_000_123,
    ...changes,
  };
}

function folder(changes: Partial<FolderRecord> = {}): FolderRecord {
  return {
    folderId: inbox,
    path: "INBOX.Größe/\\#?",
    segments: ["INBOX", "Größe/\\#?"],
    specialUse: "inbox",
    state: "active",
    uidValidity,
    uidNext: 4_294_967_295,
    messages: 10,
    settled: uidSetOf([1, 2, 3, 7]),
    pending: true,
    openChunk: { token: "t1", mark: "", uids: uidSetOf([8, 9]) },
    inDoubt: [{ token: "t0", mark: "m", uids: uidSetOf([4]), lookAgainAfter: 5 }],
    totalItemCount: 10,
    syncedItemCount: 4,
    skippedItemCount: 0,
    bytesTransferred: 0,
    estimatedBytes: 0,
    ...changes,
  };
}

function item(uid: number, changes: Partial<ItemRecord> = {}): ItemRecord {
  return {
    folderId: inbox,
    uidValidity,
    uid: uid as Uid,
    targetId: `AAkALg${"x".repeat(140)}/+=${uid}` as TargetItemId,
    digest: "0123456789abcdefghijkl",
    internalDate: -2_208_988_800_000,
    size: 1234,
    flags: ["$Forwarded", "\\Seen"],
    ...changes,
  };
}

function skip(uid: number, folderId = inbox): SkippedItem {
  return {
    folderId,
    uidValidity,
    uid: uid as Uid,
    internalDate: 1,
    size: 200_000_000,
    code: "MessageTooLarge",
    message: "Larger than the target allows.",
  };
}

async function leased(ledgerId: LedgerId, owner = "worker-1", durationMs = 60_000): Promise<Lease> {
  const answer = await stores.ledgers.acquireLease(ledgerId, owner, durationMs);
  if ("heldUntil" in answer) throw new Error("the lease is held by another owner");
  return answer;
}

async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const row of rows) found.push(row);
  return found;
}

async function codeOf(failing: Promise<unknown>): Promise<string> {
  return failing.then(
    () => "nothing thrown",
    (error) => (isMigrationError(error) ? `${error.kind}/${error.code}` : String(error)),
  );
}

describe("BatchStore", () => {
  it("returns a batch as it was created", async () => {
    const written = batch(newBatchName(), { startedAt: 5 });
    expect(await stores.batches.create(written)).toBe(true);
    expect((await stores.batches.get(written.name))?.value).toEqual(written);
    expect(await stores.batches.list()).toContainEqual(written);
  });

  it("refuses to create a batch twice", async () => {
    const written = batch(newBatchName());
    await stores.batches.create(written);
    expect(await stores.batches.create({ ...written, intent: "running" })).toBe(false);
    expect((await stores.batches.get(written.name))?.value.intent).toBe("created");
  });

  it("replaces only the version that was read, and forgets fields that are left out", async () => {
    const name = newBatchName();
    await stores.batches.create(batch(name, { startedAt: 5 }));
    const read = await stores.batches.get(name);
    if (read === undefined) throw new Error("the batch is missing");
    const stopped = batch(name, { intent: "stopped" });
    expect(await stores.batches.replace({ ...read, value: stopped })).toBe(true);
    expect(await stores.batches.replace({ ...read, value: batch(name, { intent: "running" }) })).toBe(false);
    expect((await stores.batches.get(name))?.value).toEqual(stopped);
  });

  it("deletes repeatably, and knows nothing of what was never there", async () => {
    const name = newBatchName();
    await stores.batches.create(batch(name));
    const read = await stores.batches.get(name);
    if (read === undefined) throw new Error("the batch is missing");
    await stores.batches.delete(name);
    await stores.batches.delete(name);
    expect(await stores.batches.get(name)).toBeUndefined();
    expect(await stores.batches.replace(read)).toBe(false);
  });

  it("knows its own create and replace when their answers were lost", async () => {
    const name = newBatchName();
    const before = proxy.lost;
    proxy.loseAnswers("POST", 1);
    expect(await lossy.batches.create(batch(name))).toBe(true);
    const read = await lossy.batches.get(name);
    if (read === undefined) throw new Error("the batch is missing");
    proxy.loseAnswers("PUT", 1);
    expect(await lossy.batches.replace({ ...read, value: batch(name, { intent: "running" }) })).toBe(true);
    expect(proxy.lost - before).toBe(2);
  });
});

describe("MailboxStore", () => {
  it("inserts what is missing and leaves what exists, however often it is called", async () => {
    const name = newBatchName();
    const mailboxes = Array.from({ length: 250 }, () => mailbox(name));
    await stores.mailboxes.insertAll(name, mailboxes.slice(50, 60));
    const first = mailboxes[55] as MailboxRecord;
    const read = await stores.mailboxes.get(name, first.id);
    if (read === undefined) throw new Error("the mailbox is missing");
    const synced = { ...first, status: "Synced", error: { code: "X", message: "y", at: 3 } } as const;
    expect(await stores.mailboxes.replace({ ...read, value: synced })).toBe(true);

    await stores.mailboxes.insertAll(name, mailboxes);
    await stores.mailboxes.insertAll(name, mailboxes);

    const stored = (await all(stores.mailboxes.scan(name))).map(({ value }) => value);
    expect(stored).toHaveLength(250);
    expect(new Set(stored.map(({ id }) => id))).toEqual(new Set(mailboxes.map(({ id }) => id)));
    expect(stored.find(({ id }) => id === first.id)).toEqual(synced);
  });

  it("inserts once when the answer was lost", async () => {
    const name = newBatchName();
    const mailboxes = Array.from({ length: 3 }, () => mailbox(name));
    proxy.loseAnswers("POST", 1);
    await lossy.mailboxes.insertAll(name, mailboxes);
    expect(await all(stores.mailboxes.scan(name))).toHaveLength(3);
  });

  it("lets one of two concurrent replacements win", async () => {
    const name = newBatchName();
    const created = mailbox(name);
    await stores.mailboxes.insertAll(name, [created]);
    const read = await stores.mailboxes.get(name, created.id);
    if (read === undefined) throw new Error("the mailbox is missing");
    const won = await Promise.all(
      (["Queued", "Stopped"] as const).map((status) =>
        stores.mailboxes.replace({ ...read, value: { ...created, status } }),
      ),
    );
    expect(won.filter(Boolean)).toHaveLength(1);
  });

  it("lists in pages, by status, without gaps or repeats", async () => {
    const name = newBatchName();
    const mailboxes = Array.from({ length: 23 }, (_, n) =>
      mailbox(name, { status: n % 2 === 0 ? "Failed" : "Synced" }),
    );
    await stores.mailboxes.insertAll(name, mailboxes);
    const sizes: number[] = [];
    const ids: string[] = [];
    let continuation: string | undefined;
    do {
      const page = await stores.mailboxes.list(name, {
        status: "Failed",
        top: 5,
        ...(continuation === undefined ? {} : { continuation }),
      });
      sizes.push(page.items.length);
      ids.push(...page.items.map(({ value }) => value.id));
      continuation = page.continuation;
    } while (continuation !== undefined);
    expect(sizes).toEqual([5, 5, 2]);
    const failed = mailboxes.filter(({ status }) => status === "Failed").map(({ id }) => id);
    expect(ids).toEqual(failed.sort());
  });

  it("has no continuation after a page that is exactly full", async () => {
    const name = newBatchName();
    await stores.mailboxes.insertAll(
      name,
      Array.from({ length: 4 }, () => mailbox(name)),
    );
    const page = await stores.mailboxes.list(name, { top: 4 });
    expect(page.items).toHaveLength(4);
    expect(page.continuation).toBeUndefined();
  });

  it("removes the mailboxes of one batch only", async () => {
    const name = newBatchName();
    const other = newBatchName();
    await stores.mailboxes.insertAll(
      name,
      Array.from({ length: 205 }, () => mailbox(name)),
    );
    await stores.mailboxes.insertAll(other, [mailbox(other)]);
    proxy.loseAnswers("POST", 1);
    await lossy.mailboxes.deleteAll(name);
    await stores.mailboxes.deleteAll(name);
    expect(await all(stores.mailboxes.scan(name))).toEqual([]);
    expect(await all(stores.mailboxes.scan(other))).toHaveLength(1);
  });
});

describe("LedgerStore", () => {
  it("gives a free lease, keeps it from others until it ends, and counts owners", async () => {
    const ledgerId = newLedgerId();
    const first = await leased(ledgerId, "worker-1", 60_000);
    expect(first.epoch).toBe(1);
    expect(await stores.ledgers.acquireLease(ledgerId, "worker-2", 60_000)).toEqual({
      heldUntil: first.until,
    });

    const renewed = await leased(ledgerId, "worker-1", 120_000);
    expect(renewed.epoch).toBe(1);
    expect(renewed.until).toBeGreaterThan(first.until);

    await stores.ledgers.commit(renewed, { until: Date.now() - 1 });
    const second = await leased(ledgerId, "worker-2");
    expect(second).toMatchObject({ owner: "worker-2", epoch: 2 });
  });

  it("gives a lease that many want to one", async () => {
    const ledgerId = newLedgerId();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => stores.ledgers.acquireLease(ledgerId, `worker-${n}`, 60_000)),
    );
    expect(answers.filter((answer) => "epoch" in answer)).toHaveLength(1);
  });

  it("stores everything of a commit and gives it back unchanged", async () => {
    const ledgerId = newLedgerId();
    const mailboxId = newMailboxId();
    const lease = await leased(ledgerId);
    const plain = folder({
      folderId: "f2" as FolderId,
      specialUse: undefined,
      openChunk: undefined,
      inDoubt: [],
    });
    const tombstone = item(4_294_967_295, { targetId: undefined });
    const position = { round: 2, step: 3 };

    const next = await stores.ledgers.commit(lease, {
      folders: [folder(), plain],
      items: [item(10), item(9), tombstone],
      skipped: [skip(11)],
      chain: { mailboxId, position },
      until: lease.until + 1,
    });

    expect(next).toMatchObject({ owner: lease.owner, epoch: lease.epoch, until: lease.until + 1 });
    expect(next.chains).toEqual({ [mailboxId]: position });
    expect(await stores.ledgers.readChains(ledgerId)).toEqual({ [mailboxId]: position });
    expect(await stores.ledgers.listFolders(ledgerId)).toEqual([folder(), plain]);
    expect(await all(stores.ledgers.listItems(ledgerId, inbox, uidValidity))).toEqual([
      item(9),
      item(10),
      tombstone,
    ]);
    expect(await all(stores.ledgers.listSkipped(ledgerId))).toEqual([skip(11)]);

    const last = await stores.ledgers.commit(next, {
      removedItems: [item(9)],
      removedSkips: [skip(11)],
      removedFolders: [plain.folderId],
    });
    expect(last.chains).toEqual(next.chains);
    expect(await stores.ledgers.listFolders(ledgerId)).toEqual([folder()]);
    expect(await all(stores.ledgers.listItems(ledgerId, inbox, uidValidity))).toEqual([item(10), tombstone]);
    expect(await all(stores.ledgers.listSkipped(ledgerId))).toEqual([]);
  });

  it("commits 98 items and a folder with the lease, again and again", async () => {
    const ledgerId = newLedgerId();
    let lease = await leased(ledgerId);
    for (let start = 1; start < 294; start += 98) {
      const items = Array.from({ length: 98 }, (_, n) => item(start + n));
      lease = await stores.ledgers.commit(lease, { folders: [folder()], items });
    }
    const stored = await all(stores.ledgers.listItems(ledgerId, inbox, uidValidity));
    expect(stored.map(({ uid }) => uid)).toEqual(Array.from({ length: 294 }, (_, n) => n + 1));
  });

  it("holds UID sets and paths longer than a property can be", async () => {
    const ledgerId = newLedgerId();
    const scattered = uidSetOf(Array.from({ length: 30_000 }, (_, n) => 1 + n * 100_003));
    expect(formatUidSet(scattered).length).toBeGreaterThan(300_000);
    const odd = folder({ settled: scattered, path: "🙂".repeat(20_000) });
    await stores.ledgers.commit(await leased(ledgerId), { folders: [odd] });
    expect(await stores.ledgers.listFolders(ledgerId)).toEqual([odd]);

    const lease = await leased(ledgerId);
    await stores.ledgers.commit(lease, { folders: [folder()] });
    expect(await stores.ledgers.listFolders(ledgerId)).toEqual([folder()]);
  });

  it("lists the items of one folder, uidValidity and range only", async () => {
    const ledgerId = newLedgerId();
    const lease = await leased(ledgerId);
    const other = "a1b2c3d" as FolderId;
    await stores.ledgers.commit(lease, {
      items: [
        item(2),
        item(99),
        item(100),
        item(1_000),
        item(5, { uidValidity: "70" as UidValidity }),
        item(5, { folderId: other }),
      ],
      skipped: [skip(1), skip(2, other)],
    });
    const uidsOf = async (range?: readonly [number, number]) =>
      (await all(stores.ledgers.listItems(ledgerId, inbox, uidValidity, range))).map(({ uid }) => uid);
    expect(await uidsOf()).toEqual([2, 99, 100, 1_000]);
    expect(await uidsOf([99, 100])).toEqual([99, 100]);
    expect(await uidsOf([3, 98])).toEqual([]);
    expect(await all(stores.ledgers.listSkipped(ledgerId, other))).toEqual([skip(2, other)]);
    expect(await all(stores.ledgers.listSkipped(ledgerId))).toHaveLength(2);
  });

  it("streams more items than one answer holds", async () => {
    const ledgerId = newLedgerId();
    let lease = await leased(ledgerId);
    for (let start = 0; start < 1_100; start += 100)
      lease = await stores.ledgers.commit(lease, {
        items: Array.from({ length: 99 }, (_, n) => item(start + n + 1)),
      });
    expect(await all(stores.ledgers.listItems(ledgerId, inbox, uidValidity))).toHaveLength(1_089);
  });

  it("lets one of several concurrent commits win, and keeps nothing of the others", async () => {
    const ledgerId = newLedgerId();
    const lease = await leased(ledgerId);
    const outcomes = await Promise.all(
      [1, 2, 3, 4].map((uid) =>
        codeOf(stores.ledgers.commit(lease, { items: [item(uid), item(uid + 100)] })),
      ),
    );
    expect(outcomes.sort()).toEqual([
      "nothing thrown",
      "transient/LeaseLost",
      "transient/LeaseLost",
      "transient/LeaseLost",
    ]);
    expect(await all(stores.ledgers.listItems(ledgerId, inbox, uidValidity))).toHaveLength(2);
  });

  it("refuses a commit under a lease that another owner took over", async () => {
    const ledgerId = newLedgerId();
    const stale = await leased(ledgerId, "worker-1", -1);
    const current = await leased(ledgerId, "worker-2");
    expect(await codeOf(stores.ledgers.commit(stale, { folders: [folder()] }))).toBe("transient/LeaseLost");
    expect(await stores.ledgers.listFolders(ledgerId)).toEqual([]);
    await stores.ledgers.commit(current, { folders: [folder()] });
    expect(await stores.ledgers.listFolders(ledgerId)).toHaveLength(1);
  });

  it("applies nothing of a commit that the storage refuses", async () => {
    const ledgerId = newLedgerId();
    const lease = await leased(ledgerId);
    const doubled = stores.ledgers.commit(lease, { folders: [folder()], items: [item(1), item(2), item(2)] });
    expect(await codeOf(doubled)).toMatch(/^fatal\/StorageRequestRefused$/);
    expect(await stores.ledgers.listFolders(ledgerId)).toEqual([]);
    expect(await all(stores.ledgers.listItems(ledgerId, inbox, uidValidity))).toEqual([]);
    await stores.ledgers.commit(lease, { items: [item(1)] });
  });

  it("removes what is there even if some of it is gone already", async () => {
    const ledgerId = newLedgerId();
    const lease = await stores.ledgers.commit(await leased(ledgerId), { items: [item(1), item(2)] });
    await stores.ledgers.commit(lease, { removedItems: [item(1), item(3)], items: [item(4)] });
    const left = await all(stores.ledgers.listItems(ledgerId, inbox, uidValidity));
    expect(left.map(({ uid }) => uid)).toEqual([2, 4]);
  });

  it("knows its own lease and commit when their answers were lost", async () => {
    const ledgerId = newLedgerId();
    const before = proxy.lost;
    proxy.loseAnswers("POST", 1);
    const lease = await lossy.ledgers.acquireLease(ledgerId, "worker-1", 60_000);
    if ("heldUntil" in lease) throw new Error("our own lease was taken for another's");
    proxy.loseAnswers("PUT", 1);
    const renewed = await lossy.ledgers.acquireLease(ledgerId, "worker-1", 60_000);
    if ("heldUntil" in renewed) throw new Error("our own lease was taken for another's");
    proxy.loseAnswers("POST", 1);
    const next = await lossy.ledgers.commit(renewed, { items: [item(1)] });
    await lossy.ledgers.commit(next, { items: [item(2)] });
    expect(proxy.lost - before).toBe(3);
    expect(await all(stores.ledgers.listItems(ledgerId, inbox, uidValidity))).toHaveLength(2);
  });

  it("knows a commit whose every answer was lost", async () => {
    const ledgerId = newLedgerId();
    const lease = await leased(ledgerId);
    const before = proxy.lost;
    proxy.loseAnswers("POST", 4);
    const next = await lossy.ledgers.commit(lease, { items: [item(1)] });
    proxy.loseAnswers("POST", 0);
    expect(proxy.lost - before).toBe(4);
    await stores.ledgers.commit(next, { items: [item(2)] });
    expect(await all(stores.ledgers.listItems(ledgerId, inbox, uidValidity))).toHaveLength(2);
  });

  it("purges a ledger repeatably, takes the lease from its holder, and leaves others alone", async () => {
    const ledgerId = newLedgerId();
    const other = newLedgerId();
    await stores.ledgers.commit(await leased(other), { items: [item(1)] });
    let lease = await leased(ledgerId);
    for (const start of [0, 100])
      lease = await stores.ledgers.commit(lease, {
        items: Array.from({ length: 99 }, (_, n) => item(start + n + 1)),
      });
    await stores.ledgers.purge(ledgerId);
    await stores.ledgers.purge(ledgerId);
    expect(await all(stores.ledgers.listItems(ledgerId, inbox, uidValidity))).toEqual([]);
    expect(await codeOf(stores.ledgers.commit(lease, { items: [item(1)] }))).toBe("transient/LeaseLost");
    expect((await leased(ledgerId)).epoch).toBe(1);
    expect(await all(stores.ledgers.listItems(other, inbox, uidValidity))).toHaveLength(1);
  });

  it("knows nothing of a ledger that does not exist", async () => {
    const ledgerId = newLedgerId();
    expect(await stores.ledgers.readChains(ledgerId)).toEqual({});
    expect(await stores.ledgers.listFolders(ledgerId)).toEqual([]);
  });
});

describe("AdmissionStore", () => {
  const name = newBatchName();
  const permit = (changes: Partial<Permit> = {}): Permit => ({
    mailboxId: newMailboxId(),
    batch: name,
    kind: "initial",
    round: 1,
    until: 1_763_000_000_000,
    ...changes,
  });
  const wait = (since: number, changes: Partial<WaitEntry> = {}): WaitEntry => ({
    mailboxId: newMailboxId(),
    batch: name,
    kind: "initial",
    round: 1,
    since,
    ...changes,
  });

  it("starts empty and hands a permit over in one change", async () => {
    const endpoint = newEndpointName();
    const empty = await stores.admissions.read(endpoint, 10);
    expect(empty).toMatchObject({ permits: [], waiting: [] });

    const held = permit();
    expect(await stores.admissions.apply(endpoint, empty.version, { permits: [held] })).toBe(true);
    const first = wait(1);
    await stores.admissions.join(endpoint, first);

    const state = await stores.admissions.read(endpoint, 10);
    expect(state).toMatchObject({ permits: [held], waiting: [first] });
    const granted = permit({ mailboxId: first.mailboxId });
    const change = {
      releasedPermits: [held.mailboxId],
      permits: [granted],
      served: [first.mailboxId],
    };
    expect(await stores.admissions.apply(endpoint, state.version, change)).toBe(true);
    expect(await stores.admissions.read(endpoint, 10)).toMatchObject({ permits: [granted], waiting: [] });
    expect(await stores.admissions.find(endpoint, first.mailboxId)).toEqual({ permit: granted });
    expect(await stores.admissions.find(endpoint, held.mailboxId)).toEqual({});
  });

  it("reads the oldest of each kind", async () => {
    const endpoint = newEndpointName();
    const initial = [30, 9, 200].map((since) => wait(since));
    const incremental = [8, 7].map((since) => wait(since, { kind: "incremental" }));
    for (const entry of [...initial, ...incremental]) await stores.admissions.join(endpoint, entry);
    const { waiting } = await stores.admissions.read(endpoint, 2);
    expect(waiting.map(({ kind, since }) => [kind, since])).toEqual([
      ["initial", 9],
      ["initial", 30],
      ["incremental", 7],
      ["incremental", 8],
    ]);
    expect((await stores.admissions.read(endpoint, 0)).waiting).toEqual([]);
  });

  it("lets one of several concurrent changes win", async () => {
    const endpoint = newEndpointName();
    for (const round of ["empty", "used"]) {
      const { version } = await stores.admissions.read(endpoint, 1);
      const won = await Promise.all(
        Array.from({ length: 5 }, () => stores.admissions.apply(endpoint, version, { permits: [permit()] })),
      );
      expect(won.filter(Boolean), round).toHaveLength(1);
    }
    expect((await stores.admissions.read(endpoint, 1)).permits).toHaveLength(2);
  });

  it("keeps one entry a mailbox, whichever kind and time it joins with", async () => {
    const endpoint = newEndpointName();
    const entry = wait(5);
    await stores.admissions.join(endpoint, entry);
    await stores.admissions.join(endpoint, entry);
    const later = { ...entry, kind: "incremental", since: 9, round: 2 } as const;
    await stores.admissions.join(endpoint, later);
    expect((await stores.admissions.read(endpoint, 9)).waiting).toEqual([later]);
    expect(await stores.admissions.find(endpoint, entry.mailboxId)).toEqual({ wait: later });

    const { version } = await stores.admissions.read(endpoint, 9);
    const again = { ...entry, since: 10 };
    expect(await stores.admissions.apply(endpoint, version, { waiting: [again, wait(11)] })).toBe(true);
    expect((await stores.admissions.read(endpoint, 9)).waiting.map(({ since }) => since)).toEqual([10, 11]);
  });

  it("keeps one entry when a mailbox joins many times at once", async () => {
    const endpoint = newEndpointName();
    const entry = wait(1);
    await Promise.all(
      Array.from({ length: 6 }, (_, n) => stores.admissions.join(endpoint, { ...entry, since: n + 1 })),
    );
    expect((await stores.admissions.read(endpoint, 9)).waiting).toHaveLength(1);
  });

  it("serves and releases what is not there any more", async () => {
    const endpoint = newEndpointName();
    const { version } = await stores.admissions.read(endpoint, 1);
    const change = { served: [newMailboxId()], releasedPermits: [newMailboxId()] };
    expect(await stores.admissions.apply(endpoint, version, change)).toBe(true);
  });

  it("gives a mailbox a new permit or place in the change that takes its old one", async () => {
    const endpoint = newEndpointName();
    const held = permit();
    const { mailboxId } = held;
    await stores.admissions.apply(endpoint, "", { permits: [held] });
    await stores.admissions.join(endpoint, wait(1, { mailboxId }));
    const { version } = await stores.admissions.read(endpoint, 1);
    const renewed = { ...held, round: 2 };
    const again = wait(2, { mailboxId, kind: "incremental" });
    const change = {
      permits: [renewed],
      releasedPermits: [mailboxId],
      served: [mailboxId],
      waiting: [again],
    };
    expect(await stores.admissions.apply(endpoint, version, change)).toBe(true);
    expect(await stores.admissions.find(endpoint, mailboxId)).toEqual({ permit: renewed, wait: again });
    expect((await stores.admissions.read(endpoint, 5)).waiting).toEqual([again]);
  });

  it("grants 49 waiting mailboxes at once", async () => {
    const endpoint = newEndpointName();
    const entries = Array.from({ length: 49 }, (_, n) => wait(n));
    for (const entry of entries) await stores.admissions.join(endpoint, entry);
    const { version } = await stores.admissions.read(endpoint, 50);
    const ids = entries.map(({ mailboxId }) => mailboxId);
    const permits = ids.map((mailboxId) => permit({ mailboxId }));
    expect(await stores.admissions.apply(endpoint, version, { permits, served: ids })).toBe(true);
    const state = await stores.admissions.read(endpoint, 50);
    expect(state.permits).toHaveLength(49);
    expect(state.waiting).toEqual([]);
    for (const mailboxId of ids.slice(0, 2)) await stores.admissions.join(endpoint, wait(1, { mailboxId }));
    expect((await stores.admissions.read(endpoint, 50)).waiting).toHaveLength(2);
  });

  it("extends a permit that exists, and says when there is none", async () => {
    const endpoint = newEndpointName();
    const held = permit();
    await stores.admissions.apply(endpoint, "", { permits: [held] });
    const { version } = await stores.admissions.read(endpoint, 1);
    expect(await stores.admissions.extend(endpoint, held.mailboxId, 1_763_000_600_000)).toBe(true);
    expect(await stores.admissions.extend(endpoint, newMailboxId(), 1)).toBe(false);
    expect(await stores.admissions.find(endpoint, held.mailboxId)).toEqual({
      permit: { ...held, until: 1_763_000_600_000 },
    });
    expect(await stores.admissions.apply(endpoint, version, { releasedPermits: [held.mailboxId] })).toBe(
      true,
    );
  });

  it("knows its own change when the answer was lost", async () => {
    const endpoint = newEndpointName();
    const before = proxy.lost;
    proxy.loseAnswers("POST", 1);
    expect(await lossy.admissions.apply(endpoint, "", { permits: [permit()] })).toBe(true);
    const entry = wait(1);
    proxy.loseAnswers("POST", 1);
    await lossy.admissions.join(endpoint, entry);
    proxy.loseAnswers("POST", 1);
    await lossy.admissions.join(endpoint, { ...entry, since: 2 });
    expect(proxy.lost - before).toBe(3);
    expect((await stores.admissions.read(endpoint, 5)).waiting).toHaveLength(1);
  });

  it("names the endpoints in use", async () => {
    const used = newEndpointName();
    const waiting = newEndpointName();
    const emptied = newEndpointName();
    const held = permit();
    await stores.admissions.apply(used, "", { permits: [permit()] });
    await stores.admissions.join(waiting, wait(1));
    await stores.admissions.apply(emptied, "", { permits: [held] });
    const { version } = await stores.admissions.read(emptied, 1);
    await stores.admissions.apply(emptied, version, { releasedPermits: [held.mailboxId] });
    const endpoints = await stores.admissions.endpoints();
    expect(endpoints).toEqual(expect.arrayContaining([used, waiting]));
    expect(endpoints).not.toContain(emptied);
  });
});

describe("errors", () => {
  async function failure(connectionString: string): Promise<unknown> {
    return createTableStores({ connectionString })
      .mailboxes.insertAll("b" as BatchName, [mailbox("b" as BatchName, { sealedPassword: "v1.canary" })])
      .catch((error: unknown) => error);
  }

  it("says which role is missing, without the request that was refused", async () => {
    const wrongKey = azurite.connectionString.replace(/AccountKey=[^;]+/, `AccountKey=${"A".repeat(86)}==`);
    const error = await failure(wrongKey);
    expect(error).toMatchObject({ kind: "fatal", code: "StorageAccessDenied" });
    expect(String(error)).toContain("Storage Table Data Contributor");
    expect(inspect(error, { depth: 20, showHidden: true })).not.toMatch(/canary|SharedKey|contoso/);
  });

  it("is transient where nothing answers", async () => {
    const nobody = azurite.connectionString.replace(
      /TableEndpoint=[^;]+/,
      "TableEndpoint=http://127.0.0.1:9/devstoreaccount1",
    );
    expect(await failure(nobody)).toMatchObject({ kind: "transient", code: "StorageUnreachable" });
  });

  it("names a missing table as what it is", async () => {
    const account = await startAzurite();
    try {
      const empty = createTableStores({ connectionString: account.connectionString });
      expect(await codeOf(empty.batches.get("b" as BatchName))).toBe("fatal/StorageNotPrepared");
      expect(await codeOf(empty.batches.list())).toBe("fatal/StorageNotPrepared");
      expect(await codeOf(empty.ledgers.acquireLease(newLedgerId(), "worker-1", 1))).toBe(
        "fatal/StorageNotPrepared",
      );
    } finally {
      await account.close();
    }
  });
});

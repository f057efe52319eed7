import { describe, expect, it } from "vitest";
import type { TableStores } from "../../../shared/adapters/tables/table-stores.ts";
import type { FolderId, LedgerId, UidValidity } from "../../../shared/domain/names.ts";
import { formatUidSet, uidSetOf } from "../../../shared/domain/uid-set.ts";
import type { Lease } from "../../../shared/migration/ports/ledger-store.ts";
import type { MailboxRecord } from "../../../shared/migration/ports/registry.ts";
import {
  all,
  batch,
  codeOf,
  folder,
  inbox,
  item,
  mailbox,
  newBatchName,
  newEndpointName,
  newId,
  newLedgerId,
  newMailboxId,
  permit,
  skip,
  uidValidity,
  wait,
} from "./samples.ts";

/**
 * What every implementation of the table stores keeps to.
 * @param open the stores; called when a test runs.
 */
export function tableStoresContract(open: () => TableStores): void {
  async function leased(ledgerId: LedgerId, owner = "worker-1", durationMs = 60_000): Promise<Lease> {
    const answer = await open().ledgers.acquireLease(ledgerId, owner, durationMs);
    if ("heldUntil" in answer) throw new Error("the lease is held by another owner");
    return answer;
  }

  describe("DomainStore", () => {
    it("keeps a domain, replaces the version that was read, and forgets it", async () => {
      const domain = `xn--mller-kva-${newId()}.example`;
      const { domains } = open();
      expect(await domains.get(domain)).toBeUndefined();
      expect(await domains.create({ domain })).toBe(true);
      expect(await domains.create({ domain, movedAt: 1 })).toBe(false);
      const read = await domains.get(domain);
      if (read === undefined) throw new Error("the domain is missing");
      const value = {
        domain,
        hosts: [{ host: "mx.example", preference: 10, ttl: 3_600 }],
        authoritative: true,
        answeredAt: 2,
        checkedAt: 3,
        movedAt: 4,
        oldRouteUntil: 5,
        confirmed: { by: "operator", at: 6, hosts: "mx.example" },
      };
      expect(await domains.replace({ ...read, value })).toBe(true);
      expect(await domains.replace({ ...read, value: { domain } })).toBe(false);
      expect((await domains.list()).map((stored) => stored.value)).toContainEqual(value);
      await domains.delete(domain);
      await domains.delete(domain);
      expect(await domains.get(domain)).toBeUndefined();
    });
  });

  describe("BatchStore", () => {
    it("returns a batch as it was created", async () => {
      const written = batch(newBatchName(), { startedAt: 5 });
      expect(await open().batches.create(written)).toBe(true);
      expect((await open().batches.get(written.name))?.value).toEqual(written);
      expect(await open().batches.list()).toContainEqual(written);
    });

    it("refuses to create a batch twice", async () => {
      const written = batch(newBatchName());
      await open().batches.create(written);
      expect(await open().batches.create({ ...written, intent: "running" })).toBe(false);
      expect((await open().batches.get(written.name))?.value.intent).toBe("created");
    });

    it("replaces only the version that was read, and forgets fields that are left out", async () => {
      const name = newBatchName();
      await open().batches.create(batch(name, { startedAt: 5 }));
      const read = await open().batches.get(name);
      if (read === undefined) throw new Error("the batch is missing");
      const stopped = batch(name, { intent: "stopped" });
      expect(await open().batches.replace({ ...read, value: stopped })).toBe(true);
      expect(await open().batches.replace({ ...read, value: batch(name, { intent: "running" }) })).toBe(
        false,
      );
      expect((await open().batches.get(name))?.value).toEqual(stopped);
    });

    it("deletes repeatably, and knows nothing of what was never there", async () => {
      const name = newBatchName();
      await open().batches.create(batch(name));
      const read = await open().batches.get(name);
      if (read === undefined) throw new Error("the batch is missing");
      await open().batches.delete(name);
      await open().batches.delete(name);
      expect(await open().batches.get(name)).toBeUndefined();
      expect(await open().batches.replace(read)).toBe(false);
    });
  });

  describe("MailboxStore", () => {
    it("inserts what is missing and leaves what exists, however often it is called", async () => {
      const name = newBatchName();
      const mailboxes = Array.from({ length: 250 }, () => mailbox(name));
      await open().mailboxes.insertAll(name, mailboxes.slice(50, 60));
      const first = mailboxes[55] as MailboxRecord;
      const read = await open().mailboxes.get(name, first.id);
      if (read === undefined) throw new Error("the mailbox is missing");
      const synced = { ...first, status: "Synced", error: { code: "X", message: "y", at: 3 } } as const;
      expect(await open().mailboxes.replace({ ...read, value: synced })).toBe(true);

      await open().mailboxes.insertAll(name, mailboxes);
      await open().mailboxes.insertAll(name, mailboxes);

      const stored = (await all(open().mailboxes.scan(name))).map(({ value }) => value);
      expect(stored).toHaveLength(250);
      expect(new Set(stored.map(({ id }) => id))).toEqual(new Set(mailboxes.map(({ id }) => id)));
      expect(stored.find(({ id }) => id === first.id)).toEqual(synced);
    });

    it("lets one of two concurrent replacements win", async () => {
      const name = newBatchName();
      const created = mailbox(name);
      await open().mailboxes.insertAll(name, [created]);
      const read = await open().mailboxes.get(name, created.id);
      if (read === undefined) throw new Error("the mailbox is missing");
      const won = await Promise.all(
        (["Queued", "Stopped"] as const).map((status) =>
          open().mailboxes.replace({ ...read, value: { ...created, status } }),
        ),
      );
      expect(won.filter(Boolean)).toHaveLength(1);
    });

    it("lists in pages, by status, without gaps or repeats", async () => {
      const name = newBatchName();
      const mailboxes = Array.from({ length: 23 }, (_, n) =>
        mailbox(name, { status: n % 2 === 0 ? "Failed" : "Synced" }),
      );
      await open().mailboxes.insertAll(name, mailboxes);
      const sizes: number[] = [];
      const ids: string[] = [];
      let continuation: string | undefined;
      do {
        const page = await open().mailboxes.list(name, {
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
      await open().mailboxes.insertAll(
        name,
        Array.from({ length: 4 }, () => mailbox(name)),
      );
      const page = await open().mailboxes.list(name, { top: 4 });
      expect(page.items).toHaveLength(4);
      expect(page.continuation).toBeUndefined();
    });

    it("removes the mailboxes of one batch only", async () => {
      const name = newBatchName();
      const other = newBatchName();
      await open().mailboxes.insertAll(
        name,
        Array.from({ length: 205 }, () => mailbox(name)),
      );
      await open().mailboxes.insertAll(other, [mailbox(other)]);
      await open().mailboxes.deleteAll(name);
      await open().mailboxes.deleteAll(name);
      expect(await all(open().mailboxes.scan(name))).toEqual([]);
      expect(await all(open().mailboxes.scan(other))).toHaveLength(1);
    });
  });

  describe("LedgerStore", () => {
    it("gives a free lease, keeps it from others until it ends, and counts owners", async () => {
      const ledgerId = newLedgerId();
      const first = await leased(ledgerId, "worker-1", 60_000);
      expect(first.epoch).toBe(1);
      expect(await open().ledgers.acquireLease(ledgerId, "worker-2", 60_000)).toEqual({
        heldUntil: first.until,
      });

      const renewed = await leased(ledgerId, "worker-1", 120_000);
      expect(renewed.epoch).toBe(1);
      expect(renewed.until).toBeGreaterThan(first.until);

      await open().ledgers.commit(renewed, { until: Date.now() - 1 });
      const second = await leased(ledgerId, "worker-2");
      expect(second).toMatchObject({ owner: "worker-2", epoch: 2 });
    });

    it("gives a lease that many want to one", async () => {
      const ledgerId = newLedgerId();
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, n) => open().ledgers.acquireLease(ledgerId, `worker-${n}`, 60_000)),
      );
      expect(answers.filter((answer) => "epoch" in answer)).toHaveLength(1);
    });

    it("stores everything of a commit and gives it back unchanged", async () => {
      const ledgerId = newLedgerId();
      const mailboxId = newMailboxId();
      const lease = await leased(ledgerId);
      const plain = folder({
        folderId: "f2" as FolderId,
        source: { path: "f2", segments: ["f2"] },
        place: undefined,
        doubt: { recovered: [] },
        setAside: [],
      });
      const tombstone = item(4_294_967_295, { targetId: undefined });
      const position = { round: 2, step: 3 };

      const next = await open().ledgers.commit(lease, {
        folders: [folder(), plain],
        items: [item(10), item(9), tombstone],
        skipped: [skip(11)],
        chain: { mailboxId, position },
        until: lease.until + 1,
      });

      expect(next).toMatchObject({ owner: lease.owner, epoch: lease.epoch, until: lease.until + 1 });
      expect(next.chains).toEqual({ [mailboxId]: position });
      expect(await open().ledgers.readChains(ledgerId)).toEqual({ [mailboxId]: position });
      expect(await open().ledgers.listFolders(ledgerId)).toEqual([folder(), plain]);
      expect(await all(open().ledgers.listItems(ledgerId, inbox, uidValidity))).toEqual([
        item(9),
        item(10),
        tombstone,
      ]);
      expect(await all(open().ledgers.listSkipped(ledgerId))).toEqual([skip(11)]);

      const last = await open().ledgers.commit(next, {
        removedItems: [item(9)],
        removedSkips: [skip(11)],
        removedFolders: [plain.folderId],
      });
      expect(last.chains).toEqual(next.chains);
      expect(await open().ledgers.listFolders(ledgerId)).toEqual([folder()]);
      expect(await all(open().ledgers.listItems(ledgerId, inbox, uidValidity))).toEqual([
        item(10),
        tombstone,
      ]);
      expect(await all(open().ledgers.listSkipped(ledgerId))).toEqual([]);
    });

    it("commits 98 items and a folder with the lease, again and again", async () => {
      const ledgerId = newLedgerId();
      let lease = await leased(ledgerId);
      for (let start = 1; start < 294; start += 98) {
        const items = Array.from({ length: 98 }, (_, n) => item(start + n));
        lease = await open().ledgers.commit(lease, { folders: [folder()], items });
      }
      const stored = await all(open().ledgers.listItems(ledgerId, inbox, uidValidity));
      expect(stored.map(({ uid }) => uid)).toEqual(Array.from({ length: 294 }, (_, n) => n + 1));
    });

    it("holds UID sets and paths longer than a property can be", async () => {
      const ledgerId = newLedgerId();
      const scattered = uidSetOf(Array.from({ length: 30_000 }, (_, n) => 1 + n * 100_003));
      expect(formatUidSet(scattered).length).toBeGreaterThan(300_000);
      const plain = folder();
      const odd = folder({
        source: { ...plain.source, path: "🙂".repeat(20_000) },
        checkpoint: { ...plain.checkpoint, settled: scattered },
      });
      await open().ledgers.commit(await leased(ledgerId), { folders: [odd] });
      expect(await open().ledgers.listFolders(ledgerId)).toEqual([odd]);

      const lease = await leased(ledgerId);
      await open().ledgers.commit(lease, { folders: [folder()] });
      expect(await open().ledgers.listFolders(ledgerId)).toEqual([folder()]);
    });

    it("lists the items of one folder, uidValidity and range only", async () => {
      const ledgerId = newLedgerId();
      const lease = await leased(ledgerId);
      const other = "a1b2c3d" as FolderId;
      await open().ledgers.commit(lease, {
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
        (await all(open().ledgers.listItems(ledgerId, inbox, uidValidity, range))).map(({ uid }) => uid);
      expect(await uidsOf()).toEqual([2, 99, 100, 1_000]);
      expect(await uidsOf([99, 100])).toEqual([99, 100]);
      expect(await uidsOf([3, 98])).toEqual([]);
      expect(await all(open().ledgers.listSkipped(ledgerId, other))).toEqual([skip(2, other)]);
      expect(await all(open().ledgers.listSkipped(ledgerId))).toHaveLength(2);
    });

    it("streams more items than one answer holds", async () => {
      const ledgerId = newLedgerId();
      let lease = await leased(ledgerId);
      for (let start = 0; start < 1_100; start += 100)
        lease = await open().ledgers.commit(lease, {
          items: Array.from({ length: 99 }, (_, n) => item(start + n + 1)),
        });
      expect(await all(open().ledgers.listItems(ledgerId, inbox, uidValidity))).toHaveLength(1_089);
    });

    it("lets one of several concurrent commits win, and keeps nothing of the others", async () => {
      const ledgerId = newLedgerId();
      const lease = await leased(ledgerId);
      const outcomes = await Promise.all(
        [1, 2, 3, 4].map((uid) =>
          codeOf(open().ledgers.commit(lease, { items: [item(uid), item(uid + 100)] })),
        ),
      );
      expect(outcomes.sort()).toEqual([
        "nothing thrown",
        "transient/LeaseLost",
        "transient/LeaseLost",
        "transient/LeaseLost",
      ]);
      expect(await all(open().ledgers.listItems(ledgerId, inbox, uidValidity))).toHaveLength(2);
    });

    it("refuses a commit under a lease that another owner took over", async () => {
      const ledgerId = newLedgerId();
      const stale = await leased(ledgerId, "worker-1", -1);
      const current = await leased(ledgerId, "worker-2");
      expect(await codeOf(open().ledgers.commit(stale, { folders: [folder()] }))).toBe("transient/LeaseLost");
      expect(await open().ledgers.listFolders(ledgerId)).toEqual([]);
      await open().ledgers.commit(current, { folders: [folder()] });
      expect(await open().ledgers.listFolders(ledgerId)).toHaveLength(1);
    });

    it("applies nothing of a commit that the storage refuses", async () => {
      const ledgerId = newLedgerId();
      const lease = await leased(ledgerId);
      const doubled = open().ledgers.commit(lease, {
        folders: [folder()],
        items: [item(1), item(2), item(2)],
      });
      expect(await codeOf(doubled)).toMatch(/^fatal\/StorageRequestRefused$/);
      expect(await open().ledgers.listFolders(ledgerId)).toEqual([]);
      expect(await all(open().ledgers.listItems(ledgerId, inbox, uidValidity))).toEqual([]);
      await open().ledgers.commit(lease, { items: [item(1)] });
    });

    it("removes what is there even if some of it is gone already", async () => {
      const ledgerId = newLedgerId();
      const lease = await open().ledgers.commit(await leased(ledgerId), { items: [item(1), item(2)] });
      await open().ledgers.commit(lease, { removedItems: [item(1), item(3)], items: [item(4)] });
      const left = await all(open().ledgers.listItems(ledgerId, inbox, uidValidity));
      expect(left.map(({ uid }) => uid)).toEqual([2, 4]);
    });

    it("purges a ledger repeatably, takes the lease from its holder, and leaves others alone", async () => {
      const ledgerId = newLedgerId();
      const other = newLedgerId();
      await open().ledgers.commit(await leased(other), { items: [item(1)] });
      let lease = await leased(ledgerId);
      for (const start of [0, 100])
        lease = await open().ledgers.commit(lease, {
          items: Array.from({ length: 99 }, (_, n) => item(start + n + 1)),
        });
      await open().ledgers.purge(ledgerId);
      await open().ledgers.purge(ledgerId);
      expect(await all(open().ledgers.listItems(ledgerId, inbox, uidValidity))).toEqual([]);
      expect(await codeOf(open().ledgers.commit(lease, { items: [item(1)] }))).toBe("transient/LeaseLost");
      expect((await leased(ledgerId)).epoch).toBe(1);
      expect(await all(open().ledgers.listItems(other, inbox, uidValidity))).toHaveLength(1);
    });

    it("knows nothing of a ledger that does not exist", async () => {
      const ledgerId = newLedgerId();
      expect(await open().ledgers.readChains(ledgerId)).toEqual({});
      expect(await open().ledgers.listFolders(ledgerId)).toEqual([]);
    });
  });

  describe("AdmissionStore", () => {
    it("starts empty and hands a permit over in one change", async () => {
      const endpoint = newEndpointName();
      const empty = await open().admissions.read(endpoint, 10);
      expect(empty).toMatchObject({ permits: [], waiting: [] });

      const held = permit();
      expect(await open().admissions.apply(endpoint, empty.version, { permits: [held] })).toBe(true);
      const first = wait(1);
      await open().admissions.join(endpoint, first);

      const state = await open().admissions.read(endpoint, 10);
      expect(state).toMatchObject({ permits: [held], waiting: [first] });
      const granted = permit({ mailboxId: first.mailboxId });
      const change = {
        releasedPermits: [held.mailboxId],
        permits: [granted],
        served: [first.mailboxId],
      };
      expect(await open().admissions.apply(endpoint, state.version, change)).toBe(true);
      expect(await open().admissions.read(endpoint, 10)).toMatchObject({ permits: [granted], waiting: [] });
      expect(await open().admissions.find(endpoint, first.mailboxId)).toEqual({ permit: granted });
      expect(await open().admissions.find(endpoint, held.mailboxId)).toEqual({});
    });

    it("reads the oldest of each kind", async () => {
      const endpoint = newEndpointName();
      const initial = [30, 9, 200].map((since) => wait(since));
      const incremental = [8, 7].map((since) => wait(since, { kind: "incremental" }));
      for (const entry of [...initial, ...incremental]) await open().admissions.join(endpoint, entry);
      const { waiting } = await open().admissions.read(endpoint, 2);
      expect(waiting.map(({ kind, since }) => [kind, since])).toEqual([
        ["initial", 9],
        ["initial", 30],
        ["incremental", 7],
        ["incremental", 8],
      ]);
      expect((await open().admissions.read(endpoint, 0)).waiting).toEqual([]);
    });

    it("lets one of several concurrent changes win", async () => {
      const endpoint = newEndpointName();
      for (const round of ["empty", "used"]) {
        const { version } = await open().admissions.read(endpoint, 1);
        const won = await Promise.all(
          Array.from({ length: 5 }, () =>
            open().admissions.apply(endpoint, version, { permits: [permit()] }),
          ),
        );
        expect(won.filter(Boolean), round).toHaveLength(1);
      }
      expect((await open().admissions.read(endpoint, 1)).permits).toHaveLength(2);
    });

    it("keeps one entry a mailbox, whichever kind and time it joins with", async () => {
      const endpoint = newEndpointName();
      const entry = wait(5);
      await open().admissions.join(endpoint, entry);
      await open().admissions.join(endpoint, entry);
      const later = { ...entry, kind: "incremental", since: 9, round: 2 } as const;
      await open().admissions.join(endpoint, later);
      expect((await open().admissions.read(endpoint, 9)).waiting).toEqual([later]);
      expect(await open().admissions.find(endpoint, entry.mailboxId)).toEqual({ wait: later });

      const { version } = await open().admissions.read(endpoint, 9);
      const again = { ...entry, since: 10 };
      expect(await open().admissions.apply(endpoint, version, { waiting: [again, wait(11)] })).toBe(true);
      expect((await open().admissions.read(endpoint, 9)).waiting.map(({ since }) => since)).toEqual([10, 11]);
    });

    it("keeps one entry when a mailbox joins many times at once", async () => {
      const endpoint = newEndpointName();
      const entry = wait(1);
      await Promise.all(
        Array.from({ length: 6 }, (_, n) => open().admissions.join(endpoint, { ...entry, since: n + 1 })),
      );
      expect((await open().admissions.read(endpoint, 9)).waiting).toHaveLength(1);
    });

    it("serves and releases what is not there any more", async () => {
      const endpoint = newEndpointName();
      const { version } = await open().admissions.read(endpoint, 1);
      const change = { served: [newMailboxId()], releasedPermits: [newMailboxId()] };
      expect(await open().admissions.apply(endpoint, version, change)).toBe(true);
    });

    it("gives a mailbox a new permit or place in the change that takes its old one", async () => {
      const endpoint = newEndpointName();
      const held = permit();
      const { mailboxId } = held;
      await open().admissions.apply(endpoint, "", { permits: [held] });
      await open().admissions.join(endpoint, wait(1, { mailboxId }));
      const { version } = await open().admissions.read(endpoint, 1);
      const renewed = { ...held, round: 2 };
      const again = wait(2, { mailboxId, kind: "incremental" });
      const change = {
        permits: [renewed],
        releasedPermits: [mailboxId],
        served: [mailboxId],
        waiting: [again],
      };
      expect(await open().admissions.apply(endpoint, version, change)).toBe(true);
      expect(await open().admissions.find(endpoint, mailboxId)).toEqual({ permit: renewed, wait: again });
      expect((await open().admissions.read(endpoint, 5)).waiting).toEqual([again]);
    });

    it("grants 49 waiting mailboxes at once", async () => {
      const endpoint = newEndpointName();
      const entries = Array.from({ length: 49 }, (_, n) => wait(n));
      for (const entry of entries) await open().admissions.join(endpoint, entry);
      const { version } = await open().admissions.read(endpoint, 50);
      const ids = entries.map(({ mailboxId }) => mailboxId);
      const permits = ids.map((mailboxId) => permit({ mailboxId }));
      expect(await open().admissions.apply(endpoint, version, { permits, served: ids })).toBe(true);
      const state = await open().admissions.read(endpoint, 50);
      expect(state.permits).toHaveLength(49);
      expect(state.waiting).toEqual([]);
      for (const mailboxId of ids.slice(0, 2)) await open().admissions.join(endpoint, wait(1, { mailboxId }));
      expect((await open().admissions.read(endpoint, 50)).waiting).toHaveLength(2);
    });

    it("extends a permit that exists, and says when there is none", async () => {
      const endpoint = newEndpointName();
      const held = permit();
      await open().admissions.apply(endpoint, "", { permits: [held] });
      const { version } = await open().admissions.read(endpoint, 1);
      expect(await open().admissions.extend(endpoint, held.mailboxId, 1_763_000_600_000)).toBe(true);
      expect(await open().admissions.extend(endpoint, newMailboxId(), 1)).toBe(false);
      expect(await open().admissions.find(endpoint, held.mailboxId)).toEqual({
        permit: { ...held, until: 1_763_000_600_000 },
      });
      expect(await open().admissions.apply(endpoint, version, { releasedPermits: [held.mailboxId] })).toBe(
        true,
      );
    });

    it("names the endpoints in use", async () => {
      const used = newEndpointName();
      const waiting = newEndpointName();
      const emptied = newEndpointName();
      const held = permit();
      await open().admissions.apply(used, "", { permits: [permit()] });
      await open().admissions.join(waiting, wait(1));
      await open().admissions.apply(emptied, "", { permits: [held] });
      const { version } = await open().admissions.read(emptied, 1);
      await open().admissions.apply(emptied, version, { releasedPermits: [held.mailboxId] });
      const endpoints = await open().admissions.endpoints();
      expect(endpoints).toEqual(expect.arrayContaining([used, waiting]));
      expect(endpoints).not.toContain(emptied);
    });
  });
}

import { describe, expect, it } from "vitest";
import type { TableStores } from "../../../shared/adapters/tables/table-stores.ts";
import type { EndpointName, FolderId, LedgerId, UidValidity } from "../../../shared/domain/names.ts";
import type { SyncKind } from "../../../shared/domain/states.ts";
import { formatUidSet, uidSetOf } from "../../../shared/domain/uid-set.ts";
import type { Gate } from "../../../shared/migration/ports/admission-store.ts";
import type { Lease } from "../../../shared/migration/ports/ledger-store.ts";
import { type MailboxRecord, slotCount, type Versioned } from "../../../shared/migration/ports/registry.ts";
import {
  admitted,
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
  operation,
  permit,
  skip,
  state,
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

  describe("SourceDebtStore", () => {
    it("keeps the debt of an endpoint, beside its permits, and replaces the version that was read", async () => {
      const endpoint = newEndpointName();
      const { sourceDebts, admissions } = open();
      const value = { bytes: 1_234.5, messages: 0.25, asOf: 7 };
      expect(await sourceDebts.get(endpoint)).toBeUndefined();
      expect(await sourceDebts.replace(endpoint, { value, version: "" })).toBe(true);
      expect(await sourceDebts.replace(endpoint, { value, version: "" })).toBe(false);
      const read = await sourceDebts.get(endpoint);
      if (read === undefined) throw new Error("the debt is missing");
      expect(read.value).toEqual(value);
      expect(await sourceDebts.replace(endpoint, { ...read, value: { ...value, asOf: 8 } })).toBe(true);
      expect(await sourceDebts.replace(endpoint, read)).toBe(false);
      expect((await sourceDebts.get(endpoint))?.value).toEqual({ ...value, asOf: 8 });
      expect(await admissions.gate(endpoint)).toMatchObject({ shares: {}, uncounted: false });
      expect(await admissions.permits(endpoint)).toEqual([]);
    });
  });

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

    it("writes operations with the batch, or neither, and forgets them with it", async () => {
      const name = newBatchName();
      await open().batches.create(batch(name));
      const read = await open().batches.get(name);
      if (read === undefined) throw new Error("the batch is missing");
      const one = operation(name, 8, { selection: { status: "Failed" }, total: 5 });
      expect(await open().batches.replace(read, [one])).toBe(true);
      expect(await open().batches.replace(read, [operation(name, 9)])).toBe(false);
      expect(await open().batches.operation(name, 8)).toEqual(one);
      expect(await open().batches.operations(name)).toEqual([one]);

      const first = { slot: 3, after: "", passed: 0, changed: 0, done: false, at: 1 };
      expect(await open().batches.advance(name, 8, { value: first, version: "" })).toBe(true);
      expect(await open().batches.advance(name, 8, { value: first, version: "" })).toBe(false);
      const [cursor] = await open().batches.cursors(name, 8);
      expect(cursor?.value).toEqual(first);
      const next = { ...first, after: "f", passed: 4, changed: 2, done: true };
      const version = cursor?.version ?? "";
      expect(await open().batches.advance(name, 8, { value: next, version })).toBe(true);
      expect(await open().batches.advance(name, 8, { value: first, version })).toBe(false);
      expect((await open().batches.cursors(name, 8)).map(({ value }) => value)).toEqual([next]);
      expect(await open().batches.list()).toContainEqual(batch(name));

      await open().batches.delete(name);
      expect(await open().batches.operations(name)).toEqual([]);
      expect(await open().batches.cursors(name, 8)).toEqual([]);
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
      const version = await open().mailboxes.replace({ ...read, value: synced });
      expect((await open().mailboxes.get(name, first.id))?.version).toBe(version);

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

    it("replaces a hundred at once, all or none", async () => {
      const name = newBatchName();
      const mailboxes = Array.from({ length: 100 }, () => mailbox(name));
      await open().mailboxes.insertAll(name, mailboxes);
      const read = await all(open().mailboxes.scan(name));
      const queued = read.map(({ value, version }) => ({
        value: { ...value, status: "Queued" as const },
        version,
      }));
      expect(await open().mailboxes.replaceAll(queued)).toBe(true);
      // One of them is another version by now.
      const again = await all(open().mailboxes.scan(name));
      await open().mailboxes.replace(again[50] as Versioned<MailboxRecord>);
      const stopped = again.map(({ value, version }) => ({
        value: { ...value, status: "Stopped" as const },
        version,
      }));
      expect(await open().mailboxes.replaceAll(stopped)).toBe(false);
      const statuses = (await all(open().mailboxes.scan(name))).map(({ value }) => value.status);
      expect(new Set(statuses)).toEqual(new Set(["Queued"]));
      expect(await open().mailboxes.replaceAll([])).toBe(true);
    });

    it("reads pages of each slot without gaps or repeats", async () => {
      const name = newBatchName();
      const mailboxes = Array.from({ length: 60 }, () => mailbox(name));
      await open().mailboxes.insertAll(name, mailboxes);
      for (const of of [1, slotCount]) {
        const ids: string[] = [];
        for (let slot = 0; slot < of; slot++)
          for (let after = ""; ; ) {
            const page = await open().mailboxes.page(name, { slot, of }, after, 2);
            ids.push(...page.map(({ value }) => value.id));
            after = page.at(-1)?.value.id ?? after;
            if (page.length < 2) break;
          }
        expect(ids).toEqual(mailboxes.map(({ id }) => id).sort());
      }
    });

    it("summarizes mailboxes without their secrets, all of them or those changed since", async () => {
      const name = newBatchName();
      const error = { code: "X", message: "y", at: 3 };
      const mailboxes = Array.from({ length: 20 }, () => mailbox(name, { userRoot: "/root", error }));
      await open().mailboxes.insertAll(name, mailboxes);
      const of = { slot: 0, of: 1 };
      const summaries = await open().mailboxes.summaries(name, of);
      const [first] = mailboxes.sort((a, b) => (a.id < b.id ? -1 : 1));
      const { sealedPassword: _, ...known } = first as MailboxRecord;
      expect(summaries).toHaveLength(20);
      expect(summaries[0]).toEqual({ ...known, changedAt: expect.any(Number) });
      const changedAt = Math.max(...summaries.map((mailbox) => mailbox.changedAt));
      expect(await open().mailboxes.summaries(name, of, changedAt + 60_000)).toEqual([]);
      expect(await open().mailboxes.summaries(name, of, changedAt - 60_000)).toHaveLength(20);
      expect(await open().mailboxes.changes(name, of, changedAt + 60_000)).toEqual([]);
      const changes = summaries.map((mailbox) => ({ id: mailbox.id, changedAt: mailbox.changedAt }));
      expect(await open().mailboxes.changes(name, of, changedAt - 60_000)).toEqual(changes);
      const inSlots = await Promise.all(
        Array.from({ length: slotCount }, (_, slot) =>
          open().mailboxes.summaries(name, { slot, of: slotCount }),
        ),
      );
      expect(inSlots.flat().map(({ id }) => id)).toEqual(mailboxes.map(({ id }) => id));
    });

    it("removes the mailboxes of one batch only", async () => {
      const name = newBatchName();
      const other = newBatchName();
      await open().mailboxes.insertAll(
        name,
        Array.from({ length: 205 }, () => mailbox(name)),
      );
      await open().mailboxes.insertAll(other, [mailbox(other)]);
      await open().mailboxes.deleteSlot(name, { slot: 0, of: 1 });
      await open().mailboxes.deleteSlot(name, { slot: 0, of: 1 });
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
      expect(await all(open().ledgers.listSkipped(ledgerId))).toEqual([
        { ...skip(11), at: expect.closeTo(Date.now(), -6) },
      ]);

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

    it("commits hundreds of items and a folder with the lease, again and again", async () => {
      const ledgerId = newLedgerId();
      let lease = await leased(ledgerId);
      for (let start = 1; start < 1_500; start += 500) {
        const items = Array.from({ length: 500 }, (_, n) => item(start + n));
        lease = await open().ledgers.commit(lease, { folders: [folder()], items });
      }
      const stored = await all(open().ledgers.listItems(ledgerId, inbox, uidValidity));
      expect(stored).toEqual(Array.from({ length: 1_500 }, (_, n) => item(n + 1)));
    });

    it("changes, removes and adds items among their neighbours", async () => {
      const ledgerId = newLedgerId();
      const uids = [1, 127, 128, 200, 255, 256, 900];
      const first = await open().ledgers.commit(await leased(ledgerId), {
        items: uids.map((uid) => item(uid)),
      });
      const changed = item(200, { flags: ["\\Flagged"] });
      const large = item(255, {
        flags: Array.from({ length: 100 }, (_, n) => `keyword-of-some-length-${n}`),
      });
      const second = await open().ledgers.commit(first, {
        items: [changed, large, item(130)],
        removedItems: [item(1), item(127), item(900)],
      });
      const stored = () => all(open().ledgers.listItems(ledgerId, inbox, uidValidity));
      expect(await stored()).toEqual([item(128), item(130), changed, large, item(256)]);
      const small = item(255, { flags: [] });
      const third = await open().ledgers.commit(second, {
        items: [small, item(1)],
        removedItems: [item(130)],
      });
      expect(await stored()).toEqual([item(1), item(128), changed, small, item(256)]);
      await open().ledgers.commit(third, { removedItems: [small, item(128), item(200), item(7)] });
      expect(await stored()).toEqual([item(1), item(256)]);
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
      expect(await all(open().ledgers.listSkipped(ledgerId, other))).toEqual([
        { ...skip(2, other), at: expect.any(Number) },
      ]);
      expect(await all(open().ledgers.listSkipped(ledgerId))).toHaveLength(2);
    });

    it("streams more items than one answer holds", async () => {
      const ledgerId = newLedgerId();
      let lease = await leased(ledgerId);
      // Far from each other, each in a row of its own.
      for (let start = 0; start < 1_100; start += 100)
        lease = await open().ledgers.commit(lease, {
          items: Array.from({ length: 99 }, (_, n) => item((start + n + 1) * 5_000)),
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
        folders: [folder(), folder()],
        items: [item(1), item(2)],
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
    const shares = { [admitted]: { initial: 1, incremental: 0, servedAt: 5 } } as Gate["shares"];
    const first = (endpoint: EndpointName, limit = 10, from = 0, kind: SyncKind = "initial") =>
      open().admissions.waiting(endpoint, kind, admitted, from, limit);

    it("starts empty and hands a permit over in one change", async () => {
      const endpoint = newEndpointName();
      const empty = await open().admissions.gate(endpoint);
      expect(empty).toEqual({ shares: {}, uncounted: false, version: "" });
      const held = permit();
      expect(await open().admissions.apply(endpoint, "", { shares, permits: [held] })).toBe(true);
      const entry = wait(1);
      await open().admissions.join(endpoint, [entry]);

      const gate = await open().admissions.gate(endpoint);
      expect(gate).toMatchObject({ shares, uncounted: false });
      expect(await open().admissions.permits(endpoint)).toEqual([held]);
      expect(await first(endpoint)).toEqual([entry]);
      const granted = permit({ mailboxId: entry.mailboxId });
      const change = { shares, releasedPermits: [held.mailboxId], permits: [granted], served: [entry] };
      expect(await open().admissions.apply(endpoint, gate.version, change)).toBe(true);
      expect(await open().admissions.permits(endpoint)).toEqual([granted]);
      expect(await open().admissions.permit(endpoint, entry.mailboxId)).toEqual(granted);
      expect(await open().admissions.permit(endpoint, held.mailboxId)).toBeUndefined();
      expect(await first(endpoint)).toEqual([]);
      // What is gone cannot be served again, whatever the gate says.
      const { version } = await open().admissions.gate(endpoint);
      expect(await open().admissions.apply(endpoint, version, { shares, served: [entry] })).toBe(false);
    });

    it("reads the oldest of a batch and a kind, and nothing from before an operation", async () => {
      const endpoint = newEndpointName();
      const initial = [30, 9, 200].map((since) => wait(since));
      const incremental = [8, 7].map((since) => wait(since, { kind: "incremental" }));
      const later = wait(1, { operation: 2 });
      const other = wait(1, { batch: newBatchName() });
      await open().admissions.join(endpoint, [later, other, ...initial, ...incremental]);
      await open().admissions.join(endpoint, initial);
      expect((await first(endpoint)).map(({ since }) => since)).toEqual([9, 30, 200, 1]);
      expect((await first(endpoint, 2)).map(({ since }) => since)).toEqual([9, 30]);
      expect((await first(endpoint, 10, 0, "incremental")).map(({ since }) => since)).toEqual([7, 8]);
      expect(await first(endpoint, 10, 2)).toEqual([later]);
      expect(await first(endpoint, 0)).toEqual([]);

      expect(await open().admissions.forget(endpoint, admitted, 2, 3)).toBe(3);
      expect(await open().admissions.forget(endpoint, admitted, 2, 1_000)).toBe(2);
      expect(await open().admissions.forget(endpoint, admitted, 2, 1_000)).toBe(0);
      expect(await first(endpoint)).toEqual([later]);
      expect(await open().admissions.waiting(endpoint, "initial", other.batch, 0, 5)).toEqual([other]);
      expect([...(await open().admissions.listed(endpoint))].sort()).toEqual([admitted, other.batch].sort());
    });

    it("lets one of several concurrent changes win", async () => {
      const endpoint = newEndpointName();
      for (const round of ["empty", "used"]) {
        const { version } = await open().admissions.gate(endpoint);
        const won = await Promise.all(
          Array.from({ length: 5 }, () =>
            open().admissions.apply(endpoint, version, { shares, permits: [permit()] }),
          ),
        );
        expect(won.filter(Boolean), round).toHaveLength(1);
      }
      expect(await open().admissions.permits(endpoint)).toHaveLength(2);
    });

    it.each([[[]], [[permit()]]])("applies nothing that was decided before a fence", async (permits) => {
      const endpoint = newEndpointName();
      if (permits.length > 0) await open().admissions.apply(endpoint, "", { shares, permits });
      const { version } = await open().admissions.gate(endpoint);
      await open().admissions.fence(endpoint);
      expect(await open().admissions.apply(endpoint, version, { shares, permits: [permit()] })).toBe(false);
      const after = await open().admissions.gate(endpoint);
      expect(after).toMatchObject({ shares: permits.length > 0 ? shares : {}, uncounted: false });
      expect(await open().admissions.permits(endpoint)).toEqual(permits);
      expect(await open().admissions.apply(endpoint, after.version, { shares, permits })).toBe(true);
    });

    it("gives a mailbox a new permit in the change that takes its old one", async () => {
      const endpoint = newEndpointName();
      const held = permit();
      await open().admissions.apply(endpoint, "", { shares, permits: [held] });
      const { version } = await open().admissions.gate(endpoint);
      const renewed = { ...held, round: 2 };
      const change = { shares, permits: [renewed], releasedPermits: [held.mailboxId] };
      expect(await open().admissions.apply(endpoint, version, change)).toBe(true);
      expect(await open().admissions.permits(endpoint)).toEqual([renewed]);
    });

    it("adds no permit to a mailbox that has one, nor anything else of that change", async () => {
      const endpoint = newEndpointName();
      const held = permit();
      await open().admissions.apply(endpoint, "", { shares, newPermits: [held] });
      const gate = await open().admissions.gate(endpoint);
      const change = { shares: {}, newPermits: [permit(), { ...held, round: 2 }] };
      expect(await open().admissions.apply(endpoint, gate.version, change)).toBe(false);
      expect(await open().admissions.gate(endpoint)).toEqual(gate);
      expect(await open().admissions.permits(endpoint)).toEqual([held]);
    });

    it("joins 250 and grants 49 of them at once", async () => {
      const endpoint = newEndpointName();
      await open().admissions.join(
        endpoint,
        Array.from({ length: 250 }, (_, n) => wait(n)),
      );
      const served = await first(endpoint, 49);
      const permits = served.map(({ mailboxId }) => permit({ mailboxId }));
      expect(await open().admissions.apply(endpoint, "", { shares, permits, served })).toBe(true);
      expect(await open().admissions.permits(endpoint)).toHaveLength(49);
      expect(await first(endpoint, 999)).toHaveLength(201);
    });

    it("extends a permit that exists, and says when there is none", async () => {
      const endpoint = newEndpointName();
      const held = permit();
      await open().admissions.apply(endpoint, "", { shares, permits: [held] });
      const { version } = await open().admissions.gate(endpoint);
      expect(await open().admissions.extend(endpoint, held.mailboxId, 1_763_000_600_000)).toBe(true);
      expect(await open().admissions.extend(endpoint, newMailboxId(), 1)).toBe(false);
      const extended = { ...held, until: 1_763_000_600_000 };
      expect(await open().admissions.permit(endpoint, held.mailboxId)).toEqual(extended);
      const change = { shares, releasedPermits: [held.mailboxId] };
      expect(await open().admissions.apply(endpoint, version, change)).toBe(true);
    });

    it("names the endpoints in use", async () => {
      const used = newEndpointName();
      const waiting = newEndpointName();
      const emptied = newEndpointName();
      const held = permit();
      await open().admissions.apply(used, "", { shares, permits: [permit()] });
      await open().admissions.join(waiting, [wait(1)]);
      await open().admissions.apply(emptied, "", { shares, permits: [held] });
      const { version } = await open().admissions.gate(emptied);
      await open().admissions.apply(emptied, version, { shares: {}, releasedPermits: [held.mailboxId] });
      const endpoints = await open().admissions.endpoints();
      expect(endpoints).toEqual(expect.arrayContaining([used, waiting]));
      expect(endpoints).not.toContain(emptied);
    });
  });

  describe("BatchStateStore", () => {
    it("keeps the last figures of a batch, unless somebody else was faster", async () => {
      const name = newBatchName();
      expect(await open().states.get(name)).toBeUndefined();
      const figures = state(name);
      expect(await open().states.replace({ value: figures, version: "" })).toBe(true);
      expect(await open().states.replace({ value: figures, version: "" })).toBe(false);
      const read = await open().states.get(name);
      expect(read?.value).toEqual(figures);
      const next = { ...figures, asOf: 9, snapshot: { version: "v", at: 8 } };
      expect(await open().states.replace({ value: next, version: read?.version ?? "" })).toBe(true);
      expect(await open().states.replace({ value: figures, version: read?.version ?? "" })).toBe(false);
      expect(await open().states.list()).toContainEqual(next);
      await open().states.delete(name);
      await open().states.delete(name);
      expect(await open().states.get(name)).toBeUndefined();
    });
  });
}

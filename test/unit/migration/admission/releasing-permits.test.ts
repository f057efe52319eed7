import { expect, it } from "vitest";
import type { BatchName, MailboxId } from "../../../../shared/domain/names.ts";
import { endpoint, entryOf, sampleEndpoint } from "./sample-endpoint.ts";

const spring = "spring" as BatchName;
const autumn = "autumn" as BatchName;
const ids = (digit: string, count: number) =>
  Array.from({ length: count }, (_, n) => `${digit}${n.toString(16).padStart(31, "0")}` as MailboxId);

it("keeps the permit of a mailbox that was started again, when its earlier worker gives back its own late", async () => {
  const { admission, stores, add } = await sampleEndpoint(2);
  const [id] = ids("a", 1) as [MailboxId];
  await add(spring, [id]);
  await admission.admit(endpoint);
  const stored = await stores.mailboxes.get(spring, id);
  if (stored === undefined) throw new Error("it was not stored");
  const again = { ...stored.value, round: stored.value.round + 1 };
  await stores.mailboxes.replace({ ...stored, value: again });
  await admission.join(endpoint, [entryOf(again, 1)]);
  await admission.admit(endpoint);

  await admission.release(endpoint, id, stored.value.round);
  expect(await admission.permit(endpoint, id)).toMatchObject({ round: again.round });
  expect(await admission.permitsOf(endpoint, spring)).toBe(1);
  await admission.release(endpoint, id, again.round);
  expect(await admission.permit(endpoint, id)).toBeUndefined();
  expect(await admission.permitsOf(endpoint, spring)).toBe(0);
});

it("admits nothing of a batch that was stopped, and what it left on the list holds up nobody", async () => {
  const { admission, stores, tables, add } = await sampleEndpoint(2);
  await add(spring, ids("a", 500));
  await add(autumn, ids("b", 3));
  const stored = await stores.batches.get(spring);
  if (stored === undefined) throw new Error("it was not stored");
  await stores.batches.replace({ ...stored, value: { ...stored.value, intent: "stopped", admitsFrom: 1 } });

  const reads = { count: 0 };
  const get = tables.mailboxes.get.bind(tables.mailboxes);
  tables.mailboxes.get = (...key) => {
    reads.count++;
    return get(...key);
  };
  await admission.admit(endpoint);
  const permits = await stores.admissions.permits(endpoint);
  expect(permits.map(({ batch }) => batch)).toEqual([autumn, autumn]);
  expect(reads.count).toBeLessThan(5);
  for (const { mailboxId, round } of permits) await admission.release(endpoint, mailboxId, round);
  expect((await stores.admissions.permits(endpoint)).map(({ batch }) => batch)).toEqual([autumn]);
});

it.each([
  ["an endpoint that gave permits before", true],
  ["an endpoint that never gave one", false],
])("gives no permit once a stop was written, though it was decided before: %s", async (_, wasUsed) => {
  const { admission, stores, tables, add } = await sampleEndpoint(4);
  if (wasUsed) {
    await add(autumn, ids("b", 1));
    await admission.admit(endpoint);
  }
  const before = (await stores.admissions.permits(endpoint)).length;
  await add(spring, ids("a", 20));
  const write = tables.admissions.write.bind(tables.admissions);
  let stopped = false;
  tables.admissions.write = async (...given) => {
    if (!stopped) {
      stopped = true;
      const stored = await stores.batches.get(spring);
      if (stored === undefined) throw new Error("it was not stored");
      await stores.batches.replace({ ...stored, value: { ...stored.value, intent: "stopped" } });
      await admission.fence(endpoint);
    }
    return write(...given);
  };
  await admission.admit(endpoint);
  expect(stopped).toBe(true);
  expect(await stores.admissions.permits(endpoint)).toHaveLength(before);
});

it("passes over mailboxes of a running batch that wait no longer, a transaction for many of them", async () => {
  const { admission, stores, tables, add } = await sampleEndpoint(1);
  await add(spring, ids("a", 120), { status: "Stopped" });
  await add(autumn, ids("b", 1));
  let writes = 0;
  const write = tables.admissions.write.bind(tables.admissions);
  tables.admissions.write = (...given) => {
    writes++;
    return write(...given);
  };
  await admission.admit(endpoint);
  expect((await stores.admissions.permits(endpoint)).map(({ batch }) => batch)).toEqual([autumn]);
  await admission.release(endpoint, ids("b", 1)[0] as MailboxId, 99);
  expect(await stores.admissions.waiting(endpoint, "initial", spring, 0, 999)).toEqual([]);
  expect(writes).toBeLessThan(8);
});

it("gives two batches at one endpoint the same part of it, though one is much longer", async () => {
  const { admission, stores, queue, add } = await sampleEndpoint(4);
  await add(spring, ids("a", 300));
  await admission.admit(endpoint);
  await add(autumn, ids("b", 30));
  const held = [...(await stores.admissions.permits(endpoint))];
  const served: BatchName[] = [];
  for (let round = 0; round < 60; round++) {
    const oldest = held.shift();
    if (oldest === undefined) throw new Error("nobody has a permit");
    await admission.release(endpoint, oldest.mailboxId, oldest.round);
    const known = new Set(held.map(({ mailboxId }) => mailboxId));
    for (const permit of await stores.admissions.permits(endpoint))
      if (!known.has(permit.mailboxId)) {
        held.push(permit);
        served.push(permit.batch);
      }
  }
  // The first two that end give way, from then on both have two.
  expect(served.slice(0, 2)).toEqual([autumn, autumn]);
  expect(served.slice(2, 50).filter((batch) => batch === autumn)).toHaveLength(24);
  expect(queue.folderSync.counts().active).toBe(64);
});

it("takes the permits of one process back together, and hands them on in the same transaction", async () => {
  const { admission, stores, tables, queue, add } = await sampleEndpoint(20);
  await add(spring, ids("a", 60));
  await admission.admit(endpoint);
  const held = await stores.admissions.permits(endpoint);
  expect(held).toHaveLength(20);
  tables.admissions.requests = 0;
  await Promise.all(held.map(({ mailboxId, round }) => admission.release(endpoint, mailboxId, round)));
  const next = await stores.admissions.permits(endpoint);
  expect(next).toHaveLength(20);
  expect(next.filter(({ mailboxId }) => held.some((one) => one.mailboxId === mailboxId))).toEqual([]);
  expect(await admission.permitsOf(endpoint, spring)).toBe(20);
  expect(queue.folderSync.counts().active).toBe(40);
  // A permit is looked up for each that ends and each that begins; gate, list and transaction count once.
  expect(tables.admissions.requests).toBeLessThan(50);
});

it.each([
  ["the one whose turn it is, alone", 5, 1, 5],
  ["all of them where nobody waits there", 0, 2, 3 + 1 + 10 + 9],
])("asks of ten batches that wait %s", async (_, waiting, next, requests) => {
  const { admission, stores, tables, time, add } = await sampleEndpoint(1);
  const names = Array.from({ length: 10 }, (_, n) => `batch-${n}` as BatchName);
  for (const [n, name] of names.entries()) await add(name, ids(`${n}`, n === 1 ? waiting : 5));
  time.now = 1;
  await admission.admit(endpoint);
  const [held] = await stores.admissions.permits(endpoint);
  if (held === undefined) throw new Error("nobody was let in");
  expect(held.batch).toBe(names[0]);
  for (const table of Object.values(tables)) table.requests = 0;
  await admission.release(endpoint, held.mailboxId, held.round);
  // Gate, permit and transaction; then a list of each batch that is asked, and whoever is the first on it.
  expect(tables.admissions.requests + tables.mailboxes.requests).toBe(requests);
  expect((await stores.admissions.permits(endpoint)).map(({ batch }) => batch)).toEqual([names[next]]);
});

it.each([
  [10, 1],
  [20, 9],
  [100, 1],
  [100, 9],
])("leaves none of %i permits unused beside %i batches in which nobody waits", async (limit, idle) => {
  const { admission, stores, time, add } = await sampleEndpoint(limit);
  for (let n = 0; n < idle; n++) await add(`idle-${n}` as BatchName, []);
  await add(spring, ids("a", 500));
  time.now++;
  await admission.admit(endpoint);
  expect(await stores.admissions.permits(endpoint)).toHaveLength(limit);
  for (let n = 0; n < 30; n++) {
    time.now++;
    const [first] = await stores.admissions.permits(endpoint);
    if (first) await admission.release(endpoint, first.mailboxId, first.round);
    expect(await stores.admissions.permits(endpoint)).toHaveLength(limit);
  }
});

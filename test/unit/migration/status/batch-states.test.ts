import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { BatchName, EndpointName, MailboxId } from "../../../../shared/domain/names.ts";
import { newBatch } from "../../../../shared/migration/batch/life.ts";
import { createEndpoints } from "../../../../shared/migration/endpoints/endpoint-settings.ts";
import type { MailboxStore } from "../../../../shared/migration/ports/registry.ts";
import { hour, minute } from "../../../../shared/migration/runtime.ts";
import { createBatchStates } from "../../../../shared/migration/status/batch-states.ts";
import { MemoryBlobs } from "../../../stack/memory/memory-blobs.ts";
import { storesOver } from "../../../stack/memory/memory-stores.ts";
import { MemoryTable } from "../../../stack/memory/memory-table.ts";
import { mailbox } from "../sample-mailbox.ts";

const name = "spring" as BatchName;
const endpoint = "old" as EndpointName;
const size = 1_200;
const ids = Array.from(
  { length: size },
  (_, n) => (Math.imul(n + 1, 2654435761) >>> 0).toString(16).padStart(8, "0").padEnd(32, "0") as MailboxId,
);

// The table's clock is the system's.
beforeEach(() => vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 5, 1) }));
afterEach(() => vi.useRealTimers());

/** A batch whose figures are kept by changes. @param hides a mailbox whose changes nobody is told of. */
async function kept(hides?: MailboxId) {
  const tables = {
    batches: new MemoryTable(),
    mailboxes: new MemoryTable(),
    ledgers: new MemoryTable(),
    admissions: new MemoryTable(),
    domains: new MemoryTable(),
  };
  const stores = storesOver(tables);
  const events: unknown[] = [];
  const read = { summaries: 0 };
  const told = <Row extends { readonly id: MailboxId }>(rows: readonly Row[]) =>
    rows.filter(({ id }) => id !== hides);
  const mailboxes: Pick<MailboxStore, "summaries" | "changes"> = {
    async summaries(batch, slot, since) {
      const found = await stores.mailboxes.summaries(batch, slot, since);
      read.summaries += found.length;
      return since === undefined ? found : told(found);
    },
    changes: async (batch, slot, since) => told(await stores.mailboxes.changes(batch, slot, since)),
  };
  const { snapshots, endpoints } = new MemoryBlobs();
  const states = createBatchStates({
    states: stores.states,
    snapshots,
    mailboxes,
    endpoints: createEndpoints(endpoints, Date.now),
    clock: Date.now,
    log: (event, fields) => void events.push([event, fields]),
  });
  const batch = newBatch({ batch: name, displayName: name, endpoint }, undefined, Date.now());
  await stores.mailboxes.insertAll(
    name,
    ids.map((id) => mailbox("Created", { id, batch: name, endpoint })),
  );
  await states.refresh(batch);
  vi.setSystemTime(Date.now() + 1);
  async function start(id: MailboxId): Promise<void> {
    const stored = await stores.mailboxes.get(name, id);
    if (stored === undefined) throw new Error("it was not stored");
    await stores.mailboxes.replace({ ...stored, value: { ...stored.value, status: "Queued" } });
  }
  return { states, tables, batch, events, read, start };
}

it("keeps figures by what changed, and finds them right when it reads everything an hour later", async () => {
  const { states, tables, batch, events, start } = await kept();
  for (const id of ids.slice(0, 30)) await start(id);
  vi.setSystemTime(Date.now() + minute);
  tables.mailboxes.requests = 0;
  const { facets } = await states.refresh(batch);
  expect(facets.status).toEqual({ Created: size - 30, Queued: 30 });
  expect(tables.mailboxes.requests).toBeLessThanOrEqual(32);
  vi.setSystemTime(Date.now() + hour);
  expect((await states.refresh(batch)).facets.status).toEqual({ Created: size - 30, Queued: 30 });
  expect(events).toEqual([]);
});

it("reads what changed since the look before, and finds with the next snapshot what a clock that is behind has told", async () => {
  const { states, batch, events, read, start } = await kept();
  const later = (ms: number) => vi.setSystemTime(Date.now() + ms);
  const looked = async () => {
    read.summaries = 0;
    const { facets } = await states.refresh(batch);
    return [facets.status.Queued, read.summaries];
  };
  later(2 * minute);
  for (const id of ids.slice(0, 30)) await start(id);
  expect(await looked()).toEqual([30, 30]);
  later(10_000);
  for (const id of ids.slice(30, 40)) await start(id);
  expect(await looked()).toEqual([40, 40]);
  later(10_000);
  for (const id of ids.slice(40, 45)) await start(id);
  expect(await looked()).toEqual([45, 15]);
  later(-40_000);
  await start(ids[50] as MailboxId);
  later(50_000);
  expect(await looked()).toEqual([45, 5]);
  later(40_000);
  expect((await looked())[0]).toBe(46);
  later(hour);
  expect((await looked())[0]).toBe(46);
  expect(events).toEqual([]);
});

it("reads no mailbox when somebody looks at the figures or the list of a large batch", async () => {
  const { states, tables, batch } = await kept();
  tables.mailboxes.requests = 0;
  for (let look = 0; look < 20; look++) {
    expect((await states.figures(batch)).totals.counts.total).toBe(size);
    expect((await states.snapshot(batch)).mailboxes).toHaveLength(size);
  }
  expect(tables.mailboxes.requests).toBe(0);
});

it("tells how many mailboxes it had missed when it reads everything, and is right from then on", async () => {
  const [hidden, seen] = ids as [MailboxId, MailboxId];
  const { states, batch, events, start } = await kept(hidden);
  await start(hidden);
  await start(seen);
  vi.setSystemTime(Date.now() + minute);
  expect((await states.refresh(batch)).facets.status).toEqual({ Created: size - 1, Queued: 1 });
  expect(events).toEqual([]);
  vi.setSystemTime(Date.now() + hour);
  expect((await states.refresh(batch)).facets.status).toEqual({ Created: size - 2, Queued: 2 });
  expect(events).toEqual([["state.differed", { batch: name, mailboxes: 1 }]]);
});

import { describe, expect, it } from "vitest";
import { defaultBatchOptions } from "../../../../shared/domain/batch-options.ts";
import type { BatchName, EndpointName, MailboxId } from "../../../../shared/domain/names.ts";
import { createCutover } from "../../../../shared/migration/cutover/cutover.ts";
import { createDomainWatch } from "../../../../shared/migration/cutover/watch-domains.ts";
import { createEndpoints } from "../../../../shared/migration/endpoints/endpoint-settings.ts";
import type { MailRoute } from "../../../../shared/migration/ports/mail-routing.ts";
import type { BatchRecord, MailboxRecord } from "../../../../shared/migration/ports/registry.ts";
import { createBatchStates } from "../../../../shared/migration/status/batch-states.ts";
import { MemoryBlobs } from "../../../stack/memory/memory-blobs.ts";
import { storesOver } from "../../../stack/memory/memory-stores.ts";
import { MemoryTable } from "../../../stack/memory/memory-table.ts";
import { mailbox } from "../sample-mailbox.ts";

const hour = 3_600_000;
const name = "spring" as BatchName;
const to = (host: string, ttl = 3_600): MailRoute => ({
  known: true,
  authoritative: true,
  hosts: [{ host, preference: 10, ttl }],
});
const old = to("mx.contoso.com");
const microsoft = to("contoso-com.mail.protection.outlook.com");

/** A batch of synced mailboxes, and a DNS that answers what the test says. */
async function started(addresses: readonly string[], change: Partial<MailboxRecord> = {}) {
  const stores = storesOver({
    batches: new MemoryTable(),
    mailboxes: new MemoryTable(),
    ledgers: new MemoryTable(),
    admissions: new MemoryTable(),
    domains: new MemoryTable(),
  });
  const batch: BatchRecord = {
    name,
    displayName: "Spring",
    endpoint: "old" as EndpointName,
    intent: "running",
    options: defaultBatchOptions,
    createdAt: 0,
    startedAt: 0,
    invalidRowCount: 0,
    lastOperation: 0,
    operations: [],
    admitsFrom: 0,
  };
  await stores.batches.create(batch);
  await stores.mailboxes.insertAll(
    name,
    addresses.map((emailAddress, index) =>
      mailbox("Synced", {
        id: String(index).padStart(32, "0") as MailboxId,
        batch: name,
        emailAddress,
        lastSyncedAt: 1,
        lastSync: { beganAt: 1, newItems: 0 },
        ...change,
      }),
    ),
  );
  const world = {
    now: hour,
    routes: new Map<string, MailRoute>(),
    asked: [] as string[],
    events: [] as string[],
  };
  const clock = () => world.now;
  const log = (event: string) => void world.events.push(event);
  const { mailboxes } = stores;
  const { snapshots, endpoints } = new MemoryBlobs();
  const states = createBatchStates({
    states: stores.states,
    snapshots,
    mailboxes,
    endpoints: createEndpoints(endpoints, clock),
    clock,
    log,
  });
  const watch = createDomainWatch({
    ...stores,
    states,
    routing: async (domain) => {
      world.asked.push(domain);
      return world.routes.get(domain) ?? { known: false };
    },
    clock,
    log,
  });
  return { world, batch, watch, stores, cutover: createCutover({ ...stores, states, watch, clock }) };
}

describe("the domains of a batch", () => {
  it("are those of its addresses in ASCII, each once, without the tenant's own", async () => {
    const { watch, world } = await started([
      "a@contoso.com",
      "b@CONTOSO.com",
      "c@müller.example",
      "d@contoso.onmicrosoft.com",
    ]);
    await watch.pass();
    expect([...world.asked].sort()).toEqual(["contoso.com", "xn--mller-kva.example"]);
  });

  it("are asked for once an hour, sooner if somebody wants to know, and not twice within half a minute", async () => {
    const { watch, world, cutover } = await started(["a@contoso.com"]);
    const asks = async (refresh: boolean) => {
      const before = world.asked.length;
      await cutover.view(name, refresh);
      return world.asked.length - before;
    };
    await watch.pass();
    expect(await asks(false)).toBe(0);
    expect(await asks(true)).toBe(0);
    world.now += 30_000;
    expect(await asks(false)).toBe(0);
    expect(await asks(true)).toBe(1);
    world.now += hour;
    expect(await asks(false)).toBe(1);
    await watch.pass();
    expect(world.asked).toHaveLength(3);
  });

  it("are forgotten when no batch has had them for a month", async () => {
    const { watch, world, stores } = await started(["a@contoso.com"]);
    await watch.pass();
    await stores.mailboxes.deleteSlot(name, { slot: 0, of: 1 });
    world.now += 29 * 24 * hour;
    await watch.pass();
    expect(await stores.domains.list()).toHaveLength(1);
    world.now += 2 * 24 * hour;
    await watch.pass();
    expect(await stores.domains.list()).toEqual([]);
  });

  it("moved once for two processes that see it at once", async () => {
    const { watch, world } = await started(["a@contoso.com"]);
    world.routes.set("contoso.com", old);
    await watch.pass();
    world.now += 2 * hour;
    world.routes.set("contoso.com", microsoft);
    await Promise.all([watch.pass(), watch.pass()]);
    expect(world.events.filter((event) => event === "domain.moved")).toHaveLength(1);
  });
});

describe("a batch", () => {
  it("may be deleted 72 hours after the move and a sync since, and says why not before", async () => {
    const { world, watch, cutover, batch, stores } = await started(["a@contoso.com", "b@contoso.com"]);
    const synced = async (beganAt: number, newItems = 0) => {
      for await (const stored of stores.mailboxes.scan(name))
        await stores.mailboxes.replace({
          ...stored,
          value: { ...stored.value, lastSync: { beganAt, newItems } },
        });
    };
    world.routes.set("contoso.com", old);
    await watch.pass();
    expect(await cutover.reasonsAgainstRemoval(batch)).toEqual(["The MX of contoso.com is mx.contoso.com."]);
    world.now = 10 * hour;
    world.routes.set("contoso.com", microsoft);
    await watch.pass();
    world.now = 41 * hour;
    expect(await cutover.reasonsAgainstRemoval(batch)).toEqual([
      "31 of 72 h have passed since the MX change of contoso.com.",
      "Not every mailbox of contoso.com was synced since the MX change.",
    ]);
    await synced(41 * hour, 6);
    expect(await cutover.view(name, false)).toMatchObject({
      verdict: "notYet",
      readyAt: new Date(82 * hour).toISOString(),
      domains: [
        { movedAt: new Date(10 * hour).toISOString(), oldRouteUntil: new Date(11 * hour).toISOString() },
      ],
    });
    world.now = 82 * hour;
    expect(await cutover.reasonsAgainstRemoval(batch)).toEqual([]);
    const view = await cutover.view(name, false);
    expect(view?.verdict).toBe("readyWithWarnings");
    expect(view?.domains[0]?.checks.find(({ check }) => check === "lateMail")?.value).toBe(
      "12 messages came to 2 mailboxes of the old server in the last sync after the switch.",
    );
    await synced(81 * hour);
    expect(await cutover.view(name, false)).toMatchObject({
      verdict: "readyWithWarnings",
      checks: [{ verdict: "ok" }, { check: "verification", verdict: "warning" }],
    });
  });

  it("has to have run for 72 hours where DNS does not tell, and that is all DNS blocks", async () => {
    const { world, cutover, batch } = await started(["a@contoso.com"]);
    world.now = 71 * hour;
    expect(await cutover.reasonsAgainstRemoval(batch)).toEqual([
      "DNS does not tell since when mail goes to Microsoft 365, and the batch has run for less than 72 hours.",
    ]);
    world.now = 72 * hour;
    expect(await cutover.reasonsAgainstRemoval(batch)).toEqual([]);
    expect((await cutover.view(name, false))?.verdict).toBe("readyWithWarnings");
  });

  it("of the tenant's own addresses needs no DNS", async () => {
    const { world, cutover, batch } = await started(["a@contoso.onmicrosoft.com"]);
    expect(await cutover.reasonsAgainstRemoval(batch)).toEqual([]);
    expect(await cutover.view(name, true)).toMatchObject({ verdict: "readyWithWarnings", domains: [] });
    expect(world.asked).toEqual([]);
  });

  it("with mailboxes that failed or lost mail says so", async () => {
    const lost = await started(["a@contoso.onmicrosoft.com"], { skippedItemCount: 3, leftOutItemCount: 1 });
    expect((await lost.cutover.view(name, false))?.checks).toMatchObject([
      {
        verdict: "fails",
        value: "The mailbox is synced; 2 messages were skipped, and nobody has accepted that.",
      },
      { check: "verification", verdict: "warning" },
    ]);
    const failed = await started(["a@contoso.onmicrosoft.com"], {
      status: "Failed",
      lastSyncedAt: undefined,
    });
    expect(await failed.cutover.reasonsAgainstRemoval(failed.batch)).toEqual([
      "1 mailbox was never synced completely, 1 mailbox failed.",
    ]);
  });

  it("that is not there has no cut-over", async () => {
    const { cutover } = await started([]);
    expect(await cutover.view("autumn" as BatchName, false)).toBeUndefined();
    expect(await cutover.confirm("autumn" as BatchName, "contoso.com", true, "operator")).toBe(
      "unknownBatch",
    );
  });
});

describe("the last sync of a mailbox", () => {
  it("is told by its beginning and by what it found new", async () => {
    const { copying, synced } = await import("../../../../shared/migration/mailbox/life.ts");
    const ledger = { targetId: "t", ledgerId: "l" as never };
    const begun = copying(mailbox("Queued", { syncedItemCount: 5, ledgerId: "l" as never }), ledger, 10);
    const later = begun && copying({ ...begun, syncedItemCount: 6 }, ledger, 20);
    const ended = later && synced({ ...later, syncedItemCount: 9 }, false, 30);
    expect(ended).toMatchObject({ lastSyncedAt: 30, lastSync: { beganAt: 10, newItems: 4 } });
    const again = ended && copying({ ...ended, status: "Queued" }, ledger, 40);
    const hidden = again && synced({ ...again, syncedItemCount: 8, bytesTransferred: 99 }, false, 50);
    expect(hidden).toMatchObject({ lastSync: { beganAt: 40, newItems: 1 }, syncBegan: undefined });
  });
});

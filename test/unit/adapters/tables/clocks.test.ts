import type { ServiceBusClient, ServiceBusMessage } from "@azure/service-bus";
import { expect, it } from "vitest";
import { createWorkQueue } from "../../../../shared/adapters/servicebus/work-queue.ts";
import { createLedgerStore } from "../../../../shared/adapters/tables/ledger-store.ts";
import type { LedgerId, MailboxId } from "../../../../shared/domain/names.ts";
import { MemoryTable } from "../../../stack/memory/memory-table.ts";

/** The time that all processes share; the machine's own is years later. */
let shared = Date.UTC(2001, 0, 1);
const now = () => shared;

it("leases begin and end by the time that is given, whatever the machine says", async () => {
  const ledger = createLedgerStore(new MemoryTable(), now);
  const id = "ledger" as LedgerId;
  const first = await ledger.acquireLease(id, "one", 60_000);
  expect(first).toMatchObject({ until: shared + 60_000 });
  shared += 59_000;
  expect(await ledger.acquireLease(id, "other", 60_000)).toEqual({ heldUntil: shared + 1_000 });
  shared += 2_000;
  expect(await ledger.acquireLease(id, "other", 60_000)).toMatchObject({ until: shared + 60_000 });
});

it("a message waits where it is due later by the time that is given", async () => {
  const sent: ServiceBusMessage[] = [];
  const sender = { sendMessages: async (message: ServiceBusMessage) => void sent.push(message) };
  const queue = createWorkQueue(
    { createSender: () => sender } as unknown as ServiceBusClient,
    () => undefined,
    now,
  );
  const message = { batch: "batch", mailboxId: "m" as MailboxId, round: 1, step: 0 };
  for (const ms of [-1_000, 1_000])
    await queue.sendFolderSync(message as Parameters<typeof queue.sendFolderSync>[0], shared + ms);
  expect(sent.map(({ scheduledEnqueueTimeUtc }) => scheduledEnqueueTimeUtc?.getTime())).toEqual([
    undefined,
    shared + 1_000,
  ]);
});

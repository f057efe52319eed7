import { expect, it } from "vitest";
import { createAdmissionStore } from "../../../../shared/adapters/tables/admission-store.ts";
import type { BatchName, EndpointName, MailboxId } from "../../../../shared/domain/names.ts";
import type { WaitEntry } from "../../../../shared/migration/ports/admission-store.ts";
import { MemoryTable } from "../../../stack/memory/memory-table.ts";

const endpoint = "contoso" as EndpointName;
const mailboxId = "0123456789abcdef0123456789abcdef" as MailboxId;
const entry = (since: number): WaitEntry => ({
  mailboxId,
  batch: "spring" as BatchName,
  kind: "initial",
  round: 1,
  since,
});

it("leaves no entry behind that nobody can serve, when a mailbox joins again while it is served", async () => {
  const table = new MemoryTable();
  const store = createAdmissionStore(table);
  await store.join(endpoint, entry(1));
  const { version } = await store.read(endpoint, 10);

  // Another delivery of the same message joins between the two reads that find the entry.
  let joined = false;
  const get = table.get.bind(table);
  table.get = async (partition, row) => {
    if (row.startsWith("wait|") && !joined) {
      joined = true;
      await store.join(endpoint, entry(2));
    }
    return get(partition, row);
  };
  await store.apply(endpoint, version, { served: [mailboxId] });
  expect(joined).toBe(true);

  for (let state = await store.read(endpoint, 10); state.waiting.length > 0; ) {
    const before = state.waiting;
    await store.apply(endpoint, state.version, { served: [mailboxId] });
    state = await store.read(endpoint, 10);
    expect(state.waiting).not.toEqual(before);
  }
  expect(await store.find(endpoint, mailboxId)).toEqual({});
});

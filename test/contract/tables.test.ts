import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTableStores, type TableStores } from "../../shared/adapters/tables/table-stores.ts";
import type { BatchName } from "../../shared/domain/names.ts";
import { type Azurite, startAzurite } from "../stack/azurite.ts";
import { type LossyProxy, startLossyProxy } from "./lossy-proxy.ts";
import {
  all,
  batch,
  codeOf,
  inbox,
  item,
  mailbox,
  newBatchName,
  newEndpointName,
  newLedgerId,
  permit,
  uidValidity,
  wait,
} from "./tables/samples.ts";
import { tableStoresContract } from "./tables/stores-contract.ts";

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

tableStoresContract(() => stores);

describe("answers that were lost", () => {
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

  it("inserts once when the answer was lost", async () => {
    const name = newBatchName();
    const mailboxes = Array.from({ length: 3 }, () => mailbox(name));
    proxy.loseAnswers("POST", 1);
    await lossy.mailboxes.insertAll(name, mailboxes);
    expect(await all(stores.mailboxes.scan(name))).toHaveLength(3);
  });

  it("removes all mailboxes of a batch when an answer was lost", async () => {
    const name = newBatchName();
    await stores.mailboxes.insertAll(name, [mailbox(name), mailbox(name)]);
    const before = proxy.lost;
    proxy.loseAnswers("POST", 1);
    await lossy.mailboxes.deleteSlot(name, { slot: 0, of: 1 });
    expect(proxy.lost - before).toBe(1);
    expect(await all(stores.mailboxes.scan(name))).toEqual([]);
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
    const lease = await stores.ledgers.acquireLease(ledgerId, "worker-1", 60_000);
    if ("heldUntil" in lease) throw new Error("a free lease was not given");
    const before = proxy.lost;
    proxy.loseAnswers("POST", 4);
    const next = await lossy.ledgers.commit(lease, { items: [item(1)] });
    proxy.loseAnswers("POST", 0);
    expect(proxy.lost - before).toBe(4);
    await stores.ledgers.commit(next, { items: [item(2)] });
    expect(await all(stores.ledgers.listItems(ledgerId, inbox, uidValidity))).toHaveLength(2);
  });

  it("knows its own change when the answer was lost", async () => {
    const endpoint = newEndpointName();
    const before = proxy.lost;
    proxy.loseAnswers("POST", 1);
    expect(await lossy.admissions.apply(endpoint, "", { shares: {}, permits: [permit()] })).toBe(true);
    const entry = wait(1);
    proxy.loseAnswers("POST", 1);
    await lossy.admissions.join(endpoint, [entry]);
    expect(proxy.lost - before).toBe(2);
    expect(await stores.admissions.waiting(endpoint, "initial", entry.batch, 0, 5)).toEqual([entry]);
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

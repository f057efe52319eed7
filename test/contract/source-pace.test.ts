import { afterAll, beforeAll, expect, it } from "vitest";
import { createImapSource } from "../../shared/adapters/imap/index.ts";
import { createTableStores, type TableStores } from "../../shared/adapters/tables/table-stores.ts";
import { endpointSchema } from "../../shared/domain/endpoint.ts";
import { uidSetOf } from "../../shared/domain/uid-set.ts";
import { createSourceBudget } from "../../shared/migration/admission/source-budget.ts";
import type { MessageSummary } from "../../shared/migration/ports/source.ts";
import { createSourcePace } from "../../shared/migration/sync/source-pace.ts";
import { SteadySource } from "../../shared/migration/sync/steady-source.ts";
import { type Azurite, startAzurite } from "../stack/azurite.ts";
import { startDovecot } from "../stack/imap-servers/dovecot.ts";
import type { ImapServer } from "../stack/imap-servers/server.ts";
import { RawImap } from "./imap/raw-imap.ts";
import { newEndpointName } from "./tables/samples.ts";

const users = ["ann", "ben"];
const rate = 40_000;
/** The last one is larger than what a second allows. */
const sizes = [12_000, 12_000, 12_000, 50_000];

let azurite: Azurite;
let server: ImapServer;
let stores: TableStores;

beforeAll(async () => {
  [azurite, server] = await Promise.all([startAzurite(), startDovecot({ users })]);
  stores = createTableStores({ connectionString: azurite.connectionString });
  await stores.createTables();
  for (const user of users) {
    const client = await RawImap.login(server, user, server.password);
    for (const size of sizes)
      await client.append("INBOX", {
        content: Buffer.from(
          `Subject: ${size}\r\n\r\n${"x".repeat(size - `Subject: ${size}\r\n\r\n`.length)}`,
        ),
      });
    await client.close();
  }
});

afterAll(async () => {
  await Promise.all([server?.stop(), azurite?.close()]);
});

it("two processes read two mailboxes of Dovecot no faster than their endpoint allows, and lose no connection", async () => {
  const name = newEndpointName();
  const endpoint = endpointSchema.parse({
    host: "127.0.0.1",
    port: server.port,
    security: "none",
    allowInsecure: true,
    maxBytesPerSecond: rate,
  });
  const began = Date.now();
  let read = 0;
  let last = 0;

  /** As a step does it: a portion at a time, each on the connection that waited for it. */
  async function readAll(userName: string): Promise<void> {
    const mailbox = await createImapSource().open({ endpoint, userName, password: server.password });
    const source = new SteadySource(mailbox, async () => [], Date.now, Number.POSITIVE_INFINITY);
    const pace = createSourcePace(createSourceBudget(stores.sourceDebts, Date.now), name, endpoint, {
      until: Date.now() + 60_000,
      unpaid: () => source.takeUnpaid(),
      checkpoint: () => undefined,
      clock: Date.now,
    });
    try {
      const folder = await source.openFolder("INBOX");
      const all = await folder.searchUids();
      const summaries: MessageSummary[] = [];
      for await (const summary of folder.fetchSummaries(all)) summaries.push(summary);
      expect(summaries.map(({ size }) => size)).toEqual(sizes);
      for (const { uid, size } of summaries) {
        expect(await pace.take(1, size)).toBeUndefined();
        last = Math.max(last, Date.now());
        for await (const { content } of folder.fetchMessages(uidSetOf([uid]))) read += content.length;
      }
      expect(mailbox.usable).toBe(true);
    } finally {
      await mailbox.close();
    }
  }

  await Promise.all(users.map(readAll));
  const total = users.length * sizes.reduce((sum, size) => sum + size, 0);
  expect(read).toBe(total);
  // Whichever was last waited until the rate had made up for all others.
  expect(last - began).toBeGreaterThanOrEqual(((total - Math.max(...sizes)) * 1000) / rate);
});

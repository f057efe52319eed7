import { setTimeout as sleep } from "node:timers/promises";
import { createGraphTarget } from "../../shared/adapters/graph/index.ts";
import { isMigrationError } from "../../shared/domain/errors.ts";
import type { Stamp, TargetItemId } from "../../shared/domain/names.ts";
import type { FoundItem, OutgoingMessage } from "../../shared/migration/ports/target.ts";
import { chunkToken, faultMessages, lateMs } from "./graph-faults-messages.ts";

// Copies one chunk as a worker does that may be killed at any moment: look what is there, write what is not, and look again
// for what arrived late.
const [baseUrl = "", token = "", address = ""] = process.argv.slice(2);
const target = createGraphTarget({ baseUrl, token: async () => token, concurrencyPerMailbox: 4 });
const mailbox = await persist(async () => target.open(await target.resolve(address)));
const folder = await persist(() => mailbox.ensureFolder(["INBOX"], "inbox"));
const messages = faultMessages();

/** Repeats what failed in passing. */
async function persist<T>(task: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await task();
    } catch (error) {
      if (!isMigrationError(error) || (error.kind !== "transient" && error.kind !== "throttled")) throw error;
      await sleep(error.retryAfterMs ?? 100);
    }
  }
}

async function find(): Promise<ReadonlyMap<Stamp, readonly FoundItem[]>> {
  const candidates = messages.map((message) => ({ ...message, header: Buffer.alloc(0) }));
  return persist(() =>
    mailbox.findWritten(folder.id, { token: chunkToken, mark: "" }, candidates, new Set<TargetItemId>()),
  );
}

/** @returns true if nobody knows whether it was written. */
async function write(message: OutgoingMessage): Promise<boolean> {
  try {
    await mailbox.write(folder.id, message);
    return false;
  } catch (error) {
    if (!isMigrationError(error) || (error.kind !== "transient" && error.kind !== "throttled")) throw error;
    return true;
  }
}

for (let pending: readonly OutgoingMessage[] = messages; pending.length > 0; ) {
  const found = await find();
  pending = pending.filter((message) => !found.has(message.stamp));
  const queue = [...pending];
  const lane = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      if (await write(next)) await sleep(lateMs);
  };
  await Promise.all([1, 2, 3, 4].map(lane));
}
await sleep(lateMs);
for (const items of (await find()).values())
  for (const twin of items.slice(1))
    if (twin.untouched) await persist(() => mailbox.purgeItem(folder.id, twin.id));
console.log("done");

import { expect, it } from "vitest";
import type { BatchName, MailboxId } from "../../../../shared/domain/names.ts";
import { permitMs } from "../../../../shared/migration/admission/admission.ts";
import { createJanitor } from "../../../../shared/migration/control/janitor.ts";
import { endpoint, sampleEndpoint } from "../admission/sample-endpoint.ts";

const batch = "spring" as BatchName;
const [first, ...others] = ["a", "b", "c", "d"].map((digit) => digit.repeat(32) as MailboxId) as [
  MailboxId,
  ...MailboxId[],
];

async function sample() {
  const { blobs, stores, admission, queue, clock, log, ...rest } = await sampleEndpoint(1);
  const { batches, states, mailboxes, admissions } = stores;
  const parts = { batches, states, mailboxes, admissions, admission, queue, clock };
  const sweep = createJanitor({
    ...parts,
    uploads: blobs.uploads,
    deadLetters: queue,
    forgetFigures: async () => undefined,
    log,
  });
  return { ...rest, stores, admission, sweep };
}

it("a permit whose message was lost goes to the next, however many wait before its mailbox asks again", async () => {
  const { stores, admission, sweep, time, add } = await sample();
  await add(batch, [first, ...others]);
  await admission.admit(endpoint);
  expect(await admission.permit(endpoint, first)).toBeDefined();

  time.now = 2 * permitMs;
  await sweep();
  expect(await stores.admissions.permits(endpoint)).toMatchObject([
    { mailboxId: others[0], until: time.now + permitMs },
  ]);
  const waiting = await stores.admissions.waiting(endpoint, "initial", batch, 0, 10);
  expect(waiting.map(({ mailboxId }) => mailboxId)).toEqual([...others.slice(1), first]);
});

it("a gate that does not know how many permits there are is told, and says so", async () => {
  const { stores, admission, sweep, events, add } = await sample();
  await add(batch, [first, ...others]);
  await admission.admit(endpoint);
  const { version } = await stores.admissions.gate(endpoint);
  await stores.admissions.apply(endpoint, version, { shares: {} });
  await sweep();
  expect((await stores.admissions.gate(endpoint)).shares[batch]).toMatchObject({
    initial: 1,
    incremental: 0,
  });
  expect(events).toContainEqual(["admission.recounted", { endpoint, permits: 1 }]);
  expect(await stores.admissions.permits(endpoint)).toHaveLength(1);
});

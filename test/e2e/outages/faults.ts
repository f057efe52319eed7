/**
 * One long run in which storage, bus, target and source go away, fall silent, break off and refuse, at random, while mail
 * is copied and goes on arriving: `node test/e2e/outages/faults.ts [--faults 500] [--mailboxes 20] [--seed a] [--log file]`.
 * A fault comes every 4.5 s, so that 500 take 38 minutes.
 * Nothing is done by hand but the uploads and syncs that bring work. Exit code 1 if anything is lost, doubled or stuck.
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { FaultKind } from "../../stack/graph/index.ts";
import { Random } from "../../stack/random.ts";
import { startCompany } from "./company.ts";

const { values } = parseArgs({
  options: {
    faults: { type: "string", default: "500" },
    mailboxes: { type: "string", default: "20" },
    seed: { type: "string", default: "a" },
    log: { type: "string" },
  },
});

const batch = "faults";
const connections = ["storage", "bus", "target", "source"] as const;
const refusals: readonly FaultKind[] = ["throttled", "unavailable", "gatewayTimeout", "reset"];
/** New messages of one user in a round, at most. */
const maxMessages = 12;
/** From one fault to the next, in milliseconds: what is left of it is waited for a sign of life, and at least so long. */
const paceMs = 4_500;
const signMs = 500;
const endMs = 45 * 60_000;

const random = new Random(values.seed);
const company = await startCompany(Number(values.mailboxes));
const { deployment, switches, users } = company;
const { log } = deployment;
const graph = deployment.stack.graph;
const drawn: Record<string, number> = {};
let failed = true;
try {
  for (const user of users) await company.deliver(user, random.integer(1, maxMessages));
  await company.move(batch, users);
  const started = Date.now();
  let working = true;
  let rounds = 1;
  const work = async (): Promise<void> => {
    for (; working; await sleep(500)) {
      const rows = await deployment.mailboxes(batch).catch(() => []);
      if (rows.length === 0 || rows.some(({ status }) => status !== "Synced")) continue;
      for (const user of users)
        if (random.chance(0.7)) await company.deliver(user, random.integer(1, maxMessages));
      const { status } = await deployment
        .request("POST", `batches/${batch}/sync`)
        .catch(() => ({ status: 0 }));
      if (status === 202 || status === 200) rounds++;
    }
  };
  const worker = work();
  for (let fault = 0; fault < Number(values.faults); fault++) {
    await signOfLife(Math.max(Date.now() + signMs, started + fault * paceMs));
    const what = await strike();
    drawn[what] = (drawn[what] ?? 0) + 1;
    if ((fault + 1) % 25 === 0)
      console.log(`${fault + 1} faults, ${rounds} rounds, ${Math.round((Date.now() - started) / 1000)} s`);
  }
  working = false;
  await worker;
  const struck = Date.now();
  // A sync may have been taken whose answer was lost, so there is one more round, undisturbed, for all that arrived.
  await settled();
  await deployment.request("POST", `batches/${batch}/sync`);
  await sleep(2_000);
  const rows = await settled();
  const { lost, twice, changed, unseen } = await company.compare(users);
  const stuck = rows.filter(({ status }) => status !== "Synced").length;
  const count = (event: string) => log.filter(({ message }) => message === event).length;
  failed = lost + twice + changed + stuck > 0;
  console.table(drawn);
  console.log(
    JSON.stringify({
      faults: Number(values.faults),
      seed: values.seed,
      seconds: Math.round((Date.now() - started) / 1000),
      secondsToRestAfterTheLast: Math.round((Date.now() - struck) / 1000),
      rounds,
      mailboxes: rows.length,
      items: rows.reduce((sum, { syncedItemCount }) => sum + syncedItemCount, 0),
      deferred: count("mailbox.deferred"),
      chunksRecovered: count("chunk.recovered"),
      duplicatesRemoved: count("duplicate.removed"),
      deadLetters: count("deadletter.handled"),
      failedEvents: count("mailbox.failed"),
      lost,
      twice,
      changed,
      unseen,
      stuck,
    }),
  );
} finally {
  if (values.log) await writeFile(values.log, log.map((event) => JSON.stringify(event)).join("\n"));
  await company.stop();
}
process.exit(failed ? 1 : 0);

/** Waits until something has worked since now, so that a fault meets an app at work. @param deadline milliseconds since 1970. */
async function signOfLife(deadline: number): Promise<void> {
  const mark = log.length;
  const signs = ["chunk.copied", "mailbox.synced", "folder.planned"];
  for (; Date.now() < deadline; await sleep(50))
    if (log.slice(mark).some(({ message }) => signs.includes(message))) break;
  await sleep(random.integer(0, 400));
}

/** One fault. @returns its name. */
async function strike(): Promise<string> {
  const connection = random.pick(connections);
  if (connection === "target" && random.chance(0.5)) {
    const kind = random.pick(refusals);
    graph?.faults.next({
      kind,
      times: random.integer(1, 6),
      ...(kind === "gatewayTimeout" || kind === "reset"
        ? { stored: random.chance(0.6), storeDelayMs: random.integer(0, 8_000) }
        : { retryAfterSeconds: random.integer(1, 3) }),
    });
    await sleep(random.integer(100, 800));
    return `target ${kind}`;
  }
  const how = random.pick(["refused", "silent", "cut"] as const);
  if (how === "cut") {
    switches.cut(connection);
    return `${connection} cut`;
  }
  switches.off(connection, how);
  await sleep(random.magnitude(100, 8_000));
  switches.on(connection);
  return `${connection} ${how}`;
}

async function settled() {
  for (const deadline = Date.now() + endMs; ; await sleep(1_000)) {
    const rows = await deployment.mailboxes(batch).catch(() => []);
    const active = rows.filter(({ status }) => !["Synced", "Failed"].includes(status)).length;
    if ((rows.length > 0 && active === 0) || Date.now() > deadline) return rows;
  }
}

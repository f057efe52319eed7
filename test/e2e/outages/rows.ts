/**
 * The outages of one connection, one after another, as rows of JSON:
 * `node test/e2e/outages/rows.ts --connection storage --seconds 20,90,600 --mailboxes 40 --messages 20`.
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Connection } from "../../stack/outages/switchboard.ts";
import { startCompany } from "./company.ts";
import type { Row } from "./row.ts";

/** The part of the mailboxes that are at their end when the outage begins: most are at work then, or wait for their turn. */
const firstSynced = 0.1;
/** At most so long a wait for what goes on afterwards. */
const patienceMs = 60 * 60_000;

const { values } = parseArgs({
  options: {
    connection: { type: "string", default: "storage" },
    seconds: { type: "string", default: "20,90,600" },
    mailboxes: { type: "string", default: "40" },
    messages: { type: "string", default: "20" },
    log: { type: "string" },
  },
});
const connection = values.connection as Connection;
const lengths = values.seconds.split(",").map(Number);
const size = Number(values.mailboxes);

const company = await startCompany(size * lengths.length);
const { deployment, switches } = company;
const { log } = deployment;
try {
  for (const [index, seconds] of lengths.entries()) {
    const users = company.users.slice(index * size, (index + 1) * size);
    for (const user of users) await company.deliver(user, Number(values.messages));
    process.stdout.write(`${JSON.stringify(await outage(`outage-${seconds}`, users, seconds))}\n`);
  }
} finally {
  if (values.log) await writeFile(values.log, log.map((event) => JSON.stringify(event)).join("\n"));
  await company.stop();
}

async function outage(batch: string, users: readonly string[], seconds: number): Promise<Row> {
  const mark = log.length;
  const since = (name: string, from = mark) => log.slice(from).filter(({ message }) => message === name);
  await company.move(batch, users);
  await until(() => since("mailbox.synced").length >= firstSynced * size);
  const begun = log.length;
  switches.off(connection, "refused");
  // A process that has the keys of its batches needs the vault no more: another one does.
  if (connection === "vault") deployment.app.killWorker();
  const end = Date.now() + seconds * 1000;
  await sleep(Math.min(seconds * 500, 60_000));
  const shown = await isShownAway(batch);
  await sleep(Math.max(0, end - Date.now()));
  const ended = log.length;
  switches.on(connection);
  const rows = await settled(batch, users.length);
  const done = Date.now() - end;
  const work = [...since("chunk.copied", ended), ...since("mailbox.synced", ended)];
  const goesOn = Math.min(...work.map(({ time }) => Date.parse(time))) - end;
  const { lost, twice } = await company.compare(users);
  return {
    connection,
    outageSeconds: seconds,
    shownAway: shown,
    goesOnAfterSeconds: Math.round(goesOn / 1000),
    allSyncedAfterSeconds: Math.round(done / 1000),
    lost,
    twice,
    stuck: rows.filter(({ status }) => status !== "Synced").length,
    deferred: since("mailbox.deferred", begun).length,
    deadLetters: since("deadletter.handled", begun).length,
    deaths: since("worker.died", begun).length,
  };
}

/** True if the app says that the connection is away; a source is no connection of the app, and its mailboxes say it. */
async function isShownAway(batch: string): Promise<boolean> {
  const name = { storage: "tables", bus: "serviceBus", vault: "vault", target: "target", source: "" }[
    connection
  ];
  if (name === "") {
    const rows = await deployment.mailboxes(batch);
    return rows.some(({ error }) => error !== null);
  }
  // Where the worker was killed there is nobody to answer for some seconds.
  const answers = async () => (await deployment.request("GET", "health/details")).body;
  let body = await answers();
  for (let tries = 0; body === undefined && tries < 20; tries++, body = await answers()) await sleep(500);
  const { connections } = body as { connections: readonly { name: string; status: string }[] };
  return connections.some((each) => each.name === name && each.status === "away");
}

/** The mailboxes once each has ended its round, one way or the other. An event of that may be lost with an answer. */
async function settled(batch: string, size: number) {
  for (const deadline = Date.now() + patienceMs; ; await sleep(1_000)) {
    const rows = await deployment.mailboxes(batch).catch(() => []);
    const done = rows.filter(({ status }) => status === "Synced" || status === "Failed").length;
    if (done === size || Date.now() > deadline) return rows;
  }
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + patienceMs; !condition(); await sleep(100))
    if (Date.now() > deadline) throw new Error("it does not go on");
}

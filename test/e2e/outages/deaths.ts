/**
 * What kills a worker process, beside healthy mailboxes, and clocks that are wrong, on real processes:
 * `node test/e2e/outages/deaths.ts [--cases memory,loop,clocks,stop] [--mailboxes 16] [--messages 20] [--log file]`.
 * `memory` and `loop`: a message of one mailbox takes all memory of the worker, or blocks its loop for 15 s, wherever it is
 * read. `clocks`: two processes whose clocks are ten minutes apart, each killed once in the middle.
 * `stop`: the process is told to stop (SIGTERM) three times in the middle.
 * Prints a row for each; exit code 1 if one mailbox costs more than 3 + 3 deaths or its neighbours more than 5 minutes, if
 * a process that is told to stop takes more than 10 s or counts as a death, or anything else is lost, doubled or stuck.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type AppProcess, type LogEvent, startApp } from "../../stack/app-process.ts";
import { marks } from "../../stack/preload/poison.ts";
import { type Company, startCompany } from "./company.ts";

const minute = 60_000;
const patienceMs = 40 * minute;
const mostDeaths = 6;
const mostDelayMs = 5 * minute;
const clockOffsetMs = 5 * minute;
const stops = 3;
const mostStopMs = 10_000;

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "memory,loop,clocks,stop" },
    mailboxes: { type: "string", default: "16" },
    messages: { type: "string", default: "20" },
    log: { type: "string" },
  },
});
const size = Number(values.mailboxes);
const batch = "deaths";

const cases: Readonly<Record<string, () => Promise<readonly [object, boolean]>>> = {
  memory: () => poison("memory"),
  loop: () => poison("loop"),
  clocks: wrongClocks,
  stop: toldToStop,
};

let good = true;
for (const name of values.cases.split(",")) {
  const play = cases[name];
  if (play === undefined) throw new Error(`There is no case ${name}.`);
  const [row, passed] = await play();
  console.log(JSON.stringify(row));
  good &&= passed;
}
process.exit(good ? 0 : 1);

function preload(name: string): string {
  return `--import ${pathToFileURL(join(import.meta.dirname, "../../stack/preload", name)).href}`;
}

async function poison(kind: keyof typeof marks) {
  const settings = {
    languageWorkers__node__arguments: `${preload("poison.ts")} --max-old-space-size=256`,
  };
  // The platform scales each function that a queue triggers on instances of its own.
  const company = await startCompany(size, {
    ...settings,
    "AzureWebJobs.isolated-sync.Disabled": "true",
  });
  const { deployment, users } = company;
  const [poisoned = "", ...neighbours] = users;
  const startIsolated = () =>
    startApp({
      settings: { ...deployment.stack.settings, ...settings, HOST_FUNCTIONS: "health,isolated-sync" },
      onEvent: (event) => void (deployment.log as LogEvent[]).push(event),
    });
  let isolated = await startIsolated();
  try {
    for (const user of users) await company.deliver(user, Number(values.messages));
    const started = Date.now();
    // The time it takes without the poison is the measure of its neighbours' delay.
    await company.move("measure", neighbours);
    await settled(company, "measure", neighbours.length);
    const measure = Date.now() - started;
    for (const user of neighbours) await company.deliver(user, Number(values.messages));
    await company.deliverText(poisoned, marks[kind]);
    const ended = new AbortController();
    const platform = Promise.all([
      restarting(
        () => deployment.app,
        () => deployment.crashAndRestart(),
        ended.signal,
      ),
      restarting(
        () => isolated,
        async () => {
          isolated = await startIsolated();
        },
        ended.signal,
      ),
    ]);
    const mark = deployment.log.length;
    const begun = Date.now();
    await company.move(batch, users);
    const rows = await settled(company, batch, size);
    ended.abort();
    await platform;
    const address = `${poisoned}@contoso.com`;
    const ofPoison = rows.find(({ emailAddress }) => emailAddress === address);
    const since = deployment.log.slice(mark);
    const count = (event: string) => since.filter(({ message }) => message === event).length;
    const own = since.filter(
      ({ message, mailbox }) =>
        (message === "worker.died" || message === "worker.stalled") && mailbox === ofPoison?.id,
    ).length;
    const others = rows.filter(({ emailAddress }) => emailAddress !== address);
    const last = Math.max(...others.map(({ lastSyncedAt }) => Date.parse(lastSyncedAt ?? "")));
    const delayMs = last - begun - measure;
    const { lost, twice } = await company.compare(neighbours);
    const stuck = others.filter(({ status }) => status !== "Synced").length;
    const row = {
      case: kind,
      processDeaths: count("Worker ended"),
      hostEnds: count("Too many worker errors"),
      ofTheMailbox: own,
      mailbox: ofPoison && { status: ofPoison.status, error: ofPoison.error?.code, ...figures(ofPoison) },
      neighboursWithoutSeconds: seconds(measure),
      neighboursDelaySeconds: seconds(delayMs),
      allEndedAfterSeconds: seconds(Date.now() - begun),
      deadLetters: count("deadletter.handled"),
      lost,
      twice,
      stuck,
    };
    return [row, own <= mostDeaths && delayMs <= mostDelayMs && lost + twice + stuck === 0] as const;
  } finally {
    await isolated.kill();
    await end(company);
  }
}

async function wrongClocks() {
  const late = {
    languageWorkers__node__arguments: preload("clock.ts"),
    TEST_CLOCK_OFFSET_MS: `-${clockOffsetMs}`,
  };
  const company = await startCompany(size, late);
  const { deployment, users } = company;
  const early = { ...deployment.stack.settings, ...late, TEST_CLOCK_OFFSET_MS: `${clockOffsetMs}` };
  const log = deployment.log as LogEvent[];
  const startEarly = () => startApp({ settings: early, onEvent: (event) => void log.push(event) });
  let other: AppProcess = await startEarly();
  try {
    for (const user of users) await company.deliver(user, Number(values.messages));
    const begun = Date.now();
    await company.move(batch, users);
    await copying(company);
    await deployment.crashAndRestart();
    await copying(company);
    await other.kill();
    other = await startEarly();
    await settled(company, batch, size);
    const first = Date.now() - begun;
    for (const user of users) await company.deliver(user, 5);
    const again = Date.now();
    await deployment.request("POST", `batches/${batch}/sync`);
    await sleep(3_000);
    const rows = await settled(company, batch, size);
    const { lost, twice } = await company.compare(users);
    const stuck = rows.filter(({ status }) => status !== "Synced").length;
    const count = (event: string) => deployment.log.filter(({ message }) => message === event).length;
    const row = {
      case: "clocks",
      apartMinutes: (2 * clockOffsetMs) / minute,
      firstRoundSeconds: seconds(first),
      secondRoundSeconds: seconds(Date.now() - again),
      deaths: count("worker.died"),
      chunksRecovered: count("chunk.recovered"),
      items: rows.reduce((sum, { syncedItemCount }) => sum + syncedItemCount, 0),
      lost,
      twice,
      stuck,
    };
    return [row, lost + twice + stuck === 0] as const;
  } finally {
    await other.kill();
    await end(company);
  }
}

async function toldToStop() {
  const company = await startCompany(size);
  const { deployment, users } = company;
  try {
    // Enough for all the stops.
    for (const user of users) await company.deliver(user, 4 * Number(values.messages));
    await company.move(batch, users);
    const tookMs: number[] = [];
    for (let stop = 0; stop < stops; stop++) {
      await copying(company);
      const told = performance.now();
      await deployment.app.stop();
      tookMs.push(performance.now() - told);
      await deployment.crashAndRestart();
    }
    const rows = await settled(company, batch, size);
    const { lost, twice } = await company.compare(users);
    const stuck = rows.filter(({ status }) => status !== "Synced").length;
    const count = (event: string) => deployment.log.filter(({ message }) => message === event).length;
    const deaths = count("worker.died");
    const row = {
      case: "stop",
      endedAfterSeconds: tookMs.map((ms) => Math.round(ms / 100) / 10),
      deaths,
      chunksRecovered: count("chunk.recovered"),
      lost,
      twice,
      stuck,
    };
    return [row, Math.max(...tookMs) <= mostStopMs && deaths + lost + twice + stuck === 0] as const;
  } finally {
    await end(company);
  }
}

/** Starts a host anew whenever it has ended by itself, as the platform does. */
async function restarting(
  host: () => AppProcess,
  start: () => Promise<void>,
  ended: AbortSignal,
): Promise<void> {
  const over = new Promise<void>((resolve) => ended.addEventListener("abort", () => resolve()));
  while (!ended.aborted) {
    await Promise.race([host().exited, over]);
    if (!ended.aborted) await start();
  }
}

/** @throws Error if nothing is copied: then there was too little to be interrupted. */
async function copying({ deployment }: Company): Promise<void> {
  const mark = deployment.log.length;
  for (const deadline = Date.now() + 3 * minute; Date.now() < deadline; await sleep(100))
    if (deployment.log.slice(mark).some(({ message }) => message === "chunk.copied")) return;
  throw new Error("nothing is copied any more: give more --messages");
}

async function settled({ deployment }: Company, name: string, count: number) {
  for (const deadline = Date.now() + patienceMs; ; await sleep(1_000)) {
    const rows = await deployment.mailboxes(name).catch(() => []);
    const done = rows.filter(({ status }) => status === "Synced" || status === "Failed").length;
    if (done === count || Date.now() > deadline) return rows;
  }
}

async function end(company: Company): Promise<void> {
  const lines = company.deployment.log.map((event) => JSON.stringify(event));
  if (values.log) await writeFile(values.log, lines.join("\n"), { flag: "a" });
  await company.stop();
}

function figures({
  syncedItemCount,
  skippedItemCount,
}: {
  syncedItemCount: number;
  skippedItemCount: number;
}) {
  return { copied: syncedItemCount, skipped: skippedItemCount };
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}

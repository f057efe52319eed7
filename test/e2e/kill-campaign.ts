/**
 * Kills the worker with SIGKILL at random moments of a migration, again and again, and compares at the end:
 * `node test/e2e/kill-campaign.ts [--target imap|graph] [--kills 20] [--mailboxes 20] [--messages 5000] [--seed a] [--log file]`.
 * Writes of a killed worker may be stored up to 30 seconds after its death. Exit code 1 if anything is lost or doubled.
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { compareImapToGraph } from "../stack/compare/imap-to-graph.ts";
import { compareImapToImap } from "../stack/compare/imap-to-imap.ts";
import { startDelayProxy } from "../stack/delay-proxy/delay-proxy.ts";
import { type Deployment, startDeployment } from "../stack/deployment.ts";
import { Random } from "../stack/random.ts";
import { type Source, startImapTarget, startSource } from "./dovecot-pair.ts";

const lateMs = 30_000;

const { values } = parseArgs({
  options: {
    target: { type: "string", default: "imap" },
    kills: { type: "string", default: "20" },
    mailboxes: { type: "string", default: "20" },
    messages: { type: "string", default: "5000" },
    seed: { type: "string", default: "a" },
    log: { type: "string" },
  },
});

interface Target {
  readonly deployment: Deployment;
  /** @returns a report of all differences, or undefined if there are none. */
  differences(user: string): Promise<string | undefined>;
  lateStores(): Promise<number>;
  stop(): Promise<void>;
}

const settings = { CHUNK_MAX_SECONDS: "20" };

async function imapTarget(source: Source): Promise<Target> {
  const target = await startImapTarget(source);
  const proxy = await startDelayProxy({
    targetHost: target.server.host,
    targetPort: target.server.port,
    tls: target.server,
    behaviour: { holdAppendMs: 300, lateAppendMs: lateMs },
  });
  const deployment = await startDeployment({
    settings: { ...settings, ...target.settings, TARGET_IMAP_PORT: String(proxy.port) },
  });
  return {
    deployment,
    async differences(user) {
      const difference = await compareImapToImap(source.access(user), target.access(user));
      return difference.equal ? undefined : difference.report;
    },
    lateStores: async () => (await proxy.counters()).lateAppends,
    async stop() {
      await deployment.stop();
      await proxy.stop();
      await target.server.stop();
    },
  };
}

async function graphTarget(source: Source): Promise<Target> {
  // Long enough under way for writes to be without their caller when the worker dies.
  const deployment = await startDeployment({
    settings,
    graph: { latencyMs: 250, faults: { seed: 1, storeDelayMs: lateMs } },
  });
  const { graph } = deployment.stack;
  if (graph === undefined) throw new Error("the deployment has no Graph stand-in");
  for (const user of source.users) graph.addMailbox({ userPrincipalName: source.emailAddress(user) });
  return {
    deployment,
    async differences(user) {
      const difference = await compareImapToGraph(
        source.access(user),
        graph.mailbox(source.emailAddress(user)),
      );
      return difference.equal ? undefined : difference.report;
    },
    lateStores: async () => graph.faults.lateEffects,
    stop: () => deployment.stop(),
  };
}

/** Waits until the worker has copied something since its start. @returns false if no mailbox goes on. */
async function isCopying(): Promise<boolean> {
  const mark = deployment.log.length;
  for (;;) {
    if (deployment.log.slice(mark).some(({ message }) => message === "chunk.copied")) return true;
    const rows = await deployment.mailboxes("kills").catch(() => []);
    if (rows.length > 0 && rows.every(({ status }) => status === "Synced" || status === "Failed"))
      return false;
    await sleep(100);
  }
}

const random = new Random(values.seed);
const source = await startSource({
  seed: values.seed,
  mailboxes: Number(values.mailboxes),
  messages: Number(values.messages),
});
const target = await (values.target === "graph" ? graphTarget(source) : imapTarget(source));
const { deployment } = target;
let failed = false;
try {
  await deployment.putEndpoint("dovecot", source.endpoint);
  await deployment.upload("dovecot", "kills", source.rows());
  const started = Date.now();
  let kills = 0;
  while (kills < Number(values.kills) && (await isCopying())) {
    await sleep(random.integer(0, 4_000));
    await deployment.crashAndRestart();
    kills++;
    if (kills % 10 === 0) console.log(`${kills} kills, ${Math.round((Date.now() - started) / 1000)} s`);
  }
  const batch = await deployment.waitUntilSettled("kills", 30 * 60_000);
  await sleep(lateMs);
  for (const user of source.users) {
    const report = await target.differences(user);
    if (report === undefined) continue;
    failed = true;
    console.log(`${user}: ${report}`);
  }
  const count = (event: string) => deployment.log.filter(({ message }) => message === event).length;
  console.log(
    JSON.stringify({
      target: values.target,
      seed: values.seed,
      kills,
      seconds: Math.round((Date.now() - started) / 1000),
      status: batch.status,
      items: batch.syncedItemCount,
      skipped: batch.skippedItemCount,
      chunksRecovered: count("chunk.recovered"),
      duplicatesRemoved: count("duplicate.removed"),
      lateStores: await target.lateStores(),
      stepsCrashed: count("step.crashed"),
      equal: !failed,
    }),
  );
  if (batch.status !== "Synced") {
    failed = true;
    const unsynced = (await deployment.mailboxes("kills")).filter(({ status }) => status !== "Synced");
    console.log(JSON.stringify(unsynced));
  }
} finally {
  if (values.log)
    await writeFile(values.log, deployment.log.map((event) => JSON.stringify(event)).join("\n"));
  await target.stop();
  await source.server.stop();
}
process.exit(failed ? 1 : 0);

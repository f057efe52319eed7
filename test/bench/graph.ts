/**
 * How fast a mailbox is copied into Microsoft Graph, beside a plain HTTP client in the same run under the same faults:
 * `npm run bench:graph [-- --latency 50,250 --faults 0,1,5,12 --messages 10000 --faulty 2000 --runs 3 --workers 1,2,4,8 --each 1000]`, on
 * Linux. From a Dovecot into the Graph stand-in, which lets each request wait and takes four at once. Faults are in percent
 * of the creates (see `faultsOf`); `--messages` are those of a row without faults, `--faulty` those of one with. With
 * `--workers`, at 250 ms: so many worker processes with a mailbox of `--each` messages each, and one with so many of them.
 * After each copy every message is looked for: one that is lost or twice ends the run. `--beside` is the directory of another
 * build of the app, which is measured as well. Prints a table of medians, and a JSON line a row.
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { userAccess } from "../stack/imap-access.ts";
import { startDovecot } from "../stack/imap-servers/dovecot.ts";
import { type Copy, measureApp, measurePlain } from "./graph/programs.ts";
import { faultsOf, startGraphService } from "./graph/service.ts";
import { measureSpread, type Spread } from "./graph/workers.ts";
import { fillWithSmall } from "./links/loads.ts";
import { type Measured, median } from "./links/measured.ts";

const { values } = parseArgs({
  options: {
    latency: { type: "string", default: "50,250" },
    faults: { type: "string", default: "0,1,5,12" },
    messages: { type: "string", default: "10000" },
    faulty: { type: "string", default: "2000" },
    runs: { type: "string", default: "3" },
    workers: { type: "string", default: "1,2,4,8" },
    each: { type: "string", default: "1000" },
    beside: { type: "string" },
  },
});
const numbersOf = (list: string) => (list === "" ? [] : list.split(",").map(Number));
const hundredths = (figure: number) => Math.round(figure * 100) / 100;
const load = () => loadavg().map(hundredths)[0];

const { beside } = values;
const programs: readonly (readonly [string, (copy: Copy) => Promise<Measured>])[] = [
  ["plain", measurePlain],
  ["app", (copy) => measureApp(copy)],
  ...(beside === undefined ? [] : [["beside", (copy: Copy) => measureApp(copy, beside)] as const]),
];
const rows: object[] = [];
const show = (row: object): void => {
  rows.push(row);
  console.log(JSON.stringify({ benchmark: "graph", ...row, loadAverage: load() }));
};

for (const messages of new Set([Number(values.messages), Number(values.faulty)])) {
  const shares = numbersOf(values.faults).filter(
    (percent) => Number(percent === 0 ? values.messages : values.faulty) === messages,
  );
  if (shares.length === 0) continue;
  const source = await startDovecot({ users: 1 });
  try {
    const user = source.userName(1);
    await fillWithSmall(userAccess(source, user), messages);
    for (const latencyMs of numbersOf(values.latency))
      for (const percent of shares) await compare({ source, user, messages }, latencyMs, percent);
  } finally {
    await source.stop();
  }
}
const counts = numbersOf(values.workers);
if (counts.length > 0) await spread(counts);
console.table(rows);

async function compare(
  copy: Pick<Copy, "source" | "user" | "messages">,
  latencyMs: number,
  percent: number,
): Promise<void> {
  const graph = await startGraphService(latencyMs);
  const all = programs.map(([name, measure]) => ({ name, measure, runs: [] as Measured[] }));
  try {
    for (let run = 1; run <= Number(values.runs); run++)
      for (const { name, measure, runs } of all) {
        await graph.setFaults(faultsOf(percent / 100));
        runs.push(await measure({ ...copy, graph, emailAddress: `${name}-${run}@contoso.com` }));
      }
  } finally {
    await graph.stop();
  }
  const { messages } = copy;
  let plainSeconds: number | undefined;
  for (const { name, runs } of all) {
    const measured = median(runs);
    plainSeconds ??= measured.copyingSeconds;
    show({
      latencyMs,
      faultPercent: percent,
      messages,
      runs: runs.length,
      program: name,
      ...measured,
      perSecond: hundredths(messages / measured.copyingSeconds),
      ratio: hundredths(plainSeconds / measured.copyingSeconds),
    });
  }
}

async function spread(counts: readonly number[]): Promise<void> {
  const latencyMs = 250;
  const messages = Number(values.each);
  const most = Math.max(...counts);
  const source = await startDovecot({ users: most });
  const graph = await startGraphService(latencyMs);
  try {
    for (let user = 1; user <= most; user++)
      await fillWithSmall(userAccess(source, source.userName(user)), messages);
    const spreads: readonly Spread[] = [
      ...counts.map((workers) => ({ workers, mailboxesEach: 1 })),
      ...counts.filter((count) => count > 1).map((mailboxesEach) => ({ workers: 1, mailboxesEach })),
    ];
    let first: number | undefined;
    for (const one of spreads) {
      const { seconds, perSecond, cpuSeconds, coresBusy } = await measureSpread(graph, source, one, messages);
      first ??= perSecond;
      show({
        latencyMs,
        messages,
        ...one,
        seconds: hundredths(seconds),
        perSecond: hundredths(perSecond),
        timesOne: hundredths(perSecond / first),
        cpuSeconds: hundredths(cpuSeconds),
        coresBusy: hundredths(coresBusy),
      });
    }
  } finally {
    await graph.stop();
    await source.stop();
  }
}

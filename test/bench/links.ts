/**
 * How fast mail is copied over links of some length, beside other programs in the same run:
 * `npm run bench:links [-- --rtt 0,20,80 --loads small,realistic --runs 3]`, on Linux.
 * Two Dovecots, each behind a proxy that keeps every byte for half the round trip. Of the whole app: from the upload of the
 * CSV, and from the plan's end, to Synced. mbsync goes the same ways; doveadm backup reads over the first and writes into the files of the
 * second. Prints a table of medians, and a JSON line a row.
 */
import { parseArgs } from "node:util";
import { loads } from "./links/loads.ts";
import { type Measured, median } from "./links/measured.ts";
import { measureApp, measureDoveadm, measureMbsync } from "./links/programs.ts";
import { startSite } from "./links/site.ts";

const { values } = parseArgs({
  options: {
    rtt: { type: "string", default: "0,20,80" },
    loads: { type: "string", default: Object.keys(loads).join(",") },
    runs: { type: "string", default: "3" },
  },
});
const programs = { app: measureApp, mbsync: measureMbsync, doveadm: measureDoveadm };

const rows: object[] = [];
for (const name of values.loads.split(",")) {
  const load = loads[name];
  if (load === undefined) throw new Error(`--loads takes ${Object.keys(loads).join(", ")}, not ${name}`);
  for (const roundTripMs of values.rtt.split(",").map(Number)) {
    const site = await startSite(load, roundTripMs);
    try {
      const all: Record<string, Measured[]> = { app: [], mbsync: [], doveadm: [] };
      for (let run = 1; run <= Number(values.runs); run++)
        for (const [program, measure] of Object.entries(programs)) {
          const measured = await measure(site, `${program}-${run}`);
          if (measured) all[program]?.push(measured);
        }
      const app = median(all.app ?? []);
      for (const [program, measured] of Object.entries(all).filter(([, runs]) => runs.length > 0)) {
        const row = { load: load.title, roundTripMs, program, ...median(measured) };
        const ratio = Math.round((row.seconds / app.seconds) * 100) / 100;
        rows.push({ ...row, timesTheAppsTime: ratio });
        console.log(
          JSON.stringify({ benchmark: "links", runs: measured.length, ...row, timesTheAppsTime: ratio }),
        );
      }
    } finally {
      await site.stop();
    }
  }
}
console.table(rows);

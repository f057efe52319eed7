/**
 * How long a round takes in which nothing changed, from the start of its step to Synced, login included:
 * `npm run bench:rounds [-- --rtt 0,20 --mailboxes 200 --runs 3]`, on Linux. From a Dovecot behind a proxy that keeps every byte for
 * half the round trip. One mailbox of 10,020 messages in 30 folders beside mbsync, which has copied it into a Maildir before;
 * many small ones beside as many bare logins that list the folders with their status, as many of them at once. Prints a table
 * of medians, and a JSON line a row.
 */
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { startLatencyProxy } from "../stack/latency-proxy.ts";
import { middleOf } from "./links/measured.ts";
import { startBigDovecot } from "./no-change/servers.ts";
import { manyMailboxes } from "./rounds/many.ts";
import { oneMailbox } from "./rounds/one.ts";

const { values } = parseArgs({
  options: {
    rtt: { type: "string", default: "0,20" },
    mailboxes: { type: "string", default: "200" },
    runs: { type: "string", default: "3" },
  },
});
const runs = Number(values.runs);
const rows: object[] = [];

/** The median of each, and how many times that of the first it is. */
function show(what: object, measured: Readonly<Record<string, readonly number[] | undefined>>): void {
  const [own] = Object.values(measured).map((seconds) => middleOf(seconds ?? []));
  for (const [program, seconds] of Object.entries(measured)) {
    if (seconds === undefined) continue;
    const median = middleOf(seconds);
    const row = {
      ...what,
      program,
      seconds: rounded(median),
      appsTimes: rounded((own ?? Number.NaN) / median),
    };
    rows.push(row);
    console.log(JSON.stringify({ benchmark: "rounds", runs, ...row, loadAverage: loadavg()[0] }));
  }
}

function rounded(figure: number): number {
  return Math.round(figure * 1000) / 1000;
}

const trips = values.rtt.split(",").map(Number);
const big = await startBigDovecot();
try {
  for (const roundTripMs of trips) {
    const way = await startLatencyProxy(big.server, roundTripMs);
    try {
      show({ mailboxes: 1, roundTripMs }, await oneMailbox(big, way, runs));
    } finally {
      await way.stop();
    }
  }
} finally {
  await big.stop();
}
const mailboxes = Number(values.mailboxes);
if (mailboxes > 0)
  for (const roundTripMs of trips)
    show({ mailboxes, roundTripMs }, await manyMailboxes(mailboxes, roundTripMs, runs));
console.table(rows);

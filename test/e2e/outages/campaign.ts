/**
 * Takes each connection of the app away while it copies, on real processes, for 20 s, 90 s and 10 min, and prints how long
 * it took until everything went on by itself:
 * `node test/e2e/outages/campaign.ts [--connections storage,bus,vault,target,source] [--seconds 20,90,600] [--mailboxes 40] [--messages 20]`.
 * The connections are played one after another, each in processes of its own: 75 minutes. Exit code 1 if anything is lost, doubled or stuck.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { connections } from "../../stack/outages/switchboard.ts";
import type { Row } from "./row.ts";

const { values } = parseArgs({
  options: {
    connections: { type: "string", default: connections.join() },
    seconds: { type: "string", default: "20,90,600" },
    mailboxes: { type: "string", default: "40" },
    messages: { type: "string", default: "20" },
  },
});

const { connections: chosen, ...passed } = values;
const expected = chosen.split(",").length * values.seconds.split(",").length;
const rows: Row[] = [];
for (const connection of chosen.split(",")) rows.push(...(await rowsOf(connection)));
console.table(rows);
const good = rows.filter(({ lost, twice, stuck }) => lost + twice + stuck === 0);
console.log(`${good.length} of ${expected} outages cost time and nothing else`);
process.exitCode = good.length === expected ? 0 : 1;

async function rowsOf(connection: string): Promise<Row[]> {
  const given = Object.entries(passed).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "rows.ts"), "--connection", connection, ...given],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const found: Row[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith("{")) continue;
    found.push(JSON.parse(line));
    console.log(line);
  }
  return found;
}

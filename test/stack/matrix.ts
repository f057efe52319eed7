import { type CellResult, type Outcome, type RefusedResult, runMatrix } from "./matrix/journey.ts";
import { realServers } from "./matrix/real-servers.ts";
import { scriptedServers } from "./matrix/scripted-servers.ts";

// Copies from every kind of source server by every kind of login, and prints what became of it. An argument selects
// the cells whose title or login it is part of.

const [wanted = ""] = process.argv.slice(2);
const stops: (() => Promise<void>)[] = [];
const onStart = (stop: () => Promise<void>) => stops.push(stop);
const sources = [realServers(onStart), scriptedServers(onStart)];
const fits = (cell: { title: string; login?: string }) =>
  `${cell.title} ${cell.login ?? ""}`.includes(wanted);

try {
  const result = await runMatrix(
    sources.flatMap(({ cells }) => cells).filter(fits),
    sources.flatMap(({ refused }) => refused).filter(fits),
    (cell) => console.error(`${redIn(cell).length === 0 ? "ok " : "RED"} ${cell.server}, ${cell.title}`),
  );
  const { cells, refused, adminMail } = result;
  console.log(
    table([
      ["Source server", "Variant", "Login", "Initial copy", "No change", "New mail"],
      ...cells.map((cell) => [
        cell.server,
        cell.title,
        cell.login,
        mark(cell.initialCopy),
        mark(cell.secondRound),
        mark(cell.newMail),
      ]),
    ]),
  );
  console.log(
    table([
      ["Source server", "A login that must not reach the administrator's mailbox", "Refused"],
      ...refused.map((cell) => [cell.server, cell.title, mark(cell.refused)]),
    ]),
  );
  console.log(`Administrators' own mail in the target: ${adminMail ?? "none"}`);
  const red = [...cells, ...refused].flatMap(redIn);
  for (const reason of red) console.log(`\n${reason}`);
  process.exitCode = cells.length > 0 && red.length === 0 && adminMail === undefined ? 0 : 1;
} finally {
  await Promise.all(stops.map((stop) => stop()));
}

function mark(outcome: Outcome): string {
  return outcome === undefined ? "ok" : "RED";
}

function redIn(cell: CellResult | RefusedResult): readonly string[] {
  const outcomes = "refused" in cell ? [cell.refused] : [cell.initialCopy, cell.secondRound, cell.newMail];
  return outcomes
    .filter((outcome) => outcome !== undefined)
    .map((outcome) => `${cell.server}, ${cell.title}: ${outcome}`);
}

/** Rows as a table of GitHub's Markdown. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map(
    (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`,
  );
  lines.splice(1, 0, `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`);
  return `${lines.join("\n")}\n`;
}

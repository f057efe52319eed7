import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runConformance } from "./conformance/journey.ts";
import { withTable } from "./conformance/readme.ts";
import { renderTable } from "./conformance/table.ts";

// Sends every kind of message through the Graph target into the stand-in, and prints what became of it; with --write the
// table of README.md becomes what was seen.
const table = renderTable(await runConformance());
console.log(table);
if (process.argv.includes("--write")) {
  const readme = join(import.meta.dirname, "../../README.md");
  await writeFile(readme, withTable(await readFile(readme, "utf8"), table));
}

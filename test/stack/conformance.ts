import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runDamaged } from "./conformance/damaged/journey.ts";
import { renderDamaged } from "./conformance/damaged/table.ts";
import { askWitnesses } from "./conformance/damaged/witnesses.ts";
import { runConformance } from "./conformance/journey.ts";
import { withTable } from "./conformance/page.ts";
import { renderTable } from "./conformance/table.ts";

// Sends every kind of message through the Graph target into the stand-in, and prints what became of it; with --write the
// table of fidelity.md and the document of damaged mail become what was seen. With --witnesses other programs read the damaged
// messages as well.
if (process.argv.includes("--witnesses")) await askWitnesses();
const table = renderTable(await runConformance());
const { kinds, rows } = await runDamaged();
const damaged = renderDamaged(kinds, rows);
console.log(`${table}\n${damaged}`);
const lost = rows.flatMap((row) => row.lost);
if (lost.length > 0) console.log(`Lost:\n${lost.join("\n")}`);
if (process.argv.includes("--write")) {
  const root = join(import.meta.dirname, "../..");
  const page = join(root, "infra/docs/fidelity.md");
  await writeFile(page, withTable(await readFile(page, "utf8"), table));
  await writeFile(join(root, "infra/docs/damaged-mail.md"), damaged);
}

import type { Form } from "./aspects.ts";
import type { Row } from "./journey.ts";

/** What nearly every message keeps is said once, above the table; a row that deviates says so. */
function usual(rows: readonly Row[]): ReadonlySet<string> {
  const counts = new Map<string, number>();
  for (const { aspects } of rows)
    for (const { what, form } of aspects) if (form === "exact") counts.set(what, (counts.get(what) ?? 0) + 1);
  return new Set([...counts].filter(([, count]) => count > rows.length * 0.8).map(([what]) => what));
}

/** The conformance table in Markdown. */
export function renderTable(rows: readonly Row[]): string {
  const everywhere = usual(rows);
  const cell = (row: Row, form: Form) =>
    row.aspects
      .filter((aspect) => aspect.form === form && !(form === "exact" && everywhere.has(aspect.what)))
      .map((aspect) => aspect.what)
      .join(", ");
  const lines = rows.map(
    (row) => `| ${row.kind} | ${cell(row, "exact")} | ${cell(row, "other")} | ${cell(row, "lost")} |`,
  );
  return [
    `Unless its row says otherwise, a message keeps exactly: ${[...everywhere].join(", ")}. MIME boundaries, folding and transfer encodings are not kept, except inside S/MIME and attached messages.`,
    "",
    "| Kind of message | Preserved exactly | Preserved in another form | Not possible in Exchange |",
    "|---|---|---|---|",
    ...lines,
    "",
  ].join("\n");
}

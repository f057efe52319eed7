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
  const forms = ["exact", "other", "lost"] as const;
  return [
    `Unless its row says otherwise, a message keeps exactly: ${[...everywhere].join(", ")}. MIME boundaries, folding and transfer encodings are not kept, except inside S/MIME and attached messages.`,
    "",
    ...aligned([
      ["Kind of message", "Preserved exactly", "Preserved in another form", "Cannot be held by Exchange"],
      ...rows.map((row) => [row.kind, ...forms.map((form) => cell(row, form))]),
    ]),
    "",
  ].join("\n");
}

/** A table in Markdown whose columns stand below each other, the first row its head. */
export function aligned(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [head, ...body] = rows.map(line);
  return [head ?? "", line(widths.map((width) => "-".repeat(width))), ...body];
}

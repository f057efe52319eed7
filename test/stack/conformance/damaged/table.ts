import { aligned } from "../table.ts";
import type { DamagedRow, KindRow } from "./journey.ts";
import { witnesses } from "./witnesses.ts";

/** The damaged half of the conformance table in Markdown. */
export function renderDamaged(kinds: readonly KindRow[], rows: readonly DamagedRow[]): string {
  const total = rows.reduce((sum, row) => sum + row.messages, 0);
  return [
    "# Damaged mail on the Graph target",
    "",
    "How mail is read that breaks the standards; written by `npm run conformance -- --write`. The yardstick is what Outlook, Thunderbird or Gmail show. Whatever is read by a guess is counted by kind, and a header or part that cannot be read at its place is kept in the original header or as an attachment.",
    "",
    "## Kinds met in the field",
    "",
    "Each has a message with its right reading in `test/stack/conformance/damaged/kinds.ts`.",
    "",
    ...aligned([
      ["Kind", "Arrives", "Counted as a guess"],
      ...kinds.map((row) => [
        row.kind,
        row.wrong.length === 0 ? "as meant" : `not: ${row.wrong.join(", ")}`,
        row.guesses.join(", "),
      ]),
    ]),
    "",
    "## Messages damaged one way at a time",
    "",
    `${total} messages: well-formed ones of eight forms, whose content is known before a mutation damages their form. So the truth comes from no parser. Four programs that share no code with the product or each other were asked as well; the numbers say of how many messages each reads sender, subject, text and files as they were meant (Dovecot tells no text). \`npm run conformance -- --witnesses\` asks them anew, on Debian.`,
    "",
    ...aligned([
      ["Damage", "Messages", "Arrive as meant", ...witnesses, "Lost", "Counted as a guess"],
      ...rows.map((row) => [
        `${row.family}: ${row.damage}`,
        `${row.messages}`,
        `${row.asMeant}${row.wrong.length === 0 ? "" : ` (not: ${row.wrong.join(", ")})`}`,
        ...witnesses.map((witness) => `${row.witnesses[witness] ?? 0}`),
        `${row.lost.length}`,
        row.guesses.join(", "),
      ]),
      [
        "All",
        `${total}`,
        `${rows.reduce((sum, row) => sum + row.asMeant, 0)}`,
        ...witnesses.map((witness) => `${rows.reduce((sum, row) => sum + (row.witnesses[witness] ?? 0), 0)}`),
        `${rows.reduce((sum, row) => sum + row.lost.length, 0)}`,
        "",
      ],
    ]),
    "",
  ].join("\n");
}

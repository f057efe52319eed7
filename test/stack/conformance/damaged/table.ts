import { aligned } from "../table.ts";
import { disagreements, enoughWitnesses } from "./disagreements.ts";
import type { DamagedRow, KindRow } from "./journey.ts";
import { witnesses } from "./witnesses.ts";

/** The damaged half of the conformance table in Markdown. */
export function renderDamaged(kinds: readonly KindRow[], rows: readonly DamagedRow[]): string {
  const disputed = rows.filter((row) => row.agreeing.length < enoughWitnesses);
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
    `${total} messages: well-formed ones of eight forms, whose content is known before a mutation damages their form. So the truth comes from no parser. Seven programs that share no code with the product or each other were asked as well; the numbers say of how many messages each reads sender, subject, text and files as they were meant (none where it says nothing: Dovecot of texts and encoded words). \`npm run conformance -- --witnesses\` asks them anew, on Debian.`,
    "",
    ...aligned([
      [
        "Damage",
        "Messages",
        "Arrive as meant",
        ...witnesses,
        "All as meant by",
        "Lost",
        "Counted as a guess",
      ],
      ...rows.map((row) => [
        `${row.family}: ${row.damage}`,
        `${row.messages}`,
        `${row.asMeant}${row.wrong.length === 0 ? "" : ` (not: ${row.wrong.join(", ")})`}`,
        ...witnesses.map((witness) => `${row.witnesses[witness] ?? ""}`),
        `${row.agreeing.length}`,
        `${row.lost.length}`,
        row.guesses.join(", "),
      ]),
      [
        "All",
        `${total}`,
        `${rows.reduce((sum, row) => sum + row.asMeant, 0)}`,
        ...witnesses.map((witness) => `${rows.reduce((sum, row) => sum + (row.witnesses[witness] ?? 0), 0)}`),
        "",
        `${rows.reduce((sum, row) => sum + row.lost.length, 0)}`,
        "",
      ],
    ]),
    "",
    "## Where fewer than three programs agree",
    "",
    `Of ${rows.length} kinds of damage, ${rows.length - disputed.length} are read as they were meant by ${enoughWitnesses} programs or more. Of the others it is said what these programs make of them, and why they are read otherwise here.`,
    "",
    ...disputed.flatMap((row) => {
      const damage = `${row.family}: ${row.damage}`;
      const agreeing = row.agreeing.length === 0 ? "no program" : row.agreeing.join(", ");
      return [`- **${damage}** (as meant by ${agreeing}). ${disagreements[damage] ?? ""}`];
    }),
    "",
  ].join("\n");
}

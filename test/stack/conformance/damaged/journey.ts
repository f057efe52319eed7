import { bufferSource } from "../../../../shared/adapters/byte-source.ts";
import { isGuess } from "../../../../shared/adapters/graph/mime/notes.ts";
import { planMessage } from "../../../../shared/adapters/graph/mime/plan.ts";
import type { GuessCode } from "../../../../shared/domain/warnings.ts";
import type { MessageInspection } from "../../graph/index.ts";
import { type Journey, startJourney } from "../journey.ts";
import { damagedKinds, type RightReading } from "./kinds.ts";
import { type DamagedMessage, damagedMessages, type Family } from "./mutations.ts";
import { agreement, digest, type Point, points, type Reading } from "./reading.ts";
import { isSilentIn, storedVerdicts, type Verdicts, type Witness, witnesses } from "./witnesses.ts";

/** A kind of damage and how it arrived. */
export interface KindRow {
  readonly kind: string;
  /** Points that arrived otherwise than they were meant. */
  readonly wrong: readonly string[];
  readonly guesses: readonly GuessCode[];
}

/** What became of all messages with one damage. */
export interface DamagedRow {
  readonly family: Family;
  readonly damage: string;
  readonly messages: number;
  /** Messages of which every point arrived as it was meant. */
  readonly asMeant: number;
  readonly wrong: readonly Point[];
  /** Messages that each program reads as they were meant; absent where it says nothing. */
  readonly witnesses: Partial<Record<Witness, number>>;
  /** Programs that read all of them as they were meant. */
  readonly agreeing: readonly Witness[];
  /** What is nowhere in the target: words, files, lines of the header. */
  readonly lost: readonly string[];
  readonly guesses: readonly GuessCode[];
}

export interface DamagedRun {
  readonly kinds: readonly KindRow[];
  readonly rows: readonly DamagedRow[];
}

/** Sends all damaged mail through the adapter into the stand-in and compares what arrived with what was meant. */
export async function runDamaged(): Promise<DamagedRun> {
  const journey = await startJourney();
  try {
    const kinds: KindRow[] = [];
    for (const { kind, content, right } of damagedKinds) {
      const arrival = await send(journey, content);
      kinds.push({ kind, wrong: wrongPoints(arrival, right), guesses: await guessesOf(content) });
    }
    const verdicts = await storedVerdicts();
    const byDamage = new Map<string, DamagedMessage[]>();
    for (const message of damagedMessages()) {
      const damage = `${message.family}: ${message.damage}`;
      byDamage.set(damage, [...(byDamage.get(damage) ?? []), message]);
    }
    const rows: DamagedRow[] = [];
    for (const messages of byDamage.values()) rows.push(await rowOf(messages, journey, verdicts));
    return { kinds, rows };
  } finally {
    await journey.close();
  }
}

function send(journey: Journey, content: Buffer): Promise<MessageInspection> {
  return journey.send({
    kind: "damaged",
    content,
    flags: [],
    internalDate: new Date("2015-03-03T08:00:06Z"),
  });
}

async function guessesOf(content: Buffer): Promise<readonly GuessCode[]> {
  const facts = { internalDate: new Date(0), flags: [], stamp: "s", chunkToken: "c" };
  const { notes } = await planMessage(bufferSource(content), facts);
  return [...notes].filter(isGuess).toSorted();
}

async function rowOf(
  messages: readonly DamagedMessage[],
  journey: Journey,
  verdicts: Verdicts,
): Promise<DamagedRow> {
  const [first] = messages;
  if (first === undefined) throw new RangeError("a damage without messages");
  let asMeant = 0;
  const wrong = new Set<Point>();
  const lost: string[] = [];
  const guesses = new Set<GuessCode>();
  for (const message of messages) {
    const arrival = await send(journey, message.content);
    const agreed = agreement(readingOf(arrival), message.truth);
    if (agreed.size === points.length) asMeant++;
    for (const point of points) if (!agreed.has(point)) wrong.add(point);
    for (const what of lostOf(message, arrival)) lost.push(`${message.id}: ${what}`);
    for (const guess of await guessesOf(message.content)) guesses.add(guess);
  }
  const telling = witnesses.filter((witness) => !isSilentIn(witness, first.family));
  const counts = telling.map((witness) => {
    const agreeing = messages.filter(({ id }) => verdicts[id]?.[witness]?.length === 0);
    return [witness, agreeing.length] as const;
  });
  return {
    family: first.family,
    damage: first.damage,
    messages: messages.length,
    asMeant,
    wrong: [...wrong],
    witnesses: Object.fromEntries(counts),
    agreeing: counts.filter(([, agreed]) => agreed === messages.length).map(([witness]) => witness),
    lost,
    guesses: [...guesses].toSorted(),
  };
}

function readingOf(arrival: MessageInspection): Reading {
  const { subject, from, body } = arrival.properties;
  return {
    subject: subject ?? "",
    from: [from?.name ?? "", from?.address ?? ""],
    text: body.content,
    files: arrival.attachments.map((file) => [file.name, digest(file.bytes())]),
  };
}

/** What the source holds and nothing in the target does, neither in its place nor in another. */
function lostOf({ content, truth }: DamagedMessage, arrival: MessageInspection): readonly string[] {
  const files = arrival.attachments.map((file) => file.bytes());
  const header = arrival.extended("String 0x007D") ?? "";
  const text = [
    arrival.properties.subject,
    arrival.properties.body.content,
    header,
    ...files.map(String),
  ].join("\n");
  const words = truth.words.filter((word) => !text.includes(word)).map((word) => `word "${word}"`);
  const missing = truth.files.filter(
    ({ content: bytes }) =>
      !files.some((file) => digest(file) === digest(bytes)) && !text.includes(bytes.toString()),
  );
  const source = content.toString("latin1").replaceAll("\r\n", "\n");
  // With Content-Type begins what is read as MIME; before it stand the fields of the message.
  const lines = source.slice(0, source.search(/^content-type/im)).split("\n");
  const kept = Buffer.from(text).toString("latin1").replaceAll("\r\n", "\n");
  // What JSON cannot hold is left out, and bytes of another charset are shown as text.
  const fields = lines.filter(
    (line) => /^[\x20-\x7e]+$/.test(line) && line.trim() !== "" && !kept.includes(line),
  );
  return [
    ...words,
    ...missing.map(({ name }) => `file "${name}"`),
    ...fields.map((line) => `header line "${line.slice(0, 40)}"`),
  ];
}

/** The points of a right reading in which the arrival is another. */
function wrongPoints(arrival: MessageInspection, right: RightReading): readonly string[] {
  const { subject, from, toRecipients, body } = arrival.properties;
  const text = body.content.replaceAll("\r\n", "\n").trim();
  const html = body.contentType.toLowerCase() === "html";
  const reading: Required<RightReading> = {
    subject: subject ?? "",
    from: person(from),
    to: toRecipients.map(person),
    text: html ? "" : text,
    html: html ? text : "",
    files: arrival.attachments.map((file) => [file.name, file.bytes().toString()]),
    sent: `${arrival.sentDateTime.toISOString().slice(0, 19)}Z`,
    fileType: arrival.attachments[0]?.contentType ?? "",
  };
  return Object.entries(right)
    .filter(
      ([point, value]) => JSON.stringify(reading[point as keyof RightReading]) !== JSON.stringify(value),
    )
    .map(([point]) => point);
}

function person({ name, address }: { readonly name?: string; readonly address?: string } = {}) {
  return {
    // Exchange shows the address where there is no name.
    ...(name === undefined || name === address ? {} : { name }),
    ...(address === undefined ? {} : { address }),
  };
}

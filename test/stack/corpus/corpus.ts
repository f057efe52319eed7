import { Random } from "../random.ts";
import type { Draft } from "./draft.ts";
import { type CorpusFolder, foldersOf } from "./folders.ts";
import { MALFORMED } from "./malformed.ts";
import { largeMessage, ORDINARY } from "./ordinary.ts";
import { ENGLISH, LANGUAGES } from "./text.ts";

export interface CorpusOptions {
  /** The same seed and counts give the same mail. */
  readonly seed: string;
  readonly mailboxes: number;
  /** In all mailboxes together; mailboxes differ in size. */
  readonly messages: number;
  /** Bytes of the largest message, default 25 MB. There is one of this size in the first mailbox. */
  readonly largest?: number;
  /** Folder names with emoji, default true. */
  readonly emoji?: boolean;
}

export interface CorpusMessage {
  readonly folder: CorpusFolder;
  /** System flags and keywords. */
  readonly flags: readonly string[];
  /** INTERNALDATE, to the second. */
  readonly internalDate: Date;
  readonly content: Buffer;
  /** What is special about it, for the report of a test that fails. */
  readonly kind: string;
}

export interface CorpusMailbox {
  readonly folders: readonly CorpusFolder[];
  readonly messageCount: number;
  /** Makes the messages one by one; the same ones at every call. */
  messages(): Generator<CorpusMessage>;
}

const MEGABYTE = 1024 * 1024;
const FIRST_DATE = Date.UTC(2011, 0, 1);
const LAST_DATE = Date.UTC(2025, 11, 31);
const LARGE_SHARE = 0.004;
const MALFORMED_SHARE = 0.06;
const REPEATED_SHARE = 0.03;
const KEYWORDS = ["$Forwarded", "$MDNSent", "$NotJunk", "$label1", "Projekt_2021", "to-do", "NonJunk"];

type Repetition = "identicalTwin" | "twinAtAnotherTime" | "sameMessageId";
const REPETITIONS: readonly Repetition[] = ["identicalTwin", "twinAtAnotherTime", "sameMessageId"];

/** Realistic mailboxes, with every kind of message once before any comes twice. */
export function generateCorpus(options: CorpusOptions): CorpusMailbox[] {
  const root = new Random(options.seed);
  const counts = shares(root.fork("counts"), options.mailboxes, options.messages);
  return counts.map((messageCount, index) => {
    const random = root.fork(index);
    const folders = foldersOf(random.fork("folders"), options.emoji ?? true);
    return {
      folders,
      messageCount,
      messages: () => messagesOf(random.fork("messages"), folders, messageCount, largestOf(options, index)),
    };
  });
}

interface Sizes {
  /** Size of a message that is always there. */
  readonly certain: number | undefined;
  readonly largest: number;
}

function largestOf(options: CorpusOptions, index: number): Sizes {
  const largest = options.largest ?? 25 * MEGABYTE;
  return { certain: index === 0 ? largest : undefined, largest };
}

function shares(random: Random, count: number, total: number): number[] {
  const weights = Array.from({ length: count }, () => 0.5 + random.next());
  const sum = weights.reduce((a, b) => a + b, 0);
  const parts = weights.map((weight) => Math.floor((total * weight) / sum));
  const rest = total - parts.reduce((a, b) => a + b, 0);
  return parts.map((part, index) => (index < rest ? part + 1 : part));
}

function* messagesOf(
  random: Random,
  folders: readonly CorpusFolder[],
  count: number,
  sizes: Sizes,
): Generator<CorpusMessage> {
  const weights = folders.map((folder) => folder.weight);
  const kinds = kindsOf(random.fork("kinds"), count, sizes);
  const earlier = new Map<CorpusFolder, CorpusMessage & { messageId: string }>();
  for (const [index, kind] of kinds.entries()) {
    const own = random.fork(index);
    const folder = folders[own.weighted(weights)];
    if (folder === undefined) throw new RangeError("a mailbox has folders");
    const previous = earlier.get(folder);
    const date = new Date(Math.floor(FIRST_DATE + own.next() * (LAST_DATE - FIRST_DATE)) - (index % 1_000));
    date.setUTCMilliseconds(0);
    const flags = flagsOf(own, folder);
    if (previous !== undefined && kind === "identicalTwin") {
      yield { ...previous, kind };
      continue;
    }
    if (previous !== undefined && kind === "twinAtAnotherTime") {
      yield { ...previous, flags, internalDate: date, kind };
      continue;
    }
    const messageId =
      previous !== undefined && kind === "sameMessageId"
        ? previous.messageId
        : `${own.integer(1e9, 1e10).toString(36)}.${index}@mail.example.com`;
    const draft: Draft = {
      random: own,
      language: own.chance(0.4) ? ENGLISH : own.pick(LANGUAGES),
      date,
      messageId,
      size: sizeOf(own, kind, sizes),
    };
    const made = { folder, flags, internalDate: date, content: contentOf(draft, kind), kind };
    if (made.content.length < MEGABYTE) earlier.set(folder, { ...made, messageId });
    yield made;
  }
}

/** The kinds of a mailbox's messages: the rare ones are certain to be there, then all follow their shares. */
function kindsOf(random: Random, count: number, sizes: Sizes): string[] {
  const certain = [...random.shuffle([...Object.keys(ORDINARY), ...Object.keys(MALFORMED)]), ...REPETITIONS];
  if (sizes.certain !== undefined) certain.unshift("largest");
  const kinds = certain.slice(0, count);
  while (kinds.length < count) {
    const share = random.next();
    if (share < LARGE_SHARE) kinds.push("large");
    else if (share < LARGE_SHARE + REPEATED_SHARE) kinds.push(random.pick(REPETITIONS));
    else if (share < LARGE_SHARE + REPEATED_SHARE + MALFORMED_SHARE)
      kinds.push(random.pick(Object.keys(MALFORMED)));
    else kinds.push(random.pick(Object.keys(ORDINARY)));
  }
  return kinds;
}

function sizeOf(random: Random, kind: string, sizes: Sizes): number {
  if (kind === "largest") return sizes.largest;
  if (kind === "large") return random.magnitude(Math.min(MEGABYTE, sizes.largest), sizes.largest);
  return Math.min(random.magnitude(2_000, 40_000), sizes.largest);
}

function contentOf(draft: Draft, kind: string): Buffer {
  if (kind === "large" || kind === "largest") return largeMessage(draft);
  // A repetition with nothing before it in its folder is an ordinary message.
  const make = ORDINARY[kind] ?? MALFORMED[kind] ?? ORDINARY.alternative;
  if (make === undefined) throw new RangeError(`there is no kind ${kind}`);
  return make(draft);
}

function flagsOf(random: Random, folder: CorpusFolder): string[] {
  const flags: string[] = [];
  if (random.chance(folder.specialUse === "inbox" ? 0.8 : 0.95)) flags.push("\\Seen");
  if (random.chance(0.05)) flags.push("\\Flagged");
  if (random.chance(0.15)) flags.push("\\Answered");
  if (random.chance(0.01)) flags.push("\\Deleted");
  if (folder.specialUse === "drafts") flags.push("\\Draft");
  if (folder.specialUse === "junk") flags.push("$Junk");
  if (random.chance(0.15)) flags.push(random.pick(KEYWORDS));
  if (random.chance(0.02)) flags.push(...random.shuffle(KEYWORDS).slice(0, 3));
  return [...new Set(flags)];
}

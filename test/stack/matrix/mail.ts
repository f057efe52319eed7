import type { CorpusMailbox, CorpusMessage } from "../corpus/corpus.ts";
import type { CorpusFolder } from "../corpus/folders.ts";
import { ORDINARY } from "../corpus/ordinary.ts";
import { ENGLISH } from "../corpus/text.ts";
import { Random } from "../random.ts";

const folders: readonly CorpusFolder[] = [
  { segments: ["INBOX"], specialUse: "inbox", weight: 1 },
  { segments: ["Sent"], specialUse: "sent", weight: 1 },
  { segments: ["Projekte", "Ärger & Co"], weight: 1 },
];
const messageCount = 15;
const flagSets = [[], ["\\Seen"], ["\\Seen", "\\Flagged"], ["\\Seen", "\\Answered"]];

/** A mailbox that every server takes: three folders, one nested and non-ASCII, and fifteen messages of as many kinds. */
export function smallMailbox(seed: string): CorpusMailbox {
  return { folders, messageCount, messages: () => messagesOf(new Random(seed)) };
}

function* messagesOf(random: Random): Generator<CorpusMessage> {
  const kinds = Object.entries(ORDINARY).slice(0, messageCount);
  for (const [index, [kind, make]] of kinds.entries()) {
    const own = random.fork(index);
    const date = new Date(Date.UTC(2015 + (index % 8), index % 12, 1 + index, 9, index));
    yield {
      folder: folders[index % folders.length] as CorpusFolder,
      flags: flagSets[index % flagSets.length] ?? [],
      internalDate: date,
      content: make({
        random: own,
        language: ENGLISH,
        date,
        messageId: `${index}.${own.integer(1e9, 1e10).toString(36)}@matrix.example`,
        size: 3_000,
      }),
      kind,
    };
  }
}

/** A message that arrives after the first copy. */
export function newMail(subject: string): Buffer {
  return Buffer.from(
    `From: late@example.com\r\nTo: you@example.com\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@late.example>\r\n\r\nIt came later.\r\n`,
  );
}

import type { Random } from "../random.ts";
import { drip, flood, type HostileBehaviour, type HostileCommand, honest, type Piece } from "./server.ts";

const capabilities = [
  ...["IMAP4rev1", "ID", "NAMESPACE", "ESEARCH", "CONDSTORE", "QRESYNC", "LIST-EXTENDED", "LIST-STATUS"],
  ...["SPECIAL-USE", "OBJECTID", "X-GM-EXT-1", "COMPRESS=DEFLATE", "LITERAL+", "AUTH=PLAIN", "LOGINDISABLED"],
];
const verbs = [
  "CAPABILITY",
  "ID",
  "LOGIN",
  "NAMESPACE",
  "LIST",
  "STATUS",
  "EXAMINE",
  "UID SEARCH",
  "UID FETCH",
];
const largest = 64 * 1024 * 1024;

/** A server that answers one to three commands, or its greeting, by a grammar of IMAP with everything wrong in it. */
export function randomBehaviour(random: Random): HostileBehaviour {
  const victims = new Set(random.shuffle(verbs).slice(0, random.integer(1, 3)));
  const offered = capabilities.filter((name) => name === "IMAP4rev1" || random.chance(0.4)).join(" ");
  const greets = random.chance(0.1);
  return {
    capabilities: offered,
    ...(greets ? { greeting: () => pieces(random, ["* OK ready\r\n"]) } : {}),
    answer: (command) =>
      victims.has(command.verb) && random.chance(0.8)
        ? pieces(random, [...honest(command, offered)], command)
        : undefined,
  };
}

function* pieces(random: Random, honestly: readonly Piece[], command?: HostileCommand): Generator<Piece> {
  const form = random.weighted([5, 5, 2, 0.2, 1, 1]);
  if (form === 0) yield* mutated(random, honestly);
  else if (form === 1) {
    for (let i = random.magnitude(1, 30); i > 0; i--) yield* response(random);
    yield* honestly;
  } else if (form === 2) {
    yield* flood(textOf([...response(random)]).slice(0, 60_000), random.magnitude(1, 1_000_000));
    yield* honestly;
  } else if (form === 3) yield* drip(textOf(honestly), random.magnitude(1, 200));
  else if (form === 4 && command) yield* status(random, command.tag);
  else yield* mutated(random, [...mutated(random, honestly)]);
}

/** Pieces with a few bytes or tokens of them changed. */
function* mutated(random: Random, honestly: readonly Piece[]): Generator<Piece> {
  let text = textOf(honestly).slice(0, 1_000_000);
  for (let i = random.magnitude(1, 20); i > 0; i--) {
    const at = random.integer(0, text.length);
    const gone = random.chance(0.5) ? random.magnitude(1, 40) : 0;
    text = text.slice(0, at) + textOf([...token(random, 3)]).slice(0, 1_000_000) + text.slice(at + gone);
  }
  yield Buffer.from(text, "latin1");
}

function* response(random: Random): Generator<Piece> {
  const kind = random.integer(0, 7);
  if (kind === 0) yield* status(random, "*");
  else if (kind === 1) yield* line(random, '* LIST (\\HasNoChildren) "/" ');
  else if (kind === 2) yield* line(random, "* SEARCH ");
  else if (kind === 3) yield* line(random, `* ESEARCH (TAG "a") UID ALL `);
  else if (kind === 4) yield* line(random, "* STATUS INBOX (MESSAGES 1 UIDNEXT 2 UIDVALIDITY ");
  else if (kind === 5)
    yield `* ${random.magnitude(1, 4e9)} ${random.pick(["EXISTS", "EXPUNGE", "RECENT"])}\r\n`;
  else if (kind === 6) yield* fetch(random);
  else
    yield* line(
      random,
      random.pick(["", "* ", "+ ", "a OK ", "* CAPABILITY ", "* BYE ", "* ID (", "* FLAGS ("]),
    );
}

function* line(random: Random, start: string): Generator<Piece> {
  yield start;
  for (let i = random.magnitude(1, 40); i > 0; i--) {
    yield* token(random, 0);
    yield random.pick([" ", " ", ",", ""]);
  }
  yield random.pick([")\r\n", "\r\n", "\r\n", "\n", "\r"]);
}

function* fetch(random: Random): Generator<Piece> {
  yield `* ${random.magnitude(1, 20)} FETCH (UID ${random.magnitude(1, 20)}`;
  const items = ["FLAGS", "INTERNALDATE", "RFC822.SIZE", "BODY[]", "BODY[HEADER]", "X-GM-LABELS", "MODSEQ"];
  for (const item of random.shuffle(items).slice(0, random.integer(1, 7))) {
    yield ` ${item} `;
    yield* token(random, 0);
  }
  yield random.pick([")\r\n", ")\r\n", ")\r\n", "\r\n"]);
}

function* status(random: Random, tag: string): Generator<Piece> {
  yield `${tag} ${random.pick(["OK", "NO", "BAD", "BYE"])} `;
  if (random.chance(0.5))
    yield `[${random.pick(["ALERT", "UIDNEXT 4", "MESSAGELIMIT 1 2", "UNAVAILABLE", "X"])}] `;
  const word = random.pick([
    "exceeded ",
    "backoff time: ",
    "temporarily ",
    "imap ",
    "x",
    "[",
    "(",
    '"',
    "\\",
  ]);
  yield* flood(word, random.magnitude(1, 100_000));
  yield "\r\n";
}

function* token(random: Random, depth: number): Generator<Piece> {
  const kind = random.integer(0, depth > 3 ? 6 : 9);
  if (kind === 0) yield String(random.magnitude(1, 1e12));
  else if (kind === 1)
    yield random.pick(["NIL", "INBOX", "\\Seen", "*", "1:*", "1:4294967295", '"01-Jan-2020 00:00:00 +0000"']);
  else if (kind === 2)
    yield `"${random.pick(["", '\\"', "a/b", "&Jjo-", "&&&&", "x".repeat(random.magnitude(1, 80_000))])}"`;
  else if (kind === 3) yield random.bytes(random.magnitude(1, 60)).toString("latin1");
  else if (kind === 4)
    yield random
      .pick(["(", ")", "[", "]", "{", "}", '"', "\0", "\r", "\n", "<", ">", "~", "%"])
      .repeat(random.magnitude(1, 400));
  else if (kind === 5) yield `{${random.magnitude(1, 1e15)}}\r\n`;
  else if (kind === 6) yield* literal(random, random.magnitude(1, 5_000));
  else if (kind === 7) yield* literal(random, random.magnitude(1, largest));
  else {
    yield "(";
    for (let i = random.magnitude(1, 12); i > 0; i--) {
      yield* token(random, depth + 1);
      yield " ";
    }
    yield ")";
  }
}

function* literal(random: Random, size: number): Generator<Piece> {
  // A literal that is shorter or longer than it says is the way to say anything at all.
  const served = random.chance(0.8) ? size : random.magnitude(1, size);
  yield `{${random.chance(0.1) ? "000" : ""}${size}}\r\n`;
  yield* flood(random.pick(["x", "\r\n", "Subject: x\r\n", "* 1 EXISTS\r\n"]), Math.ceil(served / 12));
}

function textOf(some: readonly Piece[]): string {
  let text = "";
  for (const piece of some) {
    if (text.length > 2_000_000) break;
    if (typeof piece === "string") text += piece;
    else if (Buffer.isBuffer(piece)) text += piece.toString("latin1");
  }
  return text;
}

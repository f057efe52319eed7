import {
  type Answer,
  drip,
  flood,
  type HostileBehaviour,
  type HostileCommand,
  numbers,
  type Piece,
} from "./server.ts";

export interface HostileCase extends HostileBehaviour {
  /** What the server does. */
  readonly name: string;
  /** The code of the error with which it ends; undefined where the server is served to the end. */
  readonly ends?: string;
  /** True if the server dribbles: such a case ends by the clock. */
  readonly slow?: boolean;
}

const MEGABYTE = 1024 * 1024;
const patternText = "exceeded exceed backoff time temporar imap ";

/** Answers the commands of one verb; the tagged line is added unless the pieces never end. */
function when(verb: string, pieces: (command: HostileCommand) => Iterable<Piece>): Answer {
  return (command) => (command.verb === verb ? tagged(command, pieces(command)) : undefined);
}

function* tagged({ tag }: HostileCommand, pieces: Iterable<Piece>): Generator<Piece> {
  yield* pieces;
  yield `${tag} OK done\r\n`;
}

function* join(...parts: readonly (Piece | Iterable<Piece>)[]): Generator<Piece> {
  for (const part of parts) {
    if (typeof part === "string" || Buffer.isBuffer(part) || "pause" in part) yield part;
    else yield* part;
  }
}

const refused =
  (verb: string, bytes: number, word = patternText): Answer =>
  (command) =>
    command.verb === verb
      ? join(`${command.tag} NO `, flood(word, Math.ceil(bytes / word.length)), "\r\n")
      : undefined;

const literal = (size: number): Iterable<Piece> => join(`{${size}}\r\n`, flood("x", size));

const fetchRow = (uid: number, size: number, content: Iterable<Piece>) =>
  join(
    `* ${uid} FETCH (UID ${uid} FLAGS () INTERNALDATE "01-Jan-2020 00:00:00 +0000" RFC822.SIZE ${size} BODY[] `,
    content,
    ")\r\n",
  );

const bodies =
  (pieces: (command: HostileCommand) => Iterable<Piece>): Answer =>
  (command) =>
    command.verb === "UID FETCH" && /BODY/i.test(command.line) ? tagged(command, pieces(command)) : undefined;

/**
 * Servers that are out to exhaust whoever connects, one trick each.
 * @param pauseMs between two bytes of those that dribble.
 */
export const hostileCases = (pauseMs = 5_000): readonly HostileCase[] => [
  {
    name: "greeting without an end",
    ends: "ResponseTooLarge",
    greeting: () => join("* OK ", flood("x", 512 * MEGABYTE)),
  },
  {
    name: "greeting of a literal of 255 MB",
    ends: "ResponseTooLarge",
    greeting: () => join("* OK ", literal(255 * MEGABYTE), "\r\n"),
  },
  {
    name: "one million capabilities",
    ends: "ResponseTooLarge",
    answer: when("CAPABILITY", () =>
      join(
        "* CAPABILITY IMAP4rev1",
        numbers(1_000_000, 1, (n) => ` X${n}`),
        "\r\n",
      ),
    ),
  },
  {
    name: "LOGIN refused with a text of 500 KB",
    ends: "ResponseTooLarge",
    answer: refused("LOGIN", 500_000),
  },
  {
    name: "LOGIN refused with a text of 500 KB, one word over and over",
    ends: "ResponseTooLarge",
    answer: refused("LOGIN", 500_000, "exceeded "),
  },
  { name: "LOGIN refused with a text of 60 KB", ends: "ServerUnavailable", answer: refused("LOGIN", 60_000) },
  {
    name: "LOGIN answered with a BYE of 500 KB",
    ends: "ResponseTooLarge",
    answer: ({ verb }) => (verb === "LOGIN" ? join("* BYE ", flood(patternText, 12_000), "\r\n") : undefined),
  },
  {
    name: "LOGIN answered with untagged lines without an end",
    ends: "AnswerTooLong",
    answer: when("LOGIN", () => flood("* OK still looking\r\n", 1e9)),
  },
  {
    name: "LOGIN answered with continuation lines without an end",
    ends: "AnswerTooLong",
    answer: when("LOGIN", () => flood("+ go on\r\n", 1e9)),
  },
  {
    name: "LOGIN answered a byte now and then",
    ends: "CommandTimeout",
    slow: true,
    answer: when("LOGIN", () => drip("* OK looking\r\n", pauseMs)),
  },
  {
    name: "ID of one million fields",
    ends: "ResponseTooLarge",
    answer: when("ID", () =>
      join(
        "* ID (",
        numbers(1_000_000, 1, (n) => `"k${n}" "v" `),
        ")\r\n",
      ),
    ),
  },
  {
    name: "one million namespaces",
    ends: "ResponseTooLarge",
    answer: when("NAMESPACE", () =>
      join(
        "* NAMESPACE (",
        numbers(1_000_000, 1, (n) => `("p${n}/" "/")`),
        ") NIL NIL\r\n",
      ),
    ),
  },
  {
    name: "LIST of ten million folders",
    ends: "TooManyFolders",
    answer: when("LIST", () => numbers(10_000_000, 1, (n) => `* LIST () "/" "folder ${n}"\r\n`)),
  },
  {
    name: "LIST of one folder without an end",
    ends: "TooManyFolders",
    answer: when("LIST", () => flood('* LIST () "/" INBOX\r\n', 1e9)),
  },
  {
    name: "LIST with a name of 255 MB in a literal",
    ends: "ResponseTooLarge",
    answer: when("LIST", () => join('* LIST () "/" ', literal(255 * MEGABYTE), "\r\n")),
  },
  {
    name: "LIST with eight literals of 200 MB",
    ends: "ResponseTooLarge",
    answer: when("LIST", () =>
      join(...Array.from({ length: 8 }, () => join('* LIST () "/" ', literal(200 * MEGABYTE), "\r\n"))),
    ),
  },
  {
    name: "LIST with a name of 60 KB of separators",
    answer: when("LIST", () => join('* LIST () "/" INBOX\r\n* LIST () "/" "', flood("a/", 30_000), '"\r\n')),
  },
  {
    name: "LIST with lists in lists",
    ends: "ResponseTooLarge",
    answer: when("LIST", () => join("* LIST ", flood("(", 1_000_000), "\r\n")),
  },
  {
    name: "STATUS of thousands of folders, each a moment before its time is over",
    ends: "CommandTimeout",
    slow: true,
    answer: (command) =>
      when("LIST", () => numbers(5_000, 1, (n) => `* LIST () "/" "folder ${n}"\r\n`))(command) ??
      (command.verb === "STATUS" ? join({ pause: 10 * pauseMs }, `${command.tag} NO later\r\n`) : undefined),
  },
  {
    name: "EXAMINE answered with EXISTS without an end",
    ends: "AnswerTooLong",
    answer: when("EXAMINE", () => flood("* 10 EXISTS\r\n", 1e9)),
  },
  {
    name: "EXAMINE with a list of one million flags",
    ends: "ResponseTooLarge",
    answer: when("EXAMINE", () =>
      join(
        "* OK [PERMANENTFLAGS (",
        numbers(1_000_000, 1, (n) => `k${n} `),
        ")] ok\r\n* OK [UIDVALIDITY 1] ok\r\n",
      ),
    ),
  },
  {
    name: "SEARCH of three million messages, none next to another",
    ends: "SourceFolderTooScattered",
    capabilities: "IMAP4rev1",
    answer: when("UID SEARCH", () =>
      join(
        "* SEARCH",
        numbers(3_000_000, 2, (n) => ` ${n}`),
        "\r\n",
      ),
    ),
  },
  {
    name: "SEARCH of three million messages in a row",
    capabilities: "IMAP4rev1",
    answer: when("UID SEARCH", () =>
      join(
        "* SEARCH",
        numbers(3_000_000, 1, (n) => ` ${n}`),
        "\r\n",
      ),
    ),
  },
  {
    name: "SEARCH of two million messages in a row",
    capabilities: "IMAP4rev1",
    answer: when("UID SEARCH", () =>
      join(
        "* SEARCH",
        numbers(2_000_000, 1, (n) => ` ${n}`),
        "\r\n",
      ),
    ),
  },
  {
    name: "SEARCH of one million messages, none next to another",
    ends: "SourceFolderTooScattered",
    capabilities: "IMAP4rev1",
    answer: when("UID SEARCH", () =>
      join(
        "* SEARCH",
        numbers(1_000_000, 2, (n) => ` ${n}`),
        "\r\n",
      ),
    ),
  },
  {
    name: "SEARCH of 200,000 messages, the highest first",
    capabilities: "IMAP4rev1",
    answer: when("UID SEARCH", () =>
      join(
        "* SEARCH",
        numbers(200_000, 2, (n) => ` ${1_000_000 - n}`),
        "\r\n",
      ),
    ),
  },
  {
    name: "SEARCH answered in one million lines",
    ends: "AnswerTooLong",
    capabilities: "IMAP4rev1",
    answer: when("UID SEARCH", () => numbers(1_000_000, 2, (n) => `* SEARCH ${n}\r\n`)),
  },
  {
    name: "SEARCH of two million messages, two spaces between them",
    capabilities: "IMAP4rev1",
    answer: when("UID SEARCH", () =>
      join(
        "* SEARCH",
        numbers(2_000_000, 1, (n) => `  ${n}`),
        "\r\n",
      ),
    ),
  },
  {
    name: "ESEARCH of one million ranges",
    ends: "SourceFolderTooScattered",
    answer: when("UID SEARCH", ({ tag }) =>
      join(
        `* ESEARCH (TAG "${tag}") UID ALL 1`,
        numbers(1_000_000, 3, (n) => `,${n + 2}`),
        "\r\n",
      ),
    ),
  },
  {
    name: "ESEARCH of 200,000 ranges",
    answer: when("UID SEARCH", ({ tag }) =>
      join(
        `* ESEARCH (TAG "${tag}") UID ALL 1`,
        numbers(200_000, 3, (n) => `,${n + 2}`),
        "\r\n",
      ),
    ),
  },
  {
    name: "ESEARCH of all numbers there can be",
    answer: when("UID SEARCH", ({ tag }) => [`* ESEARCH (TAG "${tag}") UID ALL 1:4294967295\r\n`]),
  },
  {
    name: "SEARCH answered a byte now and then",
    ends: "CommandTimeout",
    slow: true,
    capabilities: "IMAP4rev1",
    answer: when("UID SEARCH", () => join("* SEARCH", drip(" 1", pauseMs))),
  },
  {
    name: "FETCH answered with the same row without an end",
    ends: "AnswerTooLong",
    answer: when("UID FETCH", () =>
      flood('* 1 FETCH (UID 1 FLAGS () INTERNALDATE "01-Jan-2020 00:00:00 +0000" RFC822.SIZE 10)\r\n', 1e9),
    ),
  },
  {
    name: "FETCH of one million flags",
    ends: "ResponseTooLarge",
    answer: when("UID FETCH", () =>
      join(
        "* 1 FETCH (UID 1 FLAGS (",
        numbers(1_000_000, 1, (n) => `k${n} `),
        "))\r\n",
      ),
    ),
  },
  {
    name: "FETCH of bodies of 255 MB for messages of 100 bytes",
    ends: "ResponseTooLarge",
    answer: bodies(() => join(...[1, 2, 3].map((uid) => fetchRow(uid, 100, literal(255 * MEGABYTE))))),
  },
  {
    name: "FETCH of eight bodies of 200 MB in one answer",
    ends: "ResponseTooLarge",
    answer: bodies(() =>
      join(
        '* 1 FETCH (UID 1 FLAGS () INTERNALDATE "01-Jan-2020 00:00:00 +0000" RFC822.SIZE 100',
        ...Array.from({ length: 8 }, () => join(" BODY[] ", literal(200 * MEGABYTE))),
        ")\r\n",
      ),
    ),
  },
  {
    name: "FETCH of a body of 100 MB as a quoted string",
    ends: "ResponseTooLarge",
    answer: bodies(() => fetchRow(1, 100, join('"', flood("x", 100 * MEGABYTE), '"'))),
  },
  {
    name: "FETCH of a body a byte now and then",
    ends: "TransferTooSlow",
    slow: true,
    answer: bodies(() => fetchRow(1, 100_000, join("{100000}\r\n", drip("x", pauseMs)))),
  },
  {
    name: "lines of nothing without an end",
    ends: "AnswerTooLong",
    answer: when("UID FETCH", () => flood("\r\n", 1e9)),
  },
  {
    name: "compressed answers that unpack to a thousand times their size",
    ends: "ResponseTooLarge",
    capabilities: "IMAP4rev1 COMPRESS=DEFLATE",
    answer: when("LIST", () => join('* LIST () "/" "', flood("x", 1024 * MEGABYTE), '"\r\n')),
  },
];

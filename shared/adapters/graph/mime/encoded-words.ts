import { decodeText, storableText } from "./charset.ts";

/** One encoded word (RFC 2047, 2) and where it stands in a value. */
export interface EncodedWord {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  /** Lower case, without language (RFC 2231, 5). */
  readonly charset: string;
  readonly encoding: "B" | "Q";
  readonly text: string;
}

const maxCharset = 120;

/**
 * The next encoded word at or after `from`. Blanks and question marks inside the text are not allowed, but common with "Q".
 * Reading a value from word to word takes one pass over it.
 */
export function findEncodedWord(value: string, from: number): EncodedWord | undefined {
  for (let start = value.indexOf("=?", from); start !== -1; start = value.indexOf("=?", start + 2)) {
    const mark = value.indexOf("?", start + 2);
    if (mark === -1) return undefined;
    const encoding = value[mark + 1]?.toUpperCase();
    if (mark - start > maxCharset || (encoding !== "B" && encoding !== "Q") || value[mark + 2] !== "?")
      continue;
    const end = wordEnd(value, mark + 3, encoding);
    if (end === "none") return undefined;
    if (end === "cut") continue;
    return {
      start,
      end: end + 2,
      charset: (value.slice(start + 2, mark).split("*")[0] ?? "").trim().toLowerCase(),
      encoding,
      text: value.slice(mark + 3, end),
    };
  }
  return undefined;
}

/** Where the closing "?=" stands; `cut` if another word begins before, `none` if there is no more of them. */
function wordEnd(value: string, from: number, encoding: "B" | "Q"): number | "cut" | "none" {
  const next = value.indexOf("=?", from);
  // The "=?" of "?=?" is none. Nothing is looked for beyond the next word, so that many words take one pass.
  let end = next === -1 ? value.indexOf("?=", from) : indexBefore(value, "?=", from, next + 3);
  if (end === -1) return next === -1 ? "none" : "cut";
  if (encoding === "B") return end;
  // A question mark in front of an escape is part of the text: "?=C3=A4?=".
  while (/^[\da-f]{2}/i.test(value.slice(end + 2, end + 4))) {
    const later = value.indexOf("?=", end + 2);
    if (later === -1 || indexBefore(value, "=?", end + 2, later) !== -1) break;
    end = later;
  }
  return end;
}

/** Where `text` stands in whole between `from` and `to` (exclusive); -1 if nowhere. */
function indexBefore(value: string, text: string, from: number, to: number): number {
  const at = value.slice(from, to).indexOf(text);
  return at === -1 ? -1 : from + at;
}

/**
 * Decodes the encoded words of a header value (RFC 2047). Adjacent words of one charset are joined as bytes before they are
 * decoded, since many senders cut a character in two. What is malformed stays as it is.
 */
export function decodeEncodedWords(value: string): string {
  if (!value.includes("=?")) return storableText(value);
  const out: string[] = [];
  let run: EncodedWord[] = [];
  let from = 0;
  const flush = () => {
    out.push(decodeRun(run));
    run = [];
  };
  for (let word = findEncodedWord(value, 0); word !== undefined; word = findEncodedWord(value, from)) {
    const between = value.slice(from, word.start);
    if (run.length === 0 || between.trim() !== "") {
      flush();
      out.push(between);
    }
    if (run.length > 0 && run[0]?.charset !== word.charset) flush();
    run.push(word);
    from = word.end;
  }
  flush();
  out.push(value.slice(from));
  return storableText(out.join(""));
}

function decodeRun(run: readonly EncodedWord[]): string {
  const first = run[0];
  if (first === undefined) return "";
  // A stateful charset begins anew in each word.
  if (/^(?:iso-2022|utf-7|unicode-1-1|hz)/.test(first.charset))
    return run.map((word) => decodeText(decodeWords([word]), word.charset).text).join("");
  return decodeText(decodeWords(run), first.charset).text;
}

function decodeWords(run: readonly EncodedWord[]): Buffer {
  const pieces: Buffer[] = [];
  let base64 = "";
  const flush = () => {
    pieces.push(Buffer.from(base64, "base64"));
    base64 = "";
  };
  for (const { encoding, text } of run) {
    if (encoding === "Q") {
      flush();
      pieces.push(decodeQ(text));
      continue;
    }
    base64 += text.replace(/[^A-Za-z0-9+/]/g, "");
    // Without padding the next word may go on in the middle of a quantum.
    if (text.includes("=") || base64.length % 4 === 0) flush();
  }
  flush();
  return Buffer.concat(pieces);
}

function decodeQ(text: string): Buffer {
  const bytes = Buffer.from(text.replaceAll("_", " "), "utf8").toString("latin1");
  return Buffer.from(
    bytes.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
}

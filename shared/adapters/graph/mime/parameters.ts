import { decodeText, storableText } from "./charset.ts";
import { decodeEncodedWords } from "./encoded-words.ts";

/** A value with parameters, such as Content-Type (RFC 2045, 5.1). */
export interface Parameterized {
  /** Lower case, without parameters. */
  readonly value: string;
  /** Names in lower case; values decoded (RFC 2231, and RFC 2047 as many senders do). */
  readonly params: ReadonlyMap<string, string>;
}

/** Far beyond any real field, and short enough for every hostile one to be read in no time. */
const maxFieldLength = 8192;

interface RawParameter {
  readonly name: string;
  readonly value: string;
}

/** After a blank, these begin a parameter even where the semicolon is missing. */
const knownParameter =
  /\s(?=(?:boundary|charset|delsp|filename|format|method|micalg|name|protocol|report-type|smime-type|type)(?:\*\d{0,2}\*?)?[ \t]{0,9}=)/i;

/**
 * Reads a structured field leniently, in one pass: missing quotes and semicolons, stray ones, quotes inside quotes and
 * duplicates (the first wins) are tolerated.
 */
export function parseParameterized(field: string | undefined): Parameterized {
  const text = (field ?? "").slice(0, maxFieldLength);
  const semicolon = text.indexOf(";");
  const untilSemicolon = semicolon === -1 ? text : text.slice(0, semicolon);
  const first = firstParameter(untilSemicolon);
  const head = first === -1 ? untilSemicolon : untilSemicolon.slice(0, first);
  const written = withoutComments(head).trim().toLowerCase();
  const value = written.endsWith(",") ? written.slice(0, -1).trimEnd() : written;
  return { value, params: joinParameters(rawParameters(text.slice(head.length))) };
}

/** Where the parameters begin if no semicolon tells. */
function firstParameter(head: string): number {
  if (!head.includes("=")) return -1;
  const blank = knownParameter.exec(` ${head}`)?.index;
  return blank === undefined ? -1 : blank;
}

function withoutComments(text: string): string {
  return text.replace(/\([^()]*\)/g, "");
}

const nameEnd = /[\s=:;"]/;

function rawParameters(text: string): readonly RawParameter[] {
  const parameters: RawParameter[] = [];
  let quotesClose = true;
  for (let at = 0; at < text.length; ) {
    const char = text[at] as string;
    if (char === ";" || char === '"' || char === "=" || char === ":" || char.trim() === "") {
      at++;
      continue;
    }
    let end = at;
    while (end < text.length && !nameEnd.test(text[end] as string)) end++;
    const name = text.slice(at, end).toLowerCase();
    at = skipBlanks(text, end);
    if (text[at] !== "=" && !(text[at] === ":" && /^(?:charset|boundary|name|filename)$/.test(name)))
      continue;
    at = skipBlanks(text, at + 1);
    if (text[at] !== '"') {
      const bare = bareValue(text, at);
      parameters.push({ name, value: /name/.test(name) ? bare.trim() : withoutComments(bare).trim() });
      at += bare.length;
      continue;
    }
    const close: number = quotesClose ? closingQuote(text, at + 1) : text.indexOf('"', at + 1);
    if (close === -1) {
      // Looked for once: a field of nothing but open quotes would be read as many times as it has quotes.
      quotesClose = false;
      const bare = bareValue(text, at + 1);
      parameters.push({ name, value: unquote(bare.trim()) });
      at += 1 + bare.length;
      continue;
    }
    parameters.push({ name, value: unquote(text.slice(at + 1, close)) });
    at = close + 1;
  }
  return parameters;
}

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (at < text.length && (text[at] as string).trim() === "") at++;
  return at;
}

function bareValue(text: string, start: number): string {
  const semicolon = text.indexOf(";", start);
  const value = text.slice(start, semicolon === -1 ? text.length : semicolon);
  const next = value.includes("=") ? knownParameter.exec(value)?.index : undefined;
  return next === undefined ? value : value.slice(0, next);
}

/** What may follow a quote that closes: nothing, the next parameter, a comment. */
const afterQuote = /^\s{0,99}(?:$|[;,(]|[\w*-]{1,40}\s{0,9}[=:])/;

/** Some senders quote without escaping the quotes inside; a quote closes where a value can end. */
function closingQuote(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "\\" && (text[at + 1] === '"' || text[at + 1] === "\\")) at++;
    else if (text[at] === '"' && afterQuote.test(text.slice(at + 1, at + 150))) return at;
  }
  return -1;
}

/** A backslash escapes only a quote or itself in practice: Windows paths are sent unescaped. */
function unquote(quoted: string): string {
  return quoted.replace(/\\(["\\])/g, "$1");
}

interface NamePiece {
  readonly index: number;
  readonly encoded: boolean;
  readonly value: string;
}

function joinParameters(raw: readonly RawParameter[]): ReadonlyMap<string, string> {
  const params = new Map<string, string>();
  const continued = new Map<string, NamePiece[]>();
  for (const { name, value } of raw) {
    const [, base = name, index, star] = /^([^*]+)(?:\*(\d{1,3}))?(\*)?$/.exec(name) ?? [];
    if (index === undefined && star === undefined) {
      if (!params.has(name)) params.set(name, decodePlain(value));
      continue;
    }
    const pieces = continued.get(base) ?? [];
    pieces.push({ index: Number(index ?? 0), encoded: star !== undefined, value });
    continued.set(base, pieces);
  }
  // The extended form is meant to be preferred over the plain one next to it (RFC 6266, 4.3).
  for (const [base, pieces] of continued) params.set(base, joinPieces(pieces));
  return params;
}

const extendedValue = /^["']?([\w.:-]{1,40})'([\w-]{0,40})'(.*)$/s;

/** Encoded words, and the extended form without its asterisk. */
function decodePlain(value: string): string {
  const [, charset, , rest = ""] = /%[\da-f]{2}/i.test(value) ? (extendedValue.exec(value) ?? []) : [];
  return charset === undefined
    ? decodeEncodedWords(value)
    : storableText(decodeText(percentDecode(rest), charset).text);
}

function joinPieces(pieces: readonly NamePiece[]): string {
  const ordered = pieces.toSorted((a, b) => a.index - b.index);
  let charset: string | undefined;
  const bytes = ordered.map(({ index, encoded, value }) => {
    if (!encoded) return Buffer.from(value, "utf8");
    if (index !== 0) return percentDecode(value);
    const [, label, rest] = /^([^']*)'[^']*'(.*)$/s.exec(value) ?? [];
    charset = label === "" ? undefined : label;
    return percentDecode(rest ?? value);
  });
  // Encoded words do not belong here, and are cut in the middle by those who use them.
  return decodeEncodedWords(decodeText(Buffer.concat(bytes), charset).text);
}

function percentDecode(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8").toString("latin1");
  return Buffer.from(
    bytes.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
}

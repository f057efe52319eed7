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

/** Reads a structured field leniently: missing quotes, stray semicolons and duplicates (the first wins) are tolerated. */
export function parseParameterized(field: string | undefined): Parameterized {
  const text = (field ?? "").slice(0, maxFieldLength);
  const semicolon = text.indexOf(";");
  const head = semicolon === -1 ? text : text.slice(0, semicolon);
  const value = withoutComments(head).trim().toLowerCase();
  return { value, params: joinParameters(semicolon === -1 ? [] : rawParameters(text.slice(semicolon + 1))) };
}

function withoutComments(text: string): string {
  return text.replace(/\([^()]*\)/g, "");
}

function rawParameters(text: string): RawParameter[] {
  const parameters: RawParameter[] = [];
  const pattern = /([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^;]*))/gs;
  for (const match of text.matchAll(pattern)) {
    const [, name = "", quoted, bare] = match;
    const value = quoted === undefined ? withoutComments(bare ?? "").trim() : unquote(quoted);
    parameters.push({ name: name.toLowerCase(), value });
  }
  return parameters;
}

/** A backslash escapes only a quote or itself in practice: Windows paths are sent unescaped. */
function unquote(quoted: string): string {
  return quoted.replace(/\\(["\\])/g, "$1");
}

function joinParameters(raw: readonly RawParameter[]): ReadonlyMap<string, string> {
  const params = new Map<string, string>();
  const continued = new Map<
    string,
    { readonly index: number; readonly encoded: boolean; readonly value: string }[]
  >();
  for (const { name, value } of raw) {
    const [, base = name, index, star] = /^([^*]+)(?:\*(\d{1,3}))?(\*)?$/.exec(name) ?? [];
    if (index === undefined && star === undefined) {
      if (!params.has(name)) params.set(name, decodeEncodedWords(value));
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

function joinPieces(
  pieces: readonly { readonly index: number; readonly encoded: boolean; readonly value: string }[],
): string {
  const ordered = pieces.toSorted((a, b) => a.index - b.index);
  let charset: string | undefined;
  const bytes = ordered.map(({ index, encoded, value }) => {
    if (!encoded) return Buffer.from(value, "utf8");
    if (index !== 0) return percentDecode(value);
    const [, label, rest] = /^([^']*)'[^']*'(.*)$/s.exec(value) ?? [];
    charset = label === "" ? undefined : label;
    return percentDecode(rest ?? value);
  });
  return storableText(decodeText(Buffer.concat(bytes), charset).text);
}

function percentDecode(value: string): Buffer {
  const bytes = Buffer.from(value, "utf8").toString("latin1");
  return Buffer.from(
    bytes.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  );
}

import { isAscii, isUtf8 } from "node:buffer";
import iconv from "iconv-lite";
import { letOthersRun } from "../../event-loop.ts";
import { sevenBitCharsets } from "./seven-bit.ts";

/** Names in the wild, and encodings whose superset is what senders mean (WHATWG Encoding, 4.2). */
const aliases: ReadonlyMap<string, string> = new Map(
  Object.entries({
    "us-ascii": "windows-1252",
    ascii: "windows-1252",
    "ansi_x3.4-1968": "windows-1252",
    "iso-8859-1": "windows-1252",
    "iso8859-1": "windows-1252",
    "iso_8859-1": "windows-1252",
    latin1: "windows-1252",
    "8bit": "",
    "7bit": "",
    binary: "",
    "unknown-8bit": "",
    default: "",
    utf8: "utf-8",
    utf8mb4: "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "iso-8859-9": "windows-1254",
    "iso-8859-11": "windows-874",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-6-i": "iso-8859-6",
    gb2312: "gb18030",
    gb_2312: "gb18030",
    "gb_2312-80": "gb18030",
    "euc-cn": "gb18030",
    gbk: "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    ks_c_5601: "cp949",
    "ks_c_5601-1989": "cp949",
    ksc5601: "cp949",
    "euc-kr": "cp949",
    "windows-949": "cp949",
    "shift-jis": "shift_jis",
    "x-sjis": "shift_jis",
    ms_kanji: "shift_jis",
    "windows-31j": "shift_jis",
    cp932: "shift_jis",
    "x-euc-jp": "euc-jp",
    "iso-2022-jp-1": "iso-2022-jp",
    "iso-2022-jp-2": "iso-2022-jp",
    "iso-2022-jp-3": "iso-2022-jp",
    "iso-2022-jp-ms": "iso-2022-jp",
    csiso2022jp: "iso-2022-jp",
    cp50220: "iso-2022-jp",
    cp50221: "iso-2022-jp",
    csiso2022kr: "iso-2022-kr",
    "unicode-1-1-utf-7": "utf-7",
    "x-unicode-2-0-utf-7": "utf-7",
    "x-mac-roman": "macintosh",
    "x-mac-cyrillic": "maccyrillic",
    "x-mac-ce": "maccenteuro",
    "x-mac-greek": "macgreek",
    "x-mac-turkish": "macturkish",
  }),
);

/** Those that Node decodes by ICU as browsers do, several times faster than by tables in JavaScript. */
const nativeCharsets = new Set(["euc-jp", "shift_jis", "gb18030", "iso-2022-jp"]);
/** What iconv-lite takes for charsets, and are none. */
const noCharsets = new Set(["base64", "hex"]);

export interface DecodedText {
  readonly text: string;
  /** False if the bytes were not valid in the declared charset, or it is unknown: a guess was made. */
  readonly faithful: boolean;
}

/** Decodes bytes piece by piece. */
interface StreamDecoder {
  write(bytes: Buffer): string;
  end(): string | undefined;
}

interface Decoding {
  readonly decoder: StreamDecoder;
  /** Whether the charset is the declared one; even then the bytes may turn out not to fit it. */
  readonly declared: boolean;
}

/**
 * Bytes to text. The declared charset is believed if the bytes fit it; else UTF-8 if valid; else Windows-1252, in which
 * every byte is something. For short texts; long ones are for `decodeLongText`.
 */
export function decodeText(bytes: Buffer, declared: string | undefined): DecodedText {
  const decoding = chooseDecoding(bytes, declared);
  const { decoder } = decoding;
  return outcome(decoder.write(bytes) + (decoder.end() ?? ""), decoding);
}

const stepBytes = 1 << 13;

/** `decodeText` and `storableText`, in steps between which others get their turn. */
export async function decodeLongText(bytes: Buffer, declared: string | undefined): Promise<DecodedText> {
  const decoding = chooseDecoding(bytes, declared);
  const pieces: string[] = [];
  // To make the tables of a charset ready takes long, once.
  await letOthersRun();
  for (let at = 0; at < bytes.length; at += stepBytes) {
    pieces.push(storableText(decoding.decoder.write(bytes.subarray(at, at + stepBytes))));
    await letOthersRun();
  }
  pieces.push(storableText(decoding.decoder.end() ?? ""));
  await letOthersRun();
  return outcome(pieces.join(""), decoding);
}

function outcome(decoded: string, { declared }: Decoding): DecodedText {
  const text = decoded.startsWith("\ufeff") ? decoded.slice(1) : decoded;
  return { text, faithful: declared && !text.includes("\ufffd") };
}

function chooseDecoding(bytes: Buffer, declared: string | undefined): Decoding {
  const label = (declared ?? "").trim().toLowerCase().slice(0, 60).replace(/["']/g, "");
  const charset = aliases.get(label) ?? label;
  const ascii = isAscii(bytes);
  if (charset === "" || charset === "windows-1252" || charset === "utf-8") {
    // Japanese in seven bits is often sent under another name, or none.
    if (ascii && holdsIso2022Jp(bytes)) return { decoder: native("iso-2022-jp"), declared: false };
    if (ascii) return { decoder: table("latin1"), declared: true };
    if (isUtf8(bytes) && label !== "windows-1252")
      return { decoder: table("utf8"), declared: charset === "utf-8" };
    if (charset === "utf-8" && mostlyUtf8(bytes)) return { decoder: table("utf8"), declared: false };
    const meant = charset === "windows-1252" && !label.includes("ascii") && !label.includes("ansi");
    return { decoder: table("windows-1252"), declared: meant };
  }
  const decoder = decoderOf(charset) ?? decoderOf(/^[\w.:+-]+/.exec(label)?.[0] ?? "");
  if (decoder !== undefined) return { decoder, declared: true };
  return { decoder: chooseDecoding(bytes, undefined).decoder, declared: ascii };
}

function decoderOf(charset: string): StreamDecoder | undefined {
  const known = aliases.get(charset) ?? charset;
  const sevenBit = Object.hasOwn(sevenBitCharsets, known) ? sevenBitCharsets[known] : undefined;
  if (sevenBit !== undefined) {
    const inner = table(sevenBit.eightBit);
    const unshift = sevenBit.unshift();
    return { write: (bytes) => inner.write(unshift(bytes)), end: () => inner.end() };
  }
  if (nativeCharsets.has(known)) return native(known);
  if (known === "" || noCharsets.has(known) || !iconv.encodingExists(known)) return undefined;
  return table(known);
}

function table(charset: string): StreamDecoder {
  return iconv.getDecoder(charset, { stripBOM: false });
}

function native(charset: string): StreamDecoder {
  const decoder = new TextDecoder(charset, { ignoreBOM: true });
  return { write: (bytes) => decoder.decode(bytes, { stream: true }), end: () => decoder.decode() };
}

/** The escape sequences that begin JIS X 0208 (RFC 1468). */
function holdsIso2022Jp(bytes: Buffer): boolean {
  return bytes.includes("\x1b$B", 0, "latin1") || bytes.includes("\x1b$@", 0, "latin1");
}

/** Enough to tell. */
const sampleBytes = 1 << 16;

/** Text cut in the middle of a character, or with a stray byte, is still UTF-8. */
function mostlyUtf8(bytes: Buffer): boolean {
  const text = bytes.toString("utf8", 0, sampleBytes);
  let replaced = 0;
  let foreign = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0xfffd) replaced++;
    else if (code > 0x7f) foreign++;
  }
  return foreign > replaced;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const unstorable = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]/;

/** What JSON and Exchange can hold: no lone surrogates, no control characters but tab and line ends. */
export function storableText(text: string): string {
  const wellFormed = text.toWellFormed();
  if (!unstorable.test(wellFormed)) return wellFormed;
  // A text may hold nothing else: one by one they would cost a step each.
  const bytes = Buffer.from(wellFormed, "utf16le");
  let length = 0;
  for (let at = 0; at < bytes.length; at += 2) {
    const low = bytes[at] as number;
    const high = bytes[at + 1] as number;
    if (isUnstorable(low, high)) continue;
    bytes[length] = low;
    bytes[length + 1] = high;
    length += 2;
  }
  return bytes.toString("utf16le", 0, length);
}

/** @param low byte and @param high byte of a UTF-16 unit. */
function isUnstorable(low: number, high: number): boolean {
  if (high === 0) return (low < 0x20 && low !== 0x09 && low !== 0x0a && low !== 0x0d) || low === 0x7f;
  return high === 0xff && low >= 0xfe;
}

/** The first `length` UTF-16 units, never ending in half a character. */
export function truncateText(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).replace(/\p{Surrogate}$/u, "");
}

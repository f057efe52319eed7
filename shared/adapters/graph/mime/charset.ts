import { isUtf8 } from "node:buffer";
import iconv from "iconv-lite";

/** Names in the wild, and encodings whose superset is what senders mean (WHATWG Encoding, 4.2). */
const aliases: Readonly<Record<string, string>> = {
  "us-ascii": "windows-1252",
  ascii: "windows-1252",
  "ansi_x3.4-1968": "windows-1252",
  "iso-8859-1": "windows-1252",
  "iso8859-1": "windows-1252",
  latin1: "windows-1252",
  "iso-8859-9": "windows-1254",
  "iso-8859-11": "windows-874",
  "iso-8859-8-i": "iso-8859-8",
  "iso-8859-8-e": "iso-8859-8",
  "iso-8859-6-i": "iso-8859-6",
  gb2312: "gb18030",
  gbk: "gb18030",
  "x-gbk": "gb18030",
  "ks_c_5601-1987": "cp949",
  ks_c_5601: "cp949",
  "euc-kr": "cp949",
  "shift-jis": "shift_jis",
  "x-sjis": "shift_jis",
  ms_kanji: "shift_jis",
  "windows-31j": "shift_jis",
  "unicode-1-1-utf-7": "utf-7",
  "x-unicode-2-0-utf-7": "utf-7",
  "x-mac-roman": "macintosh",
  "x-mac-cyrillic": "maccyrillic",
};

export interface DecodedText {
  readonly text: string;
  /** False if the bytes were not valid in the declared charset, or it is unknown: a guess was made. */
  readonly faithful: boolean;
}

/**
 * Bytes to text. The declared charset is believed if the bytes fit it; else UTF-8 if valid; else Windows-1252, in which
 * every byte is something.
 */
export function decodeText(bytes: Buffer, declared: string | undefined): DecodedText {
  const label =
    declared
      ?.trim()
      .toLowerCase()
      .replace(/^["']|["']$/g, "") ?? "";
  const charset = aliases[label] ?? label;
  const ascii = bytes.every((byte) => byte < 0x80);
  if (charset === "" || charset === "windows-1252" || isUtf8Label(charset)) {
    // ISO-2022-JP and UTF-7 are the only ones that hide text in ASCII bytes, and they are not these.
    if (ascii) return { text: bytes.toString("latin1"), faithful: true };
    if (isUtf8(bytes) && label !== "windows-1252")
      return { text: withoutByteOrderMark(bytes.toString("utf8")), faithful: isUtf8Label(charset) };
    if (isUtf8Label(charset) && mostlyUtf8(bytes))
      return { text: withoutByteOrderMark(bytes.toString("utf8")), faithful: false };
    const certain = charset === "windows-1252" && !label.includes("ascii") && !label.includes("ansi");
    return { text: iconv.decode(bytes, "windows-1252"), faithful: certain };
  }
  const text = decodeKnown(bytes, charset);
  if (text !== undefined) return { text: withoutByteOrderMark(text), faithful: !text.includes("\ufffd") };
  return { text: decodeText(bytes, undefined).text, faithful: ascii };
}

function decodeKnown(bytes: Buffer, charset: string): string | undefined {
  if (iconv.encodingExists(charset)) return iconv.decode(bytes, charset);
  try {
    // Node knows ISO-2022-JP and other stateful encodings that iconv-lite lacks.
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return undefined;
  }
}

function isUtf8Label(charset: string): boolean {
  return charset === "utf-8" || charset === "utf8";
}

/** Text cut in the middle of a character, or with a stray byte, is still UTF-8. */
function mostlyUtf8(bytes: Buffer): boolean {
  const text = bytes.toString("utf8");
  let replaced = 0;
  let foreign = 0;
  for (const char of text) {
    if (char === "\ufffd") replaced++;
    else if (char > "\u007f") foreign++;
  }
  return foreign > replaced;
}

function withoutByteOrderMark(text: string): string {
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

/** What JSON and Exchange can hold: no lone surrogates, no control characters but tab and line ends. */
export function storableText(text: string): string {
  let clean = "";
  let from = 0;
  const wellFormed = withoutLoneSurrogates(text);
  for (let at = 0; at < wellFormed.length; at++) {
    const code = wellFormed.charCodeAt(at);
    const control = (code < 0x20 && code !== 0x09 && code !== 0x0a && code !== 0x0d) || code === 0x7f;
    if (!control && code !== 0xfffe && code !== 0xffff) continue;
    clean += wellFormed.slice(from, at);
    from = at + 1;
  }
  return from === 0 ? wellFormed : clean + wellFormed.slice(from);
}

/** JSON may hold half a surrogate pair, Unicode text may not. */
function withoutLoneSurrogates(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

/** The first `length` UTF-16 units, never ending in half a character. */
export function truncateText(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).replace(/\p{Surrogate}$/u, "");
}

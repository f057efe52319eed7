import { isUtf8 } from "node:buffer";
import iconv from "iconv-lite";

export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";

export type DetectedText =
  | {
      readonly encoding: Encoding;
      /** True if nothing in the file says so. */
      readonly assumed: boolean;
    }
  /** A sentence about what the bytes are instead. */
  | { readonly notText: string };

const sampleBytes = 4096;
const pieceBytes = 16_384;

/**
 * How the bytes of a text file are encoded: by its byte order mark, by the NULs of UTF-16, by being valid UTF-8, else
 * taken for Windows-1252, which Excel writes on Western systems as "CSV (comma delimited)". Pure.
 */
export function detectText(bytes: Buffer): DetectedText {
  if (startsWith(bytes, 0x50, 0x4b, 0x03, 0x04) || startsWith(bytes, 0xd0, 0xcf, 0x11, 0xe0))
    return { notText: "It is an Excel workbook: save it as CSV UTF-8." };
  if (startsWith(bytes, 0xff, 0xfe)) return { encoding: "utf-16le", assumed: false };
  if (startsWith(bytes, 0xfe, 0xff)) return { encoding: "utf-16be", assumed: false };
  const { even, odd, pairs } = countNuls(bytes.subarray(0, sampleBytes));
  if (odd > pairs / 2 && even === 0) return { encoding: "utf-16le", assumed: false };
  if (even > pairs / 2 && odd === 0) return { encoding: "utf-16be", assumed: false };
  if (bytes.includes(0)) return { notText: "It is not text: save it as CSV UTF-8." };
  if (isUtf8(bytes)) return { encoding: "utf-8", assumed: false };
  if (startsWith(bytes, 0xef, 0xbb, 0xbf))
    return { notText: "It says it is UTF-8, but parts of it are not: save it as CSV UTF-8." };
  return { encoding: "windows-1252", assumed: true };
}

/** The text in pieces, without its byte order mark and with every line break as `\n`. */
export function* decodeText(bytes: Buffer, encoding: Encoding): Generator<string> {
  const decoder = iconv.getDecoder(encoding, { stripBOM: true });
  let heldBack = "";
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    const piece = heldBack + decoder.write(bytes.subarray(start, start + pieceBytes));
    // A carriage return at the end may be the first half of a line break.
    heldBack = piece.endsWith("\r") ? "\r" : "";
    yield withLineFeeds(piece.slice(0, piece.length - heldBack.length));
  }
  yield withLineFeeds(heldBack + (decoder.end() ?? ""));
}

function withLineFeeds(text: string): string {
  return text.replace(/\r\n?/g, "\n");
}

function startsWith(bytes: Buffer, ...wanted: readonly number[]): boolean {
  return bytes.length >= wanted.length && wanted.every((byte, index) => bytes[index] === byte);
}

function countNuls(sample: Buffer): { readonly even: number; readonly odd: number; readonly pairs: number } {
  let even = 0;
  let odd = 0;
  for (let index = 0; index < sample.length; index++) {
    if (sample[index] !== 0) continue;
    if (index % 2 === 0) even++;
    else odd++;
  }
  return { even, odd, pairs: Math.floor(sample.length / 2) };
}

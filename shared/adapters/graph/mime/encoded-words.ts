import { decodeText, storableText } from "./charset.ts";
import { decodeQuotedPrintableLine } from "./transfer.ts";

// The charset may carry a language (RFC 2231, 5). Spaces inside the text are not allowed but common with "Q".
const encodedWord = /=\?([^?\s*]{1,60})(?:\*[^?\s]{0,60})?\?([BbQq])\?([^?]*)\?=/g;

interface Piece {
  readonly charset: string;
  readonly bytes: Buffer;
}

/**
 * Decodes the encoded words of a header value (RFC 2047). Adjacent words of one charset are joined as bytes before they are
 * decoded, since many senders cut a character in two. What is malformed stays as it is.
 */
export function decodeEncodedWords(value: string): string {
  if (!value.includes("=?")) return storableText(value);
  let out = "";
  let run: Piece[] = [];
  let from = 0;
  const flush = () => {
    out += decodeRun(run);
    run = [];
  };
  for (const match of value.matchAll(encodedWord)) {
    const [whole, charset = "", encoding = "", text = ""] = match;
    const between = value.slice(from, match.index);
    if (run.length === 0 || between.trim() !== "") {
      flush();
      out += between;
    }
    const piece = { charset: charset.toLowerCase(), bytes: decodeWord(encoding, text) };
    if (run.length > 0 && run[0]?.charset !== piece.charset) flush();
    run.push(piece);
    from = match.index + whole.length;
  }
  flush();
  return storableText(out + value.slice(from));
}

function decodeRun(run: readonly Piece[]): string {
  const first = run[0];
  if (first === undefined) return "";
  // A stateful charset begins anew in each word.
  if (
    first.charset.startsWith("iso-2022") ||
    first.charset.startsWith("utf-7") ||
    first.charset.startsWith("hz")
  )
    return run.map((piece) => decodeText(piece.bytes, piece.charset).text).join("");
  return decodeText(Buffer.concat(run.map((piece) => piece.bytes)), first.charset).text;
}

function decodeWord(encoding: string, text: string): Buffer {
  if (encoding.toUpperCase() === "B") return Buffer.from(text.replace(/[^A-Za-z0-9+/]/g, ""), "base64");
  return decodeQuotedPrintableLine(Buffer.from(text.replaceAll("_", " "), "utf8"));
}

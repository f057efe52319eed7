/** A content transfer encoding (RFC 2045, 6). 7bit, 8bit, binary and unknown ones leave bytes as they are. */
export type TransferEncoding = "identity" | "base64" | "quoted-printable" | "uuencode";

/** @param value the Content-Transfer-Encoding field, perhaps absent, perhaps junk. */
export function transferEncoding(value: string | undefined): TransferEncoding {
  switch (value?.trim().toLowerCase().split(/[\s;]/)[0]) {
    case "base64":
    case "b":
      return "base64";
    case "quoted-printable":
    case "quotedprintable":
    case "q":
      return "quoted-printable";
    case "x-uuencode":
    case "uuencode":
    case "x-uue":
      return "uuencode";
    default:
      return "identity";
  }
}

/**
 * Decodes a stream of encoded bytes, holding no more than a line. Damaged input never fails: what can be decoded is.
 */
export async function* decodeTransfer(
  encoded: AsyncIterable<Buffer>,
  encoding: TransferEncoding,
): AsyncGenerator<Buffer> {
  switch (encoding) {
    case "identity":
      yield* encoded;
      return;
    case "base64":
      yield* decodeBase64(encoded);
      return;
    case "quoted-printable":
      yield* decodeLines(encoded, decodeQuotedPrintableLine);
      return;
    case "uuencode":
      yield* decodeLines(encoded, uuencodeLineDecoder());
      return;
  }
}

/**
 * RFC 2045, 6.8: characters outside the alphabet are ignored. Padding ends a quantum, not the data: some senders encode in
 * pieces, each with its own padding.
 */
async function* decodeBase64(encoded: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = "";
  for await (const chunk of encoded) {
    const text = rest + chunk.toString("latin1").replace(/[^A-Za-z0-9+/=]+/g, "");
    const pieces = text.split(/=+/);
    const open = pieces.pop() ?? "";
    const whole = open.length - (open.length % 4);
    rest = open.slice(whole);
    for (const piece of [...pieces, open.slice(0, whole)])
      if (piece.length > 1) yield Buffer.from(piece, "base64");
  }
  if (rest.length > 1) yield Buffer.from(rest, "base64");
}

const lineFeed = 0x0a;
const maxLineBytes = 1 << 16;

/** Feeds whole lines (with their line end) to `decode`; absurdly long lines in pieces. */
async function* decodeLines(
  encoded: AsyncIterable<Buffer>,
  decode: (line: Buffer) => Buffer,
): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const chunk of encoded) {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const decoded: Buffer[] = [];
    let start = 0;
    for (let end = data.indexOf(lineFeed); end !== -1; end = data.indexOf(lineFeed, start)) {
      decoded.push(decode(data.subarray(start, end + 1)));
      start = end + 1;
    }
    rest = Buffer.from(data.subarray(start));
    if (rest.length > maxLineBytes) {
      // Cut before a "=XX" that may be incomplete.
      const cut = lastSafeCut(rest);
      decoded.push(decode(rest.subarray(0, cut)));
      rest = rest.subarray(cut);
    }
    yield Buffer.concat(decoded);
  }
  if (rest.length > 0) yield decode(rest);
}

function lastSafeCut(line: Buffer): number {
  const equals = line.lastIndexOf(0x3d);
  return equals >= line.length - 3 && equals > 0 ? equals : line.length;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

function trimmedEnd(line: Buffer, end: number): number {
  let at = end;
  while (at > 0 && isBlank(line[at - 1])) at--;
  return at;
}

/** RFC 2045, 6.7. A "=" that begins no valid escape stands for itself. */
export function decodeQuotedPrintableLine(line: Buffer): Buffer {
  let end = line.length;
  let lineEnd: Buffer = Buffer.alloc(0);
  if (line[end - 1] === lineFeed) {
    end -= line[end - 2] === 0x0d ? 2 : 1;
    lineEnd = line.subarray(end);
    // Blanks before the line end were added on the way.
    end = trimmedEnd(line, end);
  }
  const softBreak = end > 0 && line[end - 1] === 0x3d && (lineEnd.length > 0 || end === line.length);
  if (softBreak) end--;
  const out = Buffer.allocUnsafe(line.length);
  let length = 0;
  for (let at = 0; at < end; at++) {
    const byte = line[at] as number;
    const high = byte === 0x3d && at + 2 < end ? hexDigit(line[at + 1]) : -1;
    const low = high === -1 ? -1 : hexDigit(line[at + 2]);
    if (low === -1) out[length++] = byte;
    else {
      out[length++] = high * 16 + low;
      at += 2;
    }
  }
  if (!softBreak) length += lineEnd.copy(out, length);
  return out.subarray(0, length);
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** What lies between "begin" and "end" as POSIX uuencode writes it; text around it stays as it is. */
function uuencodeLineDecoder(): (line: Buffer) => Buffer {
  let inside = false;
  return (line) => {
    const text = line.toString("latin1").trimEnd();
    if (inside) {
      inside = text !== "end";
      return inside ? decodeUuencodedLine(text) : Buffer.alloc(0);
    }
    inside = /^begin [0-7]{3,4} /.test(text);
    return inside || text === "" ? Buffer.alloc(0) : line;
  };
}

function decodeUuencodedLine(text: string): Buffer {
  if (text === "") return Buffer.alloc(0);
  const length = (text.charCodeAt(0) - 32) & 63;
  const out = Buffer.alloc(Math.ceil(length / 3) * 3);
  for (let at = 1, to = 0; to < length; at += 4, to += 3) {
    const bits = [0, 1, 2, 3].map((offset) => ((text.charCodeAt(at + offset) || 32) - 32) & 63);
    const word = ((bits[0] ?? 0) << 18) | ((bits[1] ?? 0) << 12) | ((bits[2] ?? 0) << 6) | (bits[3] ?? 0);
    out.writeUIntBE(word, to, 3);
  }
  return out.subarray(0, length);
}

const equals = 0x3d;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/** Longer runs of blanks are no accident of the way and stay as they are. */
const maxHeld = 4096;

/**
 * Decodes in one pass whatever it is given (RFC 2045, 6.7). A "=" that begins no valid escape stands for itself, and blanks
 * before a line end were added on the way.
 */
export async function* decodeQuotedPrintable(encoded: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  // An escape, or blanks and what may turn out to be a line end, of which the rest is yet to come.
  let held = Buffer.alloc(0);
  for await (const chunk of encoded) {
    const data = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    const { decoded, rest } = decode(data, false);
    held = Buffer.from(rest);
    yield decoded;
  }
  yield decode(held, true).decoded;
}

/** @param last whether nothing follows; otherwise what depends on what follows is left over as `rest`. */
function decode(data: Buffer, last: boolean): { readonly decoded: Buffer; readonly rest: Buffer } {
  const out = Buffer.allocUnsafe(data.length);
  let length = 0;
  let at = 0;
  while (at < data.length) {
    const byte = data[at] as number;
    if (byte !== equals && !isBlank(byte)) {
      out[length++] = byte;
      at++;
      continue;
    }
    const begin = byte === equals ? at + 1 : at;
    const end = afterBlanks(data, begin);
    const lineEnd = lineEndAt(data, end);
    if (byte === equals && begin === end) {
      const high = hexDigit(data[begin]);
      const low = high === -1 ? -1 : hexDigit(data[begin + 1]);
      if (low !== -1) {
        out[length++] = high * 16 + low;
        at += 3;
        continue;
      }
      if (!last && begin + 1 >= data.length && (begin >= data.length || high !== -1)) break;
    }
    if (!last && lineEnd === "unknown" && end - at < maxHeld) break;
    if (typeof lineEnd === "number" || (last && byte === equals && end === data.length)) {
      // A soft line break goes with its "="; of a hard one the end stays.
      at = byte === equals ? end + (typeof lineEnd === "number" ? lineEnd : 0) : end;
      continue;
    }
    length += data.copy(out, length, at, Math.max(end, at + 1));
    at = Math.max(end, at + 1);
  }
  return { decoded: out.subarray(0, length), rest: data.subarray(at) };
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09;
}

function afterBlanks(data: Buffer, from: number): number {
  let at = from;
  while (at < data.length && isBlank(data[at] as number)) at++;
  return at;
}

/** Bytes of the line end that begins here; `unknown` if the data ends too early to tell. */
function lineEndAt(data: Buffer, at: number): number | "none" | "unknown" {
  if (at >= data.length) return "unknown";
  if (data[at] === lineFeed) return 1;
  if (data[at] !== carriageReturn) return "none";
  if (at + 1 >= data.length) return "unknown";
  return data[at + 1] === lineFeed ? 2 : "none";
}

function hexDigit(byte: number | undefined): number {
  if (byte === undefined) return -1;
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

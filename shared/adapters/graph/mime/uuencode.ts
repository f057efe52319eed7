const lineFeed = 0x0a;
/** A line holds at most 63 bytes, in 84 characters, and perhaps a checksum. */
const maxLine = 100;
const maxLineBytes = 64;

const begin = /^begin [0-7]{3,4} {1,9}(\S.{0,250})$/;

/** The name of the file that this line begins, undefined if it begins none. */
export function uuencodedName(line: string): string | undefined {
  return line.startsWith("begin ") ? begin.exec(line.trimEnd())?.[1] : undefined;
}

/** How a line between begin and end is to be taken. */
export function uuencodedLine(line: string): "data" | "end" | "none" {
  const text = line.trimEnd();
  if (text === "end") return "end";
  if (text === "") return "data";
  const bytes = (text.charCodeAt(0) - 32) & 63;
  const characters = Math.ceil(bytes / 3) * 4;
  if (!/^[\x20-\x60]+$/.test(text)) return "none";
  // Blanks at the end, which stand for zeros, may be lost; a checksum may follow.
  return text.length - 1 <= characters + 2 ? "data" : "none";
}

/** Decodes what lies between "begin" and "end" as POSIX uuencode writes it; text around it stays as it is. */
export async function* decodeUuencode(encoded: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let inside = false;
  /** Of a line that is too long to be data, the begin has been passed on. */
  let torn = false;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of encoded) {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let out = Buffer.allocUnsafe(data.length + maxLineBytes);
    let length = 0;
    let start = 0;
    const take = (end: number) => {
      // Zeros that were cut off make a line longer than it is; what is yet to come needs its room as well.
      const needed = length + data.length - start + maxLineBytes;
      if (needed > out.length) out = Buffer.concat([out.subarray(0, length)], needed * 2);
      if (torn || end - start > maxLine + 260) length += data.copy(out, length, start, end);
      else if (inside) {
        const textEnd = withoutLineEnd(data, start, end);
        if (isEndLine(data, start, textEnd)) inside = false;
        else length = decodeLine(data, start, textEnd, out, length);
      } else if (data[start] === 0x62 && uuencodedName(data.toString("latin1", start, end)) !== undefined)
        inside = true;
      else if (!isEmptyLine(data, start, end)) length += data.copy(out, length, start, end);
    };
    for (let end = data.indexOf(lineFeed); end !== -1; end = data.indexOf(lineFeed, start)) {
      take(end + 1);
      torn = false;
      start = end + 1;
    }
    if (data.length - start > maxLine + 260) {
      take(data.length);
      torn = true;
      start = data.length;
    }
    rest = Buffer.from(data.subarray(start));
    yield out.subarray(0, length);
  }
  if (rest.length === 0) return;
  if (torn) yield rest;
  else if (inside) {
    const out = Buffer.allocUnsafe(maxLineBytes);
    const textEnd = withoutLineEnd(rest, 0, rest.length);
    if (!isEndLine(rest, 0, textEnd)) yield out.subarray(0, decodeLine(rest, 0, textEnd, out, 0));
  } else if (uuencodedName(rest.toString("latin1")) === undefined) yield rest;
}

function isEmptyLine(data: Buffer, start: number, end: number): boolean {
  return end - start === 1 || (end - start === 2 && data[start] === 0x0d);
}

function withoutLineEnd(data: Buffer, start: number, end: number): number {
  let at = end;
  while (at > start && (data[at - 1] === lineFeed || data[at - 1] === 0x0d)) at--;
  return at;
}

function isEndLine(data: Buffer, start: number, end: number): boolean {
  return data[start] === 0x65 && data.toString("latin1", start, end).trimEnd() === "end";
}

/** @returns where the decoded bytes end in `out`. */
function decodeLine(data: Buffer, start: number, end: number, out: Buffer, from: number): number {
  if (start === end) return from;
  const bytes = ((data[start] as number) - 32) & 63;
  let written = 0;
  for (let at = start + 1; written < bytes; at += 4) {
    let bits = 0;
    // Blanks at the end, which stand for zeros, may be lost.
    for (let offset = at; offset < at + 4; offset++)
      bits = (bits << 6) | (offset < end ? ((data[offset] as number) - 32) & 63 : 0);
    for (let shift = 16; shift >= 0 && written < bytes; shift -= 8) out[from + written++] = bits >> shift;
  }
  return from + written;
}

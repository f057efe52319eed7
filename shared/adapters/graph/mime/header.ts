import { isUtf8 } from "node:buffer";
import iconv from "iconv-lite";
import { storableText } from "./charset.ts";

export interface HeaderField {
  /** Lower case. */
  readonly name: string;
  /** Unfolded, trimmed, without control characters, not decoded further. Bytes above 127 are read as UTF-8 if they are, else as Windows-1252. */
  readonly value: string;
}

const fieldStart = /^([\x21-\x39\x3b-\x7e]+)[ \t]*:/;

/** True if a line can begin a header field (RFC 5322, 2.2). */
export function beginsField(line: string): boolean {
  return fieldStart.test(line);
}

/** Bytes of a header block as text, for headers whose charset nobody declared. */
export function headerText(block: Buffer): string {
  return isUtf8(block) ? block.toString("utf8") : iconv.decode(block, "windows-1252");
}

/** Splits a header block into its fields. Lines that belong to no field are left out. */
export function parseHeader(block: Buffer): readonly HeaderField[] {
  const fields: { name: string; lines: string[] }[] = [];
  let current: { name: string; lines: string[] } | undefined;
  for (const raw of splitLines(block)) {
    const line = headerText(raw);
    if (line.startsWith(" ") || line.startsWith("\t")) {
      current?.lines.push(line);
      continue;
    }
    const name = fieldStart.exec(line)?.[1];
    current =
      name === undefined
        ? undefined
        : { name: name.toLowerCase(), lines: [line.slice(line.indexOf(":") + 1)] };
    if (current !== undefined) fields.push(current);
  }
  return fields.map(({ name, lines }) => ({ name, value: storableText(lines.join("")).trim() }));
}

function* splitLines(block: Buffer): Generator<Buffer> {
  for (let start = 0; start < block.length; ) {
    const lineFeed = block.indexOf(0x0a, start);
    const end = lineFeed === -1 ? block.length : lineFeed;
    yield block.subarray(start, end > start && block[end - 1] === 0x0d ? end - 1 : end);
    start = end + 1;
  }
}

/** The first field of that name (lower case), as mail clients show it. */
export function fieldValue(fields: readonly HeaderField[], name: string): string | undefined {
  return fields.find((field) => field.name === name)?.value;
}

export function fieldValues(fields: readonly HeaderField[], name: string): readonly string[] {
  return fields.filter((field) => field.name === name).map((field) => field.value);
}

/** A field with its name, folding and line ends, as it stands in the block; empty if absent. */
export function rawField(block: Buffer, name: string): Buffer {
  const lines: Buffer[] = [];
  for (let start = 0; start < block.length; ) {
    const lineFeed = block.indexOf(0x0a, start);
    const end = lineFeed === -1 ? block.length : lineFeed + 1;
    const line = block.subarray(start, end);
    const continuation = line[0] === 0x20 || line[0] === 0x09;
    if (
      continuation ? lines.length > 0 : fieldStart.exec(line.toString("latin1"))?.[1]?.toLowerCase() === name
    )
      lines.push(line);
    else if (lines.length > 0) break;
    start = end;
  }
  return Buffer.concat(lines);
}

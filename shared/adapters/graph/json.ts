import { letOthersRun } from "../event-loop.ts";

/** Characters of a text that are written at once. */
const stepLength = 1 << 15;

/**
 * What `JSON.stringify` gives of a value of plain objects, arrays, texts, numbers and the like, in steps between which others
 * get their turn: a text of megabytes takes tenths of a second.
 */
export async function jsonOf(value: unknown): Promise<string> {
  const out: string[] = [];
  await write(value, out);
  return out.join("");
}

/** Bytes of a text in JSON, without its quotes. */
export async function jsonBytes(text: string): Promise<number> {
  let bytes = 0;
  for await (const piece of escaped(text)) bytes += Buffer.byteLength(piece);
  return bytes;
}

async function write(value: unknown, out: string[]): Promise<void> {
  if (typeof value === "string" && value.length > stepLength) {
    out.push('"');
    for await (const piece of escaped(value)) out.push(piece);
    out.push('"');
    return;
  }
  if (typeof value !== "object" || value === null || "toJSON" in value) {
    out.push(JSON.stringify(value) ?? "null");
    return;
  }
  await letOthersRun();
  const isList = Array.isArray(value);
  const entries = Object.entries(value).filter(([, member]) => isList || member !== undefined);
  out.push(isList ? "[" : "{");
  for (const [index, [name, member]] of entries.entries()) {
    if (index > 0) out.push(",");
    if (!isList) out.push(JSON.stringify(name), ":");
    await write(member, out);
  }
  out.push(isList ? "]" : "}");
}

async function* escaped(text: string): AsyncGenerator<string> {
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + stepLength);
    // The halves of a pair would be two escapes.
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end++;
    yield JSON.stringify(text.slice(at, end)).slice(1, -1);
    at = end;
    await letOthersRun();
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

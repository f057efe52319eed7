import { ByteList } from "./byte-list.ts";

/**
 * Charsets that hide Chinese and Korean in seven bits behind shifts, which no library at hand decodes: HZ (RFC 1843),
 * ISO-2022-KR (RFC 1557) and ISO-2022-CN (RFC 1922). Taken apart, they are EUC without its high bits.
 */
export interface SevenBitCharset {
  /** What the bytes are once their high bits are set. */
  readonly eightBit: "cp949" | "gb18030";
  readonly unshift: () => (bytes: Buffer) => Buffer;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const shiftOut = 0x0e;
const shiftIn = 0x0f;
const escapeByte = 0x1b;
/** No character in either charset: a place where something could not be decoded. */
const undecodable = 0xff;

export const sevenBitCharsets: Readonly<Record<string, SevenBitCharset>> = {
  "hz-gb-2312": { eightBit: "gb18030", unshift: hz },
  hz: { eightBit: "gb18030", unshift: hz },
  "iso-2022-kr": { eightBit: "cp949", unshift: () => iso2022(new Set(["$)C"])) },
  "iso-2022-cn": { eightBit: "gb18030", unshift: () => iso2022(new Set(["$)A"])) },
  "iso-2022-cn-ext": { eightBit: "gb18030", unshift: () => iso2022(new Set(["$)A"])) },
};

/** "~{" begins two-byte characters, "~}" ends them, "~~" is a tilde, and a tilde at the end of a line joins lines. */
function hz(): (bytes: Buffer) => Buffer {
  let shifted = false;
  let afterTilde = false;
  return (bytes) => {
    const out = new ByteList(bytes.length);
    for (const byte of bytes) {
      if (afterTilde) {
        afterTilde = false;
        if (byte === 0x7b) shifted = true;
        else if (byte === 0x7d) shifted = false;
        else if (byte === 0x7e) out.push(0x7e);
        else if (byte !== lineFeed) {
          out.push(0x7e);
          out.push(byte);
        }
      } else if (byte === 0x7e) afterTilde = true;
      else {
        if (byte === lineFeed) shifted = false;
        out.push(shifted && byte > 0x20 ? byte | 0x80 : byte);
      }
    }
    return out.bytes();
  };
}

/**
 * Shift-out begins two-byte characters of the set that an escape sequence of four bytes names.
 * @param decodable the sequences, without escape, of the sets that can be decoded.
 */
function iso2022(decodable: ReadonlySet<string>): (bytes: Buffer) => Buffer {
  let shifted = false;
  let known = true;
  let sequence: string | undefined;
  /** The text begins with a designation on a line of its own, which is none of the text. */
  let begun = false;
  return (bytes) => {
    const out = new ByteList(bytes.length);
    for (const byte of bytes) {
      if (sequence !== undefined) {
        sequence += String.fromCharCode(byte);
        // Designations begin with "$"; other sequences are shifts for one character.
        if (sequence[0] === "$" ? sequence.length < 3 : sequence.length < 1) continue;
        if (sequence[0] !== "$") out.push(undecodable);
        else if (sequence[1] === ")") known = decodable.has(sequence);
        sequence = undefined;
      } else if (byte === escapeByte) sequence = "";
      else if (byte === shiftOut) shifted = true;
      else if (byte === shiftIn) shifted = false;
      else {
        if (byte === lineFeed) shifted = false;
        if (!begun && (byte === lineFeed || byte === carriageReturn)) continue;
        begun = true;
        if (!shifted || byte <= 0x20) out.push(byte);
        else out.push(known ? byte | 0x80 : undecodable);
      }
    }
    return out.bytes();
  };
}

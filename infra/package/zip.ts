import { crc32, deflateRawSync } from "node:zlib";

/** A file of an archive. */
export interface Entry {
  /** Path with slashes. */
  readonly name: string;
  readonly content: Buffer;
}

/** 1980-01-01 00:00, the first instant the format knows, as DOS date and time. */
const date = (0 << 9) | (1 << 5) | 1;
const time = 0;
/** Version 2.0 of the format, made on Unix. */
const madeBy = (3 << 8) | 20;
const needed = 20;
/** Names are UTF-8. */
const flags = 1 << 11;
const deflate = 8;
/** A regular file that everybody may read. */
const attributes = 0o100644 * 0x1_0000;

/**
 * A ZIP archive whose bytes depend on names and contents alone: entries sorted, one date for all, no owner.
 * Less than 4 GiB and 65,536 entries.
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export function createZip(entries: readonly Entry[]): Buffer {
  const sorted = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content } of sorted) {
    const path = Buffer.from(name, "utf8");
    const packed = deflateRawSync(content, { level: 9 });
    const common = Buffer.alloc(26);
    common.writeUInt16LE(needed, 0);
    common.writeUInt16LE(flags, 2);
    common.writeUInt16LE(deflate, 4);
    common.writeUInt16LE(time, 6);
    common.writeUInt16LE(date, 8);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), common, path, packed]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(attributes, 6);
    rest.writeUInt32LE(offset, 10);
    const version = Buffer.alloc(2);
    version.writeUInt16LE(madeBy, 0);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02", "latin1"), version, common, rest, path]));
    parts.push(local);
    offset += local.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(sorted.length, 8);
  end.writeUInt16LE(sorted.length, 10);
  end.writeUInt32LE(size, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

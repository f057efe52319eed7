import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { crc32, inflateRawSync } from "node:zlib";

/**
 * Files of a ZIP archive by name, read by its directory and checked against their checksums.
 * @throws Error for what is not a plain archive of deflated files.
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export function readZip(archive: Buffer): ReadonlyMap<string, Buffer> {
  const end = archive.lastIndexOf("PK\x05\x06", undefined, "latin1");
  if (end < 0) throw new Error("no end of directory");
  const files = new Map<string, Buffer>();
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    if (archive.toString("latin1", at, at + 4) !== "PK\x01\x02") throw new Error("no directory entry");
    const [method, checksum, packedSize] = [
      archive.readUInt16LE(at + 10),
      archive.readUInt32LE(at + 16),
      archive.readUInt32LE(at + 20),
    ];
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) =>
      archive.readUInt16LE(at + field),
    ) as [number, number, number];
    const name = archive.toString("utf8", at + 46, at + 46 + nameLength);
    const local = archive.readUInt32LE(at + 42);
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    if (method !== 8) throw new Error(`${name} is not deflated`);
    const content = inflateRawSync(archive.subarray(start, start + packedSize));
    if (crc32(content) !== checksum) throw new Error(`${name} is damaged`);
    files.set(name, content);
    at += 46 + nameLength + extraLength + commentLength;
  }
  return files;
}

/** Writes the files of an archive into a folder. @throws Error for a name that leads out of it. */
export function unzip(archive: Buffer, folder: string): void {
  for (const [name, content] of readZip(archive)) {
    const path = join(folder, name);
    if (!resolve(path).startsWith(resolve(folder) + sep)) throw new Error(`${name} leads out of the folder`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

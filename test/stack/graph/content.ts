import { createHash, randomUUID } from "node:crypto";
import { appendFileSync, createReadStream, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";

/** Bytes of an attachment, never changed once stored, so that copies of a message share them. */
export interface Content {
  readonly size: number;
  /** Hex. */
  readonly sha256: string;
  read(): Buffer;
  stream(): Readable;
}

const largestInMemory = 1024 * 1024;

/** Holds attachments: small ones in memory, large ones as files of a directory that its owner removes. */
export class ContentStore {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  store(bytes: Buffer): Content {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    if (bytes.length <= largestInMemory)
      return { size: bytes.length, sha256, read: () => bytes, stream: () => Readable.from([bytes]) };
    const path = this.#newPath();
    writeFileSync(path, bytes);
    return fileContent(path, bytes.length, sha256);
  }

  /** Begins content whose bytes arrive in pieces. */
  open(): ContentWriter {
    return new ContentWriter(this.#newPath());
  }

  #newPath(): string {
    return join(this.#directory, randomUUID());
  }
}

export class ContentWriter {
  readonly #path: string;
  readonly #hash = createHash("sha256");
  #size = 0;

  constructor(path: string) {
    this.#path = path;
  }

  get size(): number {
    return this.#size;
  }

  append(bytes: Buffer): void {
    appendFileSync(this.#path, bytes);
    this.#hash.update(bytes);
    this.#size += bytes.length;
  }

  /** The content as appended. Nothing may be appended afterwards. */
  finish(): Content {
    return fileContent(this.#path, this.#size, this.#hash.digest("hex"));
  }

  discard(): void {
    rmSync(this.#path, { force: true });
  }
}

function fileContent(path: string, size: number, sha256: string): Content {
  return { size, sha256, read: () => readFileSync(path), stream: () => createReadStream(path) };
}

import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import {
  type BlobLeaseClient,
  BlobServiceClient,
  type ContainerClient,
  type StoragePipelineOptions,
} from "@azure/storage-blob";
import { MigrationError } from "../../domain/errors.ts";
import { codeOf, statusOf } from "../azure-errors.ts";
import { classifyStorageError, type StorageSettings } from "../azure-storage.ts";

export interface StoredBlob {
  readonly name: string;
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

/** Longest time of a call that moves little data, in milliseconds, the SDK's own repeats included. */
const callTimeoutMs = 60_000;
/** Longest time of a call that reads a whole file, and longest silence while one is written. */
const transferTimeoutMs = 600_000;
/** How long a lease lasts, and the longest time of a call under one. */
const leaseSeconds = 60;
const leaseMs = 10_000;
/** Settings files are small: more bytes than this are not read, and what was read is then not valid JSON. */
const maxTextBytes = 1_048_576;
/** Bytes sent in one request. */
const pieceBytes = 1_048_576;

/** One container. Blob names are compared exactly unless a method says otherwise. All methods throw MigrationError only. */
export class Container {
  readonly #client: ContainerClient;

  constructor(settings: StorageSettings, name: string) {
    const options: StoragePipelineOptions = {
      retryOptions: { maxTries: 4, retryDelayInMs: 300, maxRetryDelayInMs: 5_000 },
    };
    const service =
      "connectionString" in settings
        ? BlobServiceClient.fromConnectionString(settings.connectionString, options)
        : new BlobServiceClient(settings.url, settings.credential, options);
    this.#client = service.getContainerClient(name);
  }

  /** Repeatable. */
  async create(): Promise<void> {
    await classified(() =>
      this.#client.createIfNotExists({ abortSignal: AbortSignal.timeout(callTimeoutMs) }),
    );
  }

  /** Blobs whose names begin with `prefix`, read page by page as they are consumed. */
  async *list(prefix = ""): AsyncIterable<StoredBlob> {
    const blobs = this.#client.listBlobsFlat({ prefix });
    for (;;) {
      const next = await classified(() => blobs.next());
      if (next.done === true) return;
      const { name, properties } = next.value;
      yield {
        name,
        etag: properties.etag,
        size: properties.contentLength ?? 0,
        modifiedAt: properties.lastModified.getTime(),
      };
    }
  }

  /** Undefined if there is no such blob. The stream reads one version to its end, and fails with MigrationError. */
  async open(name: string): Promise<{ readonly blob: StoredBlob; readonly content: Readable } | undefined> {
    const answer = await classified(() => this.#download(name));
    if (answer?.readableStreamBody === undefined) return undefined;
    return {
      blob: {
        name,
        etag: answer.etag ?? "",
        size: answer.contentLength ?? 0,
        modifiedAt: answer.lastModified?.getTime() ?? 0,
      },
      content: Readable.from(classifiedChunks(answer.readableStreamBody), { objectMode: false }),
    };
  }

  /** Version and age (in milliseconds, by the service's clock, which counts in seconds) of a blob; undefined if there is none. */
  async properties(name: string): Promise<{ readonly etag: string; readonly ageMs: number } | undefined> {
    return classified(async () => {
      try {
        const { etag, date, lastModified } = await this.#client
          .getBlobClient(name)
          .getProperties({ abortSignal: AbortSignal.timeout(callTimeoutMs) });
        if (etag === undefined || date === undefined || lastModified === undefined)
          throw new TypeError("the answer lacks ETag, Date or Last-Modified");
        return { etag, ageMs: date.getTime() - lastModified.getTime() };
      } catch (error) {
        if (isMissingBlob(error)) return undefined;
        throw error;
      }
    });
  }

  /** A settings file's text without its byte order mark; UTF-8, or UTF-16 as PowerShell writes it. */
  async readText(name: string): Promise<{ readonly text: string; readonly version: string } | undefined> {
    const opened = await this.open(name);
    if (opened === undefined) return undefined;
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of opened.content) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxTextBytes) break;
    }
    const bytes = Buffer.concat(chunks);
    const utf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
    return {
      text: new TextDecoder(utf16 ? "utf-16le" : "utf-8").decode(bytes),
      version: opened.blob.etag,
    };
  }

  /** A whole blob; undefined if there is none. */
  async readBytes(name: string): Promise<{ readonly bytes: Buffer; readonly version: string } | undefined> {
    const opened = await this.open(name);
    if (opened === undefined) return undefined;
    const chunks: Buffer[] = [];
    for await (const chunk of opened.content) chunks.push(chunk);
    return { bytes: Buffer.concat(chunks), version: opened.blob.etag };
  }

  /** The blob's name as stored for a name in any case: the exact one if there is one. */
  async findName(name: string): Promise<string | undefined> {
    if (await this.#exists(name)) return name;
    const wanted = name.toLowerCase();
    for await (const blob of this.list()) if (blob.name.toLowerCase() === wanted) return blob.name;
    return undefined;
  }

  /**
   * Writes a blob as a whole over whatever is there, holding a few megabytes in memory. Repeatable.
   * @throws MigrationError `transient`/`StorageWriteCollided` if somebody else wrote the same large blob meanwhile.
   */
  async write(name: string, contentType: string, content: AsyncIterable<string>): Promise<void> {
    const blob = this.#client.getBlockBlobClient(name);
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), transferTimeoutMs);
    const options = { blobHTTPHeaders: { blobContentType: contentType }, abortSignal: limit.signal };
    await classified(async () => {
      // The content may take as long as it needs; only silence ends the transfer.
      const pieces = piecesOf(onEach(content, () => timer.refresh()));
      const first = await pieces.next();
      if (first.done === true) return blob.upload("", 0, options);
      const second = await pieces.next();
      // One request where one is enough: it is atomic, and two writers cannot disturb each other.
      if (second.done === true) return blob.upload(first.value, first.value.length, options);
      const all = chain([first.value, second.value], pieces);
      return blob.uploadStream(Readable.from(all, { objectMode: false }), pieceBytes, 2, options);
    }).finally(() => clearTimeout(timer));
  }

  /** Writes a blob of some megabytes over whatever is there, in one request: nobody reads half of it. Repeatable. */
  async writeBytes(name: string, contentType: string, bytes: Uint8Array): Promise<void> {
    await classified(() =>
      this.#client.getBlockBlobClient(name).upload(bytes, bytes.length, {
        blobHTTPHeaders: { blobContentType: contentType },
        abortSignal: AbortSignal.timeout(transferTimeoutMs),
      }),
    );
  }

  /**
   * Keeps text as blocks of a blob that is not changed by that. Nothing is kept of no text. Repeatable.
   * @param idOf the id of a block by its place, and whether it is the last one.
   */
  async stage(
    name: string,
    content: AsyncIterable<string>,
    idOf: (index: number, ends: boolean) => string,
  ): Promise<void> {
    const blob = this.#client.getBlockBlobClient(name);
    const send = (id: string, bytes: Buffer) =>
      classified(() =>
        blob.stageBlock(id, bytes, bytes.length, { abortSignal: AbortSignal.timeout(callTimeoutMs) }),
      );
    let last: Buffer | undefined;
    let index = 0;
    for await (const piece of piecesOf(content)) {
      if (last !== undefined) await send(idOf(index++, false), last);
      last = piece;
    }
    if (last !== undefined) await send(idOf(index, true), last);
  }

  /** Ids of the blocks that are kept and not part of the blob yet. */
  async staged(name: string): Promise<readonly string[]> {
    return classified(async () => {
      try {
        const list = await this.#client
          .getBlockBlobClient(name)
          .getBlockList("uncommitted", { abortSignal: AbortSignal.timeout(callTimeoutMs) });
        return (list.uncommittedBlocks ?? []).map((block) => block.name);
      } catch (error) {
        if (isMissingBlob(error)) return [];
        throw error;
      }
    });
  }

  /** Makes a blob of blocks that are kept, over whatever is there. @throws MigrationError `transient`/`StorageWriteCollided` if one is gone. */
  async commit(name: string, contentType: string, ids: readonly string[]): Promise<void> {
    await classified(() =>
      this.#client.getBlockBlobClient(name).commitBlockList([...ids], {
        blobHTTPHeaders: { blobContentType: contentType },
        abortSignal: AbortSignal.timeout(callTimeoutMs),
      }),
    );
  }

  /**
   * Writes a small text in the place of one version of the blob, or where there is no blob. Repeatable.
   * @returns the ETag of the blob with this text, or undefined if another version is there.
   */
  async writeText(
    name: string,
    contentType: string,
    text: string,
    replaces: string | undefined,
  ): Promise<string | undefined> {
    const version = await this.#replace(name, contentType, Buffer.from(text), replaces);
    if (version !== undefined) return version;
    // The answer to an earlier attempt may have been lost.
    const stored = await this.readText(name);
    return stored?.text === text ? stored.version : undefined;
  }

  /**
   * Writes bytes in the place of one version of the blob, or where there is no blob.
   * @returns the ETag; undefined if another version is there, be it our own whose answer was lost.
   */
  replaceBytes(name: string, bytes: Buffer, replaces: string | undefined): Promise<string | undefined> {
    return this.#replace(name, "application/octet-stream", bytes, replaces);
  }

  /**
   * Takes the lease of a blob, which is made where there is none. It ends after a minute.
   * @returns its id, or undefined while another has it.
   * @see https://learn.microsoft.com/rest/api/storageservices/lease-blob
   */
  async lease(name: string): Promise<string | undefined> {
    await this.writeText(name, "text/plain", "", undefined);
    const id = randomUUID();
    return classified(async () => {
      try {
        await this.#lease(name, id).acquireLease(leaseSeconds, { abortSignal: AbortSignal.timeout(leaseMs) });
        return id;
      } catch (error) {
        if (codeOf(error) === "LeaseAlreadyPresent") return undefined;
        throw error;
      }
    });
  }

  /** Another minute for a lease. @throws MigrationError `transient`/`BlobLeaseLost` if another has it by now. */
  async renewLease(name: string, id: string): Promise<void> {
    await leased(() => this.#lease(name, id).renewLease({ abortSignal: AbortSignal.timeout(leaseMs) }));
  }

  /** Writes over a blob whose lease one has. Repeatable. @throws MigrationError `transient`/`BlobLeaseLost` if another has it. */
  async writeLeased(name: string, id: string, text: string): Promise<void> {
    await leased(() =>
      this.#client.getBlockBlobClient(name).upload(text, Buffer.byteLength(text), {
        conditions: { leaseId: id },
        abortSignal: AbortSignal.timeout(leaseMs),
      }),
    );
  }

  /** Ends a lease. Where that fails it ends by itself. */
  async releaseLease(name: string, id: string): Promise<void> {
    await this.#lease(name, id)
      .releaseLease({ abortSignal: AbortSignal.timeout(callTimeoutMs) })
      .catch(() => undefined);
  }

  #replace(
    name: string,
    contentType: string,
    bytes: Buffer,
    replaces: string | undefined,
  ): Promise<string | undefined> {
    return classified(async () => {
      try {
        const answer = await this.#client.getBlockBlobClient(name).upload(bytes, bytes.length, {
          blobHTTPHeaders: { blobContentType: contentType },
          conditions: replaces === undefined ? { ifNoneMatch: "*" } : { ifMatch: replaces },
          abortSignal: AbortSignal.timeout(callTimeoutMs),
        });
        return answer.etag;
      } catch (error) {
        if (isFailedCondition(error)) return undefined;
        throw error;
      }
    });
  }

  #lease(name: string, id: string): BlobLeaseClient {
    return this.#client.getBlobClient(name).getBlobLeaseClient(id);
  }

  /** Removes a blob, or only one version of it. @returns false if there is another version. Repeatable. */
  async remove(name: string, etag?: string): Promise<boolean> {
    return classified(async () => {
      try {
        await this.#client.getBlobClient(name).delete({
          deleteSnapshots: "include",
          conditions: etag === undefined ? {} : { ifMatch: etag },
          abortSignal: AbortSignal.timeout(callTimeoutMs),
        });
        return true;
      } catch (error) {
        if (isMissingBlob(error)) return true;
        // A condition on a blob that is gone fails as well.
        if (statusOf(error) === 412) return !(await this.#exists(name));
        throw error;
      }
    });
  }

  #exists(name: string): Promise<boolean> {
    return classified(() =>
      this.#client.getBlobClient(name).exists({ abortSignal: AbortSignal.timeout(callTimeoutMs) }),
    );
  }

  async #download(name: string) {
    try {
      return await this.#client.getBlobClient(name).download(0, undefined, {
        maxRetryRequests: 3,
        abortSignal: AbortSignal.timeout(transferTimeoutMs),
      });
    } catch (error) {
      if (isMissingBlob(error)) return undefined;
      throw error;
    }
  }
}

/** The text as bytes, in pieces of about {@link pieceBytes}. */
async function* piecesOf(content: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let texts: string[] = [];
  let length = 0;
  for await (const text of content) {
    texts.push(text);
    length += text.length;
    if (length < pieceBytes) continue;
    yield Buffer.from(texts.join(""));
    texts = [];
    length = 0;
  }
  if (length > 0) yield Buffer.from(texts.join(""));
}

async function* onEach<T>(items: AsyncIterable<T>, note: () => void): AsyncGenerator<T> {
  for await (const item of items) {
    note();
    yield item;
  }
}

async function* chain(first: readonly Buffer[], rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield* first;
  yield* rest;
}

async function* classifiedChunks(stream: NodeJS.ReadableStream): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream) yield Buffer.from(chunk);
  } catch (error) {
    throw classify(error);
  }
}

async function classified<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw classify(error);
  }
}

/** What an error of the Blobs SDK means for the caller. */
function classify(error: unknown): MigrationError {
  // Committing the blocks of one writer discards those of the other.
  if (codeOf(error) === "InvalidBlockList")
    return new MigrationError(
      "transient",
      "StorageWriteCollided",
      "Another worker wrote the same file in Blob Storage at the same time.",
    );
  return classifyStorageError(error, { name: "Blob Storage", role: "Storage Blob Data Contributor" });
}

/** Another version is there, or one where none was expected. */
function isFailedCondition(error: unknown): boolean {
  return statusOf(error) === 412 || codeOf(error) === "BlobAlreadyExists";
}

async function leased(request: () => Promise<unknown>): Promise<void> {
  await classified(async () => {
    try {
      await request();
    } catch (error) {
      if (statusOf(error) !== 409 && statusOf(error) !== 412) throw error;
      throw new MigrationError("transient", "BlobLeaseLost", "Another worker has gone on with this work.", {
        cause: new Error(codeOf(error)),
      });
    }
  });
}

function isMissingBlob(error: unknown): boolean {
  return statusOf(error) === 404 && codeOf(error) !== "ContainerNotFound";
}

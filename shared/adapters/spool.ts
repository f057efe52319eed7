import { type FileHandle, mkdtemp, open as openFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { isMigrationError, MigrationError } from "../domain/errors.ts";
import { type ByteSource, bufferSource } from "./byte-source.ts";

export interface SpooledSource extends ByteSource {
  /** Gives the bytes up. Repeatable. */
  dispose(): Promise<void>;
}

/**
 * Writes a stream to a temporary file, so that a message too large for memory can be read in any order, and again when an
 * upload has to be resumed. The file has no name from the start, so that a killed process leaves none behind. The caller
 * disposes of it.
 * @param open gives the stream, which is read at once: one that nobody reads or ends holds the connection it comes from.
 * @param maxBytes the stream is given up beyond this.
 * @returns undefined if the stream is longer than `maxBytes`.
 * @throws what the stream throws; the file is gone then.
 */
export async function spool(
  open: () => Promise<Readable>,
  maxBytes: number,
): Promise<SpooledSource | undefined> {
  const file = await openNameless();
  const dispose = () => file.close();
  let stream: Readable | undefined;
  try {
    stream = await open();
    let size = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      // Unlike write it goes on until all is there, or fails: the end of a disk takes a part of it.
      await file.appendFile(chunk);
      size += chunk.length;
      if (size > maxBytes) {
        await dispose();
        return undefined;
      }
    }
    return {
      size,
      dispose,
      async read(start, end) {
        const wanted = Math.max(0, Math.min(end, size) - start);
        const buffer = Buffer.allocUnsafe(wanted);
        for (let filled = 0; filled < wanted; ) {
          const { bytesRead } = await file
            .read(buffer, filled, wanted - filled, start + filled)
            .catch((error: unknown) => Promise.reject(spoolFailed(error)));
          if (bytesRead === 0) throw spoolFailed();
          filled += bytesRead;
        }
        return buffer;
      },
    };
  } catch (error) {
    await dispose();
    throw error;
  } finally {
    stream?.destroy();
  }
}

/**
 * The bytes of a message, wherever they are kept. Whoever opens it disposes of it.
 * @param content the message in memory, or what opens the stream of a large one.
 * @param maxBytes no more of a stream is read.
 * @returns undefined if the stream is longer than `maxBytes`.
 * @throws MigrationError what the stream throws, or `transient`/`SpoolFailed`
 */
export async function openContent(
  content: Buffer | (() => Promise<Readable>),
  maxBytes: number,
): Promise<SpooledSource | undefined> {
  if (Buffer.isBuffer(content)) return { ...bufferSource(content), dispose: async () => {} };
  try {
    return await spool(content, maxBytes);
  } catch (error) {
    if (isMigrationError(error)) throw error;
    throw spoolFailed(error);
  }
}

function spoolFailed(cause?: unknown): MigrationError {
  return new MigrationError(
    "transient",
    "SpoolFailed",
    "A large message could not be kept in the temporary directory while it was copied; it is tried again later.",
    { cause },
  );
}

async function openNameless(): Promise<FileHandle> {
  const directory = await mkdtemp(join(tmpdir(), "imap-to-m365-spool-"));
  try {
    return await openFile(join(directory, "message"), "wx+", 0o600);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { ByteSource } from "./bytes.ts";

export interface SpooledSource extends ByteSource {
  /** Gives the bytes up. Repeatable. */
  dispose(): Promise<void>;
}

/**
 * Writes a stream to a temporary file, so that a message too large for memory can be read in any order, and again when an
 * upload has to be resumed. The file has no name from the start, so that a killed process leaves none behind. The caller
 * disposes of it.
 * @param maxBytes the stream is given up beyond this.
 * @returns undefined if the stream is longer than `maxBytes`.
 * @throws what the stream throws; the file is gone then.
 */
export async function spool(stream: Readable, maxBytes: number): Promise<SpooledSource | undefined> {
  const file = await openNameless();
  const dispose = () => file.close();
  try {
    let size = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      await file.write(chunk, 0, chunk.length, size);
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
        const { bytesRead } = await file.read(buffer, 0, wanted, start);
        return buffer.subarray(0, bytesRead);
      },
    };
  } catch (error) {
    await dispose();
    throw error;
  } finally {
    stream.destroy();
  }
}

async function openNameless(): Promise<FileHandle> {
  const directory = await mkdtemp(join(tmpdir(), "imap-to-m365-spool-"));
  try {
    return await open(join(directory, "message"), "wx+", 0o600);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

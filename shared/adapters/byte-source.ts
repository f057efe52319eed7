import { letOthersRun } from "./event-loop.ts";

/** Random access to the bytes of one message, wherever they lie. */
export interface ByteSource {
  /** Bytes. */
  readonly size: number;
  /** The bytes from `start` up to, not including, `end`; fewer if the source ends before. */
  read(start: number, end: number): Promise<Buffer>;
}

/** Bytes already in memory. */
export function bufferSource(buffer: Buffer): ByteSource {
  return { size: buffer.length, read: async (start, end) => buffer.subarray(start, end) };
}

/** What one step works on: some milliseconds of the slowest decoding. */
const windowBytes = 1 << 16;

/** The bytes of a range in order, one window at a time; others get their turn in between. */
export async function* readRange(source: ByteSource, start: number, end: number): AsyncGenerator<Buffer> {
  const last = Math.min(end, source.size);
  for (let at = start; at < last; ) {
    const window = await source.read(at, Math.min(at + windowBytes, last));
    if (window.length === 0) return;
    yield window;
    at += window.length;
    await letOthersRun();
  }
}

/** All bytes of a range that is known to be small. */
export async function readAll(source: ByteSource, start: number, end: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of readRange(source, start, end)) pieces.push(piece);
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
}

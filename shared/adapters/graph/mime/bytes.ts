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

const windowBytes = 1 << 18;

/** The bytes of a range in order, one window at a time. */
export async function* readRange(source: ByteSource, start: number, end: number): AsyncGenerator<Buffer> {
  const last = Math.min(end, source.size);
  for (let at = start; at < last; ) {
    const window = await source.read(at, Math.min(at + windowBytes, last));
    if (window.length === 0) return;
    yield window;
    at += window.length;
  }
}

import { type ByteSource, readRange } from "../../byte-source.ts";
import type { Entity } from "./scan.ts";
import { decodeTransfer, type TransferEncoding } from "./transfer.ts";

/** Where the bytes of a part come from: a range of the source, to be decoded, after an optional literal begin. */
export interface PartContent {
  readonly prefix?: Buffer;
  readonly start: number;
  readonly end: number;
  readonly encoding: TransferEncoding;
}

/** The decoded body of an entity. */
export function bodyOf(entity: Entity): PartContent {
  return { start: entity.bodyStart, end: entity.end, encoding: entity.encoding };
}

/** The decoded bytes in order, in pieces of bounded size. */
export async function* streamContent(source: ByteSource, content: PartContent): AsyncGenerator<Buffer> {
  if (content.prefix !== undefined) yield content.prefix;
  for await (const piece of decodeTransfer(readRange(source, content.start, content.end), content.encoding))
    if (piece.length > 0) yield piece;
}

/** All decoded bytes, or those up to a limit (rounded up to what is decoded at once); only for content known to be small. */
export async function loadContent(
  source: ByteSource,
  content: PartContent,
  maxBytes = Number.POSITIVE_INFINITY,
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of streamContent(source, content)) {
    pieces.push(piece);
    size += piece.length;
    if (size >= maxBytes) break;
  }
  return pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
}

/** More than any message may have. */
const beyondMeasure = 256 << 20;

/**
 * Number of decoded bytes, found by decoding: damaged encodings make any formula wrong. Of what is far too large for
 * Exchange, only that it is.
 */
export async function measureContent(source: ByteSource, content: PartContent): Promise<number> {
  if (content.encoding === "identity") return (content.prefix?.length ?? 0) + content.end - content.start;
  let size = 0;
  for await (const piece of streamContent(source, content)) {
    size += piece.length;
    if (size > beyondMeasure) break;
  }
  return size;
}

import { emptyUidSet, sizeOf, type UidSet } from "../../domain/uid-set.ts";
import type { ChunkInDoubt, FolderRecord, Generation, OpenChunk } from "../ports/ledger-store.ts";

/*
 * Messages of a chunk that are no longer at the source under the identities they were written with. All functions are
 * pure.
 */

/**
 * Chunks of a folder whose messages are no longer there as they were written. What has a record has it of another write
 * than the chunk's.
 */
export function retired(folder: FolderRecord, chunks: readonly ChunkInDoubt[]): readonly ChunkInDoubt[] {
  return chunks.map((chunk) => ({ ...retire(chunk, folder, chunk.uids), uids: emptyUidSet }));
}

/** The chunk with some of its messages no longer there as they were written. */
export function retire<Chunk extends OpenChunk>(
  chunk: Chunk,
  { folderId, uidValidity }: Generation,
  uids: UidSet,
): Chunk {
  if (sizeOf(uids) === 0) return chunk;
  return { ...chunk, retired: [...(chunk.retired ?? []), { folderId, uidValidity, uids }] };
}

import { type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import type { FolderRecord, Generation, SkippedItem } from "../ports/ledger-store.ts";
import type { MessageSummary } from "../ports/source.ts";
import type { Portion } from "../ports/source-debt-store.ts";
import type { PlannedChunk } from "./chunk.ts";
import { givenUpAfterLook } from "./failed-messages.ts";
import { isMarkedDeleted } from "./flags.ts";
import { skipOf } from "./item-records.ts";
import { maxChunkBytes, maxChunkItems, streamedSize } from "./limits.ts";

/** Deaths of the worker in the middle of one message before it is left out. */
const maxDeaths = 3;

/** Bytes above which a message is not read. */
export interface SizeLimits {
  /** The batch's maxItemSize. */
  readonly batch: number | undefined;
  /** What no target takes. */
  readonly target: number;
  /** What is read at once. */
  readonly portion: Portion;
}

/**
 * Cuts messages into chunks; a large message is one of its own. Pure.
 * @param oneByOne true to find out in which message a worker dies.
 */
export function chunksOf(
  folder: Generation & Pick<FolderRecord, "doubt" | "setAside">,
  messages: readonly MessageSummary[],
  sizes: SizeLimits,
  oneByOne = false,
): readonly PlannedChunk[] {
  const chunks: { writable: MessageSummary[]; skipped: SkippedItem[]; bytes: number }[] = [];
  let current: (typeof chunks)[number] | undefined;
  const maxItems = Math.min(maxChunkItems, sizes.portion.messages);
  const maxBytes = Math.min(maxChunkBytes, sizes.portion.bytes);
  for (const message of messages) {
    const skip = skipBeforeReading(folder, message, sizes);
    const alone = skip === undefined && (oneByOne || message.size > streamedSize);
    const full =
      current === undefined ||
      current.writable.length + current.skipped.length >= maxItems ||
      (current.bytes > 0 && current.bytes + message.size > maxBytes);
    if (current === undefined || full || alone) {
      current = { writable: [], skipped: [], bytes: 0 };
      chunks.push(current);
    }
    if (skip) current.skipped.push(skip);
    else {
      current.writable.push(message);
      current.bytes += message.size;
    }
    if (alone) current = undefined;
  }
  return chunks;
}

/** Messages that are read, and held, before it is their folder's turn, and bytes of them as announced. */
export const maxAheadItems = 256;
const maxAheadBytes = 4 * 1024 * 1024;

/** The messages of a folder's first chunk that can be read before it is its turn; none of one that is streamed. Pure. */
export function readableAhead(...given: Parameters<typeof chunksOf>): UidSet {
  const [{ writable } = { writable: [] }] = chunksOf(...given);
  let bytes = 0;
  const end = writable.findIndex(({ size }) => {
    bytes += size;
    return bytes > maxAheadBytes;
  });
  return uidSetOf((end < 0 ? writable : writable.slice(0, end)).map(({ uid }) => uid));
}

function skipBeforeReading(
  folder: Generation & Pick<FolderRecord, "doubt" | "setAside">,
  message: MessageSummary,
  sizes: SizeLimits,
): SkippedItem | undefined {
  if (isMarkedDeleted(message.flags))
    return skipOf(folder, message, "MarkedDeleted", "The message is marked as deleted at the source.");
  if (sizes.batch !== undefined && message.size > sizes.batch)
    return skipOf(
      folder,
      message,
      "LargerThanMaxItemSize",
      `The message is larger than maxItemSize (${sizes.batch} bytes).`,
    );
  if (message.size > sizes.target)
    return skipOf(
      folder,
      message,
      "MessageTooLarge",
      `The source announces ${message.size} bytes, and no target mailbox takes more than ${sizes.target}. It was not read.`,
    );
  const { attempting } = folder.doubt;
  if (attempting?.uid === message.uid && attempting.attempts >= maxDeaths)
    return skipOf(
      folder,
      message,
      "WorkerCrashed",
      `The worker ended ${maxDeaths} times while it copied this message. Copy it by hand.`,
    );
  return givenUpAfterLook(folder, message);
}

import type { Readable } from "node:stream";
import type { MigrationError } from "../../domain/errors.ts";
import type { Uid } from "../../domain/names.ts";
import type { GuessCode } from "../../domain/warnings.ts";
import type { Superseded } from "../mailbox/change.ts";
import type { ItemRecord, SkippedItem } from "../ports/ledger-store.ts";
import type { MessageSummary, SourceMessage } from "../ports/source.ts";

/* A chunk on its way: as it is planned, read, and what became of it. */

/** Messages to be copied in one commit. */
export interface PlannedChunk {
  readonly writable: readonly MessageSummary[];
  readonly skipped: readonly SkippedItem[];
  readonly bytes: number;
}

/** What a chunk is read by, in one of two ways, and once. */
export interface ChunkReading {
  /** The messages, as the source's `fetchMessages` gives them; to be ended by `return`. */
  readonly messages: AsyncIterator<SourceMessage>;
  /** Its single large message; undefined if the source does not give its header. */
  openLarge(): Promise<LargeMessage | undefined>;
}

/** A message that is streamed. */
export interface LargeMessage {
  readonly header: Buffer;
  /** All of it, as the source's `openMessage` gives it. */
  content(): Promise<Readable>;
}

/** What became of the messages of one chunk. A message in none of the lists was not written and may be tried again. */
export interface ChunkOutcome {
  readonly items: ItemRecord[];
  readonly skipped: SkippedItem[];
  /** Messages that the server announced and did not give. */
  readonly absent: Uid[];
  /** Messages of a chunk that failed whose write may have happened. */
  readonly inDoubt: DoubtfulWrite[];
  /** Messages that the target did not take, for reasons that may pass, while it goes on with others as far as is known. */
  refused: readonly RefusedMessage[];
  /** Guesses by which the messages of `items` were read, each as often as there are such messages. */
  readonly guesses: GuessCode[];
  /** Why the rest of the chunk was not tried. */
  failure?: MigrationError | Superseded;
}

/** A write that may have happened. */
export interface DoubtfulWrite {
  readonly message: MessageSummary;
  readonly error: MigrationError;
}

export interface RefusedMessage extends DoubtfulWrite {
  /** True if the target took others since. */
  readonly telling: boolean;
}

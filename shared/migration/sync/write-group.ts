import { isMigrationError, type MigrationError } from "../../domain/errors.ts";
import type { TargetFolderId, Uid } from "../../domain/names.ts";
import { uidSetOf } from "../../domain/uid-set.ts";
import type { GuessCode } from "../../domain/warnings.ts";
import type { FolderRecord, ItemRecord, OpenChunk, SkippedItem } from "../ports/ledger-store.ts";
import type { MessageSummary, OpenSourceFolder } from "../ports/source.ts";

import { headerDigest, headerSection, stampOf } from "./digest.ts";
import { copiedFlags } from "./flags.ts";
import { receivedDate } from "./received-date.ts";
import type { SyncRun } from "./run.ts";

/** Larger messages are streamed one at a time instead of being held in memory. */
export const streamedSize = 4 * 1024 * 1024;

/** What became of the messages of one chunk. A message in none of the lists was not written and may be tried again. */
export interface GroupOutcome {
  readonly items: ItemRecord[];
  readonly skipped: SkippedItem[];
  /** Messages that the server announced and then left out. */
  readonly absent: Uid[];
  /** Messages whose write may have happened. */
  readonly inDoubt: Uid[];
  /** Guesses by which the messages of `items` were read, each as often as there are such messages. */
  readonly guesses: GuessCode[];
  /** Why the rest of the chunk was not tried. */
  failure?: MigrationError;
}

/**
 * How long a write may take: a slow line still moves 400 KB a second.
 * @returns milliseconds
 */
export function writeTimeoutMs(size: number): number {
  return 30_000 + Math.ceil(size / 400);
}

/**
 * Writes the messages of an open chunk, several at once, from one streamed fetch. Every message is written at most
 * once; the first failure that is not about a single message ends the chunk after the writes in flight.
 * Never throws a MigrationError: what happened to each message is in the outcome.
 */
export async function writeGroup(
  run: SyncRun,
  folder: FolderRecord & { readonly targetFolderId: TargetFolderId; readonly openChunk: OpenChunk },
  opened: OpenSourceFolder,
  group: readonly MessageSummary[],
): Promise<GroupOutcome> {
  const outcome: GroupOutcome = { items: [], skipped: [], absent: [], inDoubt: [], guesses: [] };
  const waiting = new Set<Uid>(group.map((message) => message.uid));

  async function write(
    message: MessageSummary,
    header: Buffer,
    content: Buffer | (() => ReturnType<OpenSourceFolder["openMessage"]>),
  ): Promise<void> {
    waiting.delete(message.uid);
    const size = Buffer.isBuffer(content) ? content.length : message.size;
    const timeoutMs = writeTimeoutMs(size);
    const guesses = new Set<GuessCode>();
    try {
      run.checkpoint();
      await run.lease.ensure(timeoutMs);
      const outgoing = {
        uid: message.uid,
        stamp: stampOf(run.ledgerId, folder.folderId, folder.uidValidity, message.uid),
        chunkToken: folder.openChunk.token,
        internalDate: receivedDate(header, message.internalDate, run.options.receivedDateFrom, () =>
          guesses.add("ReceivedDateUnreadable"),
        ),
        flags: copiedFlags(message.flags),
        size,
        content,
        timeoutMs,
        guessed: (guess: GuessCode) => guesses.add(guess),
      };
      const targetId = await run.trace("message.write", { bytes: size }, () =>
        run.target.write(folder.targetFolderId, outgoing),
      );
      outcome.items.push(itemOf(folder, message, size, header, targetId));
      outcome.guesses.push(...guesses);
    } catch (error) {
      if (!isMigrationError(error)) throw error;
      if (error.inDoubt) outcome.inDoubt.push(message.uid);
      if (error.kind === "item" && error.code !== "TargetFolderGone")
        outcome.skipped.push(skipOf(folder, message, error.code, error.message));
      else outcome.failure ??= error;
    }
  }

  try {
    const [only] = group;
    if (only && group.length === 1 && only.size > streamedSize) {
      const header = await readHeader(opened, only.uid);
      if (header) await write(only, header, () => opened.openMessage(only.uid));
    } else {
      const messages = opened.fetchMessages(uidSetOf(waiting))[Symbol.asyncIterator]();
      const writer = async (): Promise<void> => {
        while (outcome.failure === undefined) {
          const next = await messages.next();
          if (next.done) return;
          if (waiting.has(next.value.uid))
            await write(next.value, headerSection(next.value.content), next.value.content);
        }
      };
      try {
        await settleAll(Array.from({ length: run.target.writeConcurrency }, writer));
      } finally {
        await messages.return?.();
      }
    }
  } catch (error) {
    if (!isMigrationError(error)) throw error;
    outcome.failure ??= error;
  }
  if (outcome.failure === undefined) outcome.absent.push(...waiting);
  return outcome;
}

/** Item record of a message as it was just written. */
export function itemOf(
  folder: Pick<FolderRecord, "folderId" | "uidValidity">,
  message: MessageSummary,
  size: number,
  header: Buffer,
  targetId: ItemRecord["targetId"],
): ItemRecord {
  return {
    folderId: folder.folderId,
    uidValidity: folder.uidValidity,
    uid: message.uid,
    targetId,
    digest: headerDigest(header),
    internalDate: message.internalDate.getTime(),
    size,
    flags: copiedFlags(message.flags),
  };
}

/** Record of a message that is not copied. */
export function skipOf(
  folder: Pick<FolderRecord, "folderId" | "uidValidity">,
  message: MessageSummary,
  code: string,
  reason: string,
): SkippedItem {
  return {
    folderId: folder.folderId,
    uidValidity: folder.uidValidity,
    uid: message.uid,
    internalDate: message.internalDate.getTime(),
    size: message.size,
    code,
    message: reason,
  };
}

async function readHeader(opened: OpenSourceFolder, uid: Uid): Promise<Buffer | undefined> {
  for await (const message of opened.fetchHeaders(uidSetOf([uid]))) return message.header;
  return undefined;
}

/** Waits for all, then throws the first failure: no write may still run when the outcome is read. */
async function settleAll(work: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(work)) if (result.status === "rejected") throw result.reason;
}

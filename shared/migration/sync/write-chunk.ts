import { isMigrationError, type MigrationError } from "../../domain/errors.ts";
import type { Uid } from "../../domain/names.ts";
import type { GuessCode } from "../../domain/warnings.ts";
import { Superseded } from "../mailbox/change.ts";
import type { MessageSummary } from "../ports/source.ts";
import type { ChunkOutcome, ChunkReading, DoubtfulWrite, LargeMessage, RefusedMessage } from "./chunk.ts";
import { itemOf } from "./copied-item.ts";
import { headerSection, stampOf } from "./digest.ts";
import { copiedFlags } from "./flags.ts";
import type { PlacedFolder } from "./folder-record.ts";
import { skipOf } from "./item-records.ts";
import { isStreamed } from "./limits.ts";
import { receivedDate } from "./received-date.ts";
import type { SyncRun } from "./run.ts";
import type { SteadyFolder } from "./steady-source.ts";
import type { Pulse } from "./target-pulse.ts";
import type { WriteWindow } from "./write-window.ts";

/** With a step's own time it ends before the lock of a session that was accepted for it, in milliseconds. */
const longestWriteMs = 480_000;

/**
 * How long a write may take: a slow line still moves 400 KB a second.
 * @returns milliseconds
 */
export function writeTimeoutMs(size: number): number {
  return Math.min(30_000 + Math.ceil(size / 400), longestWriteMs);
}

/**
 * Writes the messages of an open chunk, several at once, as they are read. Every message is written at most
 * once; a failure that is not about a single message stops the window, and the chunk ends after the writes in flight.
 * Never throws a MigrationError: what happened to each message is in the outcome.
 * @param token of the chunk that they are written under.
 * @param window of the folder, which no other chunk adds to before all writes of this one have begun.
 * @param reading of the chunk; it is read to its end, or given up.
 * @param allBegun called once nothing more is read or begun for the chunk: the next one may follow.
 */
export async function writeChunk(
  run: SyncRun,
  folder: PlacedFolder,
  token: string,
  opened: SteadyFolder,
  messages: readonly MessageSummary[],
  window: WriteWindow,
  { messages: reading, openLarge }: ChunkReading,
  allBegun: () => void,
): Promise<ChunkOutcome> {
  const outcome: ChunkOutcome = { items: [], skipped: [], absent: [], inDoubt: [], refused: [], guesses: [] };
  const refusals: Refusal[] = [];
  let stopped = false;
  const waiting = new Set<Uid>(messages.map((message) => message.uid));
  const writes: Promise<void>[] = [];
  const ends = (): boolean => {
    stopped ||= window.stopped || run.isLate();
    return stopped;
  };
  const fail = (error: MigrationError | Superseded): void => {
    outcome.failure ??= error;
    window.stop();
  };

  async function write(
    message: MessageSummary,
    header: Buffer,
    content: Buffer | LargeMessage["content"],
  ): Promise<void> {
    waiting.delete(message.uid);
    const size = Buffer.isBuffer(content) ? content.length : message.size;
    // Those before it on the same line take their time, too.
    const timeoutMs = writeTimeoutMs(Math.max(size, window.bytes));
    const guesses = new Set<GuessCode>();
    let begun = false;
    try {
      run.checkpoint();
      await run.lease.ensure(timeoutMs);
      const outgoing = {
        uid: message.uid,
        stamp: stampOf(run.ledgerId, folder.folderId, folder.uidValidity, message.uid),
        chunkToken: token,
        internalDate: receivedDate(header, message.internalDate, run.options.receivedDateFrom, () =>
          guesses.add("ReceivedDateUnreadable"),
        ),
        flags: copiedFlags(message.flags),
        size,
        content,
        timeoutMs,
        guessed: (guess: GuessCode) => guesses.add(guess),
      };
      begun = true;
      const targetId = await run.trace("message.write", { bytes: size }, () =>
        run.target.write(folder.place.id, outgoing),
      );
      run.pulse.took();
      outcome.items.push(itemOf(folder, message, size, header, targetId));
      outcome.guesses.push(...guesses);
    } catch (error) {
      if (!isMigrationError(error)) throw error;
      const mayPass = begun && error.kind === "transient";
      if (error.inDoubt && !mayPass) outcome.inDoubt.push({ message, error });
      // What ended the write was that the source gave no more of the message.
      if (!error.inDoubt && opened.unread.has(message.uid)) waiting.add(message.uid);
      else if (error.kind === "item" && error.code !== "TargetFolderGone")
        outcome.skipped.push(skipOf(folder, message, error.code, error.message));
      else if (mayPass) {
        refusals.push({ message, error, taken: run.pulse.taken });
        if (!(await run.pulse.mayGoOn(error))) fail(error);
      } else fail(error);
    }
  }

  try {
    const [only] = messages;
    if (only && isStreamed(messages)) {
      try {
        const large = await openLarge();
        if (large) await write(only, large.header, large.content);
      } finally {
        await reading.return?.();
      }
    } else {
      try {
        while (!ends()) {
          const next = await reading.next();
          if (next.done) break;
          const message = next.value;
          if (!waiting.has(message.uid)) continue;
          const { content } = message;
          await window.room(content.length);
          if (ends()) break;
          const under = window.add(content.length, () => write(message, headerSection(content), content));
          // Observed here too: others may end first.
          under.catch(() => undefined);
          writes.push(under);
        }
      } finally {
        window.leave();
        const ended = reading.return?.();
        await Promise.allSettled([ended]);
        allBegun();
        // No write may still run when the outcome is read.
        await Promise.allSettled(writes);
        await Promise.all([ended, ...writes]);
      }
    }
  } catch (error) {
    // What was written by then is recorded, whatever the mailbox has become.
    if (!isMigrationError(error) && !(error instanceof Superseded)) throw error;
    fail(error);
  }
  await settleRefusals(run, outcome, refusals);
  for (const uid of waiting)
    if ((outcome.failure === undefined && !stopped) || opened.unread.has(uid)) outcome.absent.push(uid);
  return outcome;
}

interface Refusal extends DoubtfulWrite {
  /** What the target had taken by then. */
  readonly taken: number;
}

/** Where the target takes no other message, no single one is to blame: then the chunk has failed. */
async function settleRefusals(
  run: SyncRun,
  outcome: ChunkOutcome,
  refusals: readonly Refusal[],
): Promise<void> {
  const refused: RefusedMessage[] = [];
  const pulses = new Map<number, Pulse>();
  for (const { message, error, taken } of refusals) {
    const pulse = outcome.failure ? "away" : (pulses.get(taken) ?? (await run.pulse.since(taken)));
    pulses.set(taken, pulse);
    if (pulse === "away") outcome.failure ??= error;
    else refused.push({ message, error, telling: pulse === "takes" });
  }
  if (outcome.failure === undefined) outcome.refused = refused;
  else outcome.inDoubt.push(...refusals.filter(({ error }) => error.inDoubt));
}

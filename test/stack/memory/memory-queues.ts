import {
  type FolderSyncMessage,
  folderSyncMessageId,
  folderSyncQueue,
  isolatedSession,
  isolatedSyncQueue,
  janitorQueue,
  type OperationMessage,
  operationMessageId,
  operationsQueue,
  type SweepMessage,
  sweepMessageId,
} from "../../../shared/domain/queue-messages.ts";
import type { DeadLetter, DeadLetterQueue, WorkQueue } from "../../../shared/migration/ports/work-queue.ts";
import { maxDeliveryCount } from "../../../shared/migration/sync/folder-sync.ts";
import { Queue } from "../service-bus/queue.ts";

const settings = { lockDurationMs: 60_000, maxDeliveryCount, duplicateDetectionWindowMs: 600_000 };
const clock = () => Date.now();

/** The application's queues, as they are declared for Azure. */
export class MemoryQueues implements WorkQueue, DeadLetterQueue {
  readonly operations = new Queue<OperationMessage>(operationsQueue, settings, clock);
  readonly folderSync = new Queue<FolderSyncMessage>(
    folderSyncQueue,
    { ...settings, requiresSession: true },
    clock,
  );
  readonly isolatedSync = new Queue<FolderSyncMessage>(
    isolatedSyncQueue,
    { ...settings, requiresSession: true },
    clock,
  );
  readonly janitor = new Queue<SweepMessage>(janitorQueue, settings, clock);

  async sendOperations(messages: readonly OperationMessage[], notBefore?: number): Promise<void> {
    this.operations.send(
      messages.map((content) => ({
        content,
        messageId: operationMessageId(content),
        sessionId: undefined,
        ttlMs: undefined,
        notBefore,
      })),
    );
  }

  async sendFolderSync(message: FolderSyncMessage, notBefore?: number): Promise<void> {
    this.folderSync.send([
      {
        content: message,
        messageId: folderSyncMessageId(message),
        sessionId: message.mailboxId,
        ttlMs: undefined,
        notBefore,
      },
    ]);
  }

  async sendIsolatedSync(message: FolderSyncMessage): Promise<void> {
    this.isolatedSync.send([
      {
        content: message,
        messageId: folderSyncMessageId(message),
        sessionId: isolatedSession,
        ttlMs: undefined,
        notBefore: undefined,
      },
    ]);
  }

  async sendSweep(message: SweepMessage): Promise<void> {
    this.janitor.send([
      {
        content: message,
        messageId: sweepMessageId(message),
        sessionId: undefined,
        ttlMs: undefined,
        notBefore: message.minute * 60_000,
      },
    ]);
  }

  async drain(
    goesOn: (drained: number) => boolean,
    handle: (letter: DeadLetter) => Promise<void>,
  ): Promise<number> {
    let drained = 0;
    for (const queue of this.#all)
      for (; goesOn(drained); drained++) {
        const letter = queue.deadLetters?.lockNext();
        if (letter === undefined) break;
        await handle({ queue: queue.name, body: letter.content, reason: "MaxDeliveryCountExceeded" });
        queue.deadLetters?.complete(letter.lock.token);
      }
    return drained;
  }

  get #all() {
    return [this.operations, this.folderSync, this.isolatedSync, this.janitor];
  }

  /** Messages that wait, are scheduled, or are being handled; dead letters among them. */
  get pending(): number {
    return this.#all.reduce((sum, queue) => {
      const { active, locked, scheduled, deadLetter } = queue.counts();
      return sum + active + locked + scheduled + deadLetter;
    }, 0);
  }
}

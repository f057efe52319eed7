import type {
  FolderSyncMessage,
  OperationMessage,
  SweepMessage,
  TargetTestMessage,
} from "../../domain/queue-messages.ts";

/** Sends wake-ups. Message ids are deterministic, so that sending twice is harmless; losing one is mended by the janitor. */
export interface WorkQueue {
  /**
   * Sends in as few batches as the size limit allows. @throws MigrationError `transient`.
   * @param notBefore milliseconds since 1970; scheduled messages where given and in the future.
   */
  sendOperations(messages: readonly OperationMessage[], notBefore?: number): Promise<void>;
  /** @param notBefore milliseconds since 1970; a scheduled message where given and in the future. */
  sendFolderSync(message: FolderSyncMessage, notBefore?: number): Promise<void>;
  /** A scheduled message for its minute, which belongs to no trace: one wakes the next, without an end. */
  sendSweep(message: SweepMessage): Promise<void>;
  /** Hands a step on to where one mailbox of the deployment is worked on at a time. */
  sendIsolatedSync(message: FolderSyncMessage): Promise<void>;
}

export interface TargetTestQueue {
  /** @throws MigrationError `transient`. */
  sendTargetTest(message: TargetTestMessage): Promise<void>;
}

/** A message the queue gave up on. */
export interface DeadLetter {
  readonly queue: string;
  readonly body: unknown;
  readonly reason: string;
}

export interface DeadLetterQueue {
  /**
   * Hands each dead letter to `handle` and removes it once that returned, until none is left.
   * @param goesOn asked before each letter, with how many were handled; false ends it, after those that are being handled.
   */
  drain(goesOn: (drained: number) => boolean, handle: (letter: DeadLetter) => Promise<void>): Promise<number>;
}

import type { Queue, SessionLock } from "./queue.ts";
import type { ReceiverLink } from "./receiver-link.ts";
import type { Content } from "./wire.ts";

/** A client that waits for the next available session. */
export interface SessionWaiter {
  readonly onAccepted: (lock: SessionLock) => void;
  readonly onLost: () => void;
}

/** Node turns a longer delay into one millisecond. */
const longestDelayMs = 2 ** 31 - 1;

/** A queue at work: hands its messages and sessions to the clients that are attached, and minds its clock. */
export class Entity {
  readonly queue: Queue<Content>;
  readonly #deadLetters: Entity | undefined;
  readonly #clock: () => number;
  readonly #receivers = new Set<ReceiverLink>();
  readonly #waiters = new Set<SessionWaiter>();
  #timer: NodeJS.Timeout | undefined;
  #pending: NodeJS.Immediate | undefined;

  constructor(queue: Queue<Content>, deadLetters: Entity | undefined, clock: () => number) {
    this.queue = queue;
    this.#deadLetters = deadLetters;
    this.#clock = clock;
  }

  attach(receiver: ReceiverLink): void {
    this.#receivers.add(receiver);
    this.wake();
  }

  detach(receiver: ReceiverLink): void {
    this.#receivers.delete(receiver);
    this.wake();
  }

  /** The receiver whose link has this name. */
  receiver(linkName: string): ReceiverLink | undefined {
    for (const receiver of this.#receivers) if (receiver.name === linkName) return receiver;
    return undefined;
  }

  waitForSession(waiter: SessionWaiter): void {
    this.#waiters.add(waiter);
    this.wake();
  }

  stopWaiting(waiter: SessionWaiter): void {
    this.#waiters.delete(waiter);
  }

  /** Looks soon for what can be handed out. To be called after every change and every new credit. */
  wake(): void {
    this.#pending ??= setImmediate(() => {
      this.#pending = undefined;
      this.#handOut();
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#pending);
  }

  #handOut(): void {
    this.queue.advance();
    this.#deadLetters?.wake();
    this.#assignSessions();
    this.#deliver();
    for (const receiver of this.#receivers) receiver.finishDrain();
    this.#setTimer();
  }

  #assignSessions(): void {
    for (const waiter of this.#waiters) {
      const lock = this.queue.acceptNextSession(waiter.onLost);
      if (!lock) return;
      this.#waiters.delete(waiter);
      waiter.onAccepted(lock);
    }
  }

  /** One message a receiver and round, so that receivers share the work. */
  #deliver(): void {
    for (let delivered = true; delivered; ) {
      delivered = false;
      for (const receiver of this.#receivers) delivered = receiver.deliverNext() || delivered;
    }
  }

  #setTimer(): void {
    clearTimeout(this.#timer);
    const dueAt = this.queue.nextDueAt();
    if (dueAt === undefined) return;
    const delay = Math.min(Math.max(dueAt - this.#clock(), 0), longestDelayMs);
    this.#timer = setTimeout(() => this.wake(), delay).unref();
  }
}

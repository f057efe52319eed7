import { randomUUID } from "node:crypto";
import {
  messageLockLost,
  messageNotFound,
  notAllowed,
  type ServiceBusFault,
  sessionCannotBeLocked,
  sessionLockLost,
} from "./faults.ts";
import { MinHeap } from "./min-heap.ts";

/** What an operator sets on a queue; durations in milliseconds. What is left out has the service's default. */
export interface QueueSettings {
  readonly lockDurationMs?: number;
  readonly maxDeliveryCount?: number;
  readonly requiresSession?: boolean;
  /** No duplicate detection where left out. */
  readonly duplicateDetectionWindowMs?: number;
  /** Upper bound of every message's time to live. */
  readonly defaultTtlMs?: number;
  readonly deadLetteringOnExpiration?: boolean;
}

const defaultSettings: Required<QueueSettings> = {
  lockDurationMs: 60_000,
  maxDeliveryCount: 10,
  requiresSession: false,
  duplicateDetectionWindowMs: 0,
  defaultTtlMs: Number.POSITIVE_INFINITY,
  deadLetteringOnExpiration: false,
};

/** A message as a sender hands it over. */
export interface IncomingMessage<Content> {
  readonly messageId: string;
  readonly sessionId: string | undefined;
  readonly ttlMs: number | undefined;
  /** Milliseconds since 1970 before which nobody receives it. */
  readonly notBefore: number | undefined;
  readonly content: Content;
}

/** A message in the queue. Only the queue changes it. */
export interface QueueMessage<Content> {
  readonly messageId: string;
  readonly sessionId: string | undefined;
  readonly ttlMs: number | undefined;
  readonly content: Content;
  readonly enqueuedSequenceNumber: number;
  sequenceNumber: number;
  state: "active" | "scheduled" | "deferred";
  /** Milliseconds since 1970; of a scheduled message the time it becomes active. */
  enqueuedAt: number;
  expiresAt: number;
  /** Failed deliveries so far. */
  deliveryCount: number;
  /** Application properties that receivers and the queue added to those of the content. */
  properties: Readonly<Record<string, unknown>>;
  /** The queue it came from, on a dead letter. */
  deadLetterSource: string | undefined;
  lock: MessageLock | undefined;
}

export interface MessageLock {
  readonly token: string;
  /** Milliseconds since 1970. */
  until: number;
  readonly session: SessionLock | undefined;
}

export type LockedMessage<Content> = QueueMessage<Content> & { readonly lock: MessageLock };

/** A receiver's hold on a session. */
export interface SessionLock {
  readonly sessionId: string;
  /** Milliseconds since 1970. */
  until: number;
  held: boolean;
  readonly onLost: () => void;
}

interface Session<Content> {
  readonly id: string;
  readonly ready: MinHeap<QueueMessage<Content>>;
  readonly locked: Set<QueueMessage<Content>>;
  lock: SessionLock | undefined;
  state: Buffer | undefined;
}

export interface QueueCounts {
  /** Ready to be received. */
  readonly active: number;
  readonly locked: number;
  readonly deferred: number;
  readonly scheduled: number;
  readonly deadLetter: number;
}

type Properties = Readonly<Record<string, unknown>>;

/**
 * What a Service Bus queue does with messages, locks and sessions, without a network and without timers: time
 * is what `clock` says, and every operation first does what has become due. Whoever drives it calls `advance`
 * at `nextDueAt`.
 */
export class Queue<Content> {
  readonly name: string;
  readonly settings: Required<QueueSettings>;
  /** Absent on a dead-letter queue. */
  readonly deadLetters: Queue<Content> | undefined;
  readonly #clock: () => number;
  readonly #messages = new Map<number, QueueMessage<Content>>();
  readonly #locks = new Map<string, QueueMessage<Content>>();
  readonly #ready = bySequence<Content>();
  readonly #sessions = new Map<string, Session<Content>>();
  /** Sessions with something to receive that nobody holds, longest waiting first. */
  readonly #availableSessions = new Set<Session<Content>>();
  readonly #seenIds = new Map<string, number>();
  readonly #agenda = new MinHeap<{ readonly at: number; readonly act: () => void }>((entry) => entry.at);
  #lastSequenceNumber = 0;

  /** @param clock milliseconds since 1970. */
  constructor(
    name: string,
    settings: QueueSettings,
    clock: () => number,
    kind: "queue" | "deadLetter" = "queue",
  ) {
    this.name = name;
    this.settings = { ...defaultSettings, ...settings };
    this.#clock = clock;
    this.deadLetters =
      kind === "deadLetter"
        ? undefined
        : new Queue(
            `${name}/$DeadLetterQueue`,
            { lockDurationMs: this.settings.lockDurationMs },
            clock,
            "deadLetter",
          );
  }

  /**
   * Stores all messages or, where one is refused, none.
   * @returns a sequence number for each; a duplicate gets one, too, but is not stored.
   */
  send(messages: readonly IncomingMessage<Content>[]): number[] {
    this.advance();
    if (this.settings.requiresSession && messages.some((message) => message.sessionId === undefined)) {
      throw notAllowed(
        `The SessionId was not set on a message, and '${this.name}' accepts only messages that belong to a session.`,
      );
    }
    return messages.map((message) => this.#store(message));
  }

  /** Removes scheduled messages, or none where one of them is not there. Their ids stay known as duplicates. */
  cancelScheduled(sequenceNumbers: readonly number[]): void {
    this.advance();
    const messages = sequenceNumbers.map((number) => this.#find(number, "scheduled"));
    for (const message of messages) this.#messages.delete(message.sequenceNumber);
  }

  /** Locks the next message: of the session where one is given, else of the queue. */
  lockNext(session?: SessionLock): LockedMessage<Content> | undefined {
    const message = this.#takeReady(session);
    return message && this.#lock(message, session);
  }

  /** Hands the next message out for good. */
  removeNext(session?: SessionLock): QueueMessage<Content> | undefined {
    const message = this.#takeReady(session);
    if (message) this.#remove(message);
    return message;
  }

  /** Locks deferred messages, or none where one of them is not there. */
  lockDeferred(sequenceNumbers: readonly number[], session?: SessionLock): LockedMessage<Content>[] {
    return this.#findDeferred(sequenceNumbers, session).map((message) => this.#lock(message, session));
  }

  /** Hands deferred messages out for good, or none where one of them is not there. */
  removeDeferred(sequenceNumbers: readonly number[], session?: SessionLock): QueueMessage<Content>[] {
    const messages = this.#findDeferred(sequenceNumbers, session);
    for (const message of messages) this.#remove(message);
    return messages;
  }

  complete(token: string): void {
    const message = this.#locked(token);
    this.#unlock(message);
    this.#remove(message);
  }

  /** Gives a message back as a failed delivery. */
  abandon(token: string, properties: Properties = {}): void {
    const message = this.#locked(token);
    message.properties = { ...message.properties, ...properties };
    this.#giveBack(message, { failed: true });
  }

  /** Gives a message back as if it had not been delivered. */
  release(token: string): void {
    this.#giveBack(this.#locked(token), { failed: false });
  }

  defer(token: string, properties: Properties = {}): void {
    const message = this.#locked(token);
    this.#unlock(message);
    message.properties = { ...message.properties, ...properties };
    message.state = "deferred";
    if (message.expiresAt <= this.#clock()) this.#expire(message);
  }

  deadLetter(token: string, properties: Properties): void {
    const message = this.#locked(token);
    if (!this.deadLetters) throw notAllowed("A message of a dead-letter queue cannot be dead-lettered.");
    this.#unlock(message);
    this.#moveToDeadLetters(message, properties);
  }

  /** @returns the new end of the lock. */
  renewLock(token: string): number {
    const { lock } = this.#locked(token);
    if (lock.session) throw notAllowed("The lock of a message in a session is the lock of its session.");
    lock.until = this.#clock() + this.settings.lockDurationMs;
    return lock.until;
  }

  /** @param onLost is called if the lock expires before it is released. */
  acceptSession(sessionId: string, onLost: () => void): SessionLock {
    this.advance();
    const session = this.#session(sessionId);
    if (session.lock) throw sessionCannotBeLocked(sessionId);
    const lock = { sessionId, until: this.#clock() + this.settings.lockDurationMs, held: true, onLost };
    session.lock = lock;
    this.#plan(lock.until, () => this.#endSession(session, lock));
    this.#tidy(session);
    return lock;
  }

  /** @returns undefined where no session has anything to receive that is not already being received. */
  acceptNextSession(onLost: () => void): SessionLock | undefined {
    this.advance();
    const [session] = this.#availableSessions;
    return session && this.acceptSession(session.id, onLost);
  }

  /** @returns the new end of the lock. */
  renewSession(lock: SessionLock): number {
    this.#held(lock);
    lock.until = this.#clock() + this.settings.lockDurationMs;
    for (const message of this.#session(lock.sessionId).locked) {
      if (message.lock) message.lock.until = lock.until;
    }
    return lock.until;
  }

  /** Gives the session and its unsettled messages back; these do not count as delivered. Repeatable. */
  releaseSession(lock: SessionLock): void {
    this.advance();
    if (!lock.held) return;
    this.#freeSession(this.#session(lock.sessionId), lock, { failed: false });
  }

  sessionState(lock: SessionLock): Buffer | undefined {
    return this.#held(lock).state;
  }

  setSessionState(lock: SessionLock, state: Buffer | undefined): void {
    this.#held(lock).state = state;
  }

  /** Messages in any state, by sequence number, without locking them. */
  peek(from: number, count: number, sessionId?: string): QueueMessage<Content>[] {
    this.advance();
    const found: QueueMessage<Content>[] = [];
    for (const message of this.#messages.values()) {
      if (found.length >= count) break;
      if (message.sequenceNumber < from) continue;
      if (sessionId !== undefined && message.sessionId !== sessionId) continue;
      found.push(message);
    }
    return found;
  }

  counts(): QueueCounts {
    this.advance();
    const counts = { active: 0, locked: 0, deferred: 0, scheduled: 0 };
    for (const message of this.#messages.values()) counts[message.lock ? "locked" : message.state] += 1;
    return { ...counts, deadLetter: this.deadLetters ? this.deadLetters.#messages.size : 0 };
  }

  /** Does what has become due: activates scheduled messages, ends locks, expires messages. */
  advance(): void {
    const now = this.#clock();
    for (let next = this.#agenda.first(); next && next.at <= now; next = this.#agenda.first()) {
      this.#agenda.pop();
      next.act();
    }
  }

  /** Milliseconds since 1970. Sometimes nothing is left to do then. */
  nextDueAt(): number | undefined {
    return this.#agenda.first()?.at;
  }

  #plan(at: number, act: () => void): void {
    if (Number.isFinite(at)) this.#agenda.push({ at, act });
  }

  #store(incoming: IncomingMessage<Content>): number {
    const now = this.#clock();
    this.#lastSequenceNumber += 1;
    const sequenceNumber = this.#lastSequenceNumber;
    if (this.#isDuplicate(incoming.messageId, now)) return sequenceNumber;
    const message: QueueMessage<Content> = {
      messageId: incoming.messageId,
      sessionId: incoming.sessionId,
      ttlMs: incoming.ttlMs,
      content: incoming.content,
      enqueuedSequenceNumber: sequenceNumber,
      sequenceNumber,
      state: "active",
      enqueuedAt: now,
      expiresAt: Number.POSITIVE_INFINITY,
      deliveryCount: 0,
      properties: {},
      deadLetterSource: undefined,
      lock: undefined,
    };
    this.#messages.set(sequenceNumber, message);
    if (incoming.notBefore !== undefined && incoming.notBefore > now) {
      message.state = "scheduled";
      message.enqueuedAt = incoming.notBefore;
      this.#plan(message.enqueuedAt, () => this.#activateScheduled(sequenceNumber));
    } else {
      this.#activate(message);
    }
    return sequenceNumber;
  }

  #isDuplicate(messageId: string, now: number): boolean {
    const { duplicateDetectionWindowMs } = this.settings;
    if (duplicateDetectionWindowMs <= 0) return false;
    for (const [id, until] of this.#seenIds) {
      if (until > now) break;
      this.#seenIds.delete(id);
    }
    if (this.#seenIds.has(messageId)) return true;
    this.#seenIds.set(messageId, now + duplicateDetectionWindowMs);
    return false;
  }

  /** A scheduled message joins the end of the queue, under a new sequence number. */
  #activateScheduled(scheduledNumber: number): void {
    const message = this.#messages.get(scheduledNumber);
    if (!message) return;
    this.#messages.delete(scheduledNumber);
    this.#lastSequenceNumber += 1;
    message.sequenceNumber = this.#lastSequenceNumber;
    message.state = "active";
    this.#messages.set(message.sequenceNumber, message);
    this.#activate(message);
  }

  #activate(message: QueueMessage<Content>): void {
    const { sequenceNumber } = message;
    message.expiresAt =
      message.enqueuedAt + Math.min(message.ttlMs ?? Number.POSITIVE_INFINITY, this.settings.defaultTtlMs);
    this.#plan(message.expiresAt, () => {
      const expired = this.#messages.get(sequenceNumber);
      if (expired && !expired.lock) this.#expire(expired);
    });
    this.#makeReady(message);
  }

  #makeReady(message: QueueMessage<Content>): void {
    const session = this.#sessionOf(message);
    (session?.ready ?? this.#ready).push(message);
    if (session) this.#tidy(session);
  }

  #takeReady(session: SessionLock | undefined): QueueMessage<Content> | undefined {
    this.advance();
    const ready = session ? this.#held(session).ready : this.#ready;
    this.#dropStale(ready);
    return ready.pop();
  }

  /** Expired and cancelled messages stay in the heap until they come to its top. */
  #dropStale(ready: MinHeap<QueueMessage<Content>>): void {
    for (let first = ready.first(); first && !this.#isStored(first); first = ready.first()) ready.pop();
  }

  #isStored(message: QueueMessage<Content>): boolean {
    return this.#messages.get(message.sequenceNumber) === message;
  }

  #lock(message: QueueMessage<Content>, session: SessionLock | undefined): LockedMessage<Content> {
    const until = session?.until ?? this.#clock() + this.settings.lockDurationMs;
    const lock: MessageLock = { token: randomUUID(), until, session };
    const locked = Object.assign(message, { lock });
    this.#locks.set(lock.token, message);
    if (session) this.#session(session.sessionId).locked.add(message);
    else this.#plan(until, () => this.#endLock(message, lock));
    return locked;
  }

  #endLock(message: QueueMessage<Content>, lock: MessageLock): void {
    if (message.lock !== lock) return;
    if (lock.until > this.#clock()) this.#plan(lock.until, () => this.#endLock(message, lock));
    else this.#giveBack(message, { failed: true });
  }

  #endSession(session: Session<Content>, lock: SessionLock): void {
    if (!lock.held) return;
    if (lock.until > this.#clock()) {
      this.#plan(lock.until, () => this.#endSession(session, lock));
      return;
    }
    this.#freeSession(session, lock, { failed: true });
    lock.onLost();
  }

  #freeSession(session: Session<Content>, lock: SessionLock, delivery: { readonly failed: boolean }): void {
    lock.held = false;
    session.lock = undefined;
    for (const message of [...session.locked]) this.#giveBack(message, delivery);
    this.#tidy(session);
  }

  #unlock(message: QueueMessage<Content>): void {
    if (message.lock) this.#locks.delete(message.lock.token);
    this.#sessionOf(message)?.locked.delete(message);
    message.lock = undefined;
  }

  #giveBack(message: QueueMessage<Content>, delivery: { readonly failed: boolean }): void {
    this.#unlock(message);
    if (delivery.failed) message.deliveryCount += 1;
    if (this.deadLetters && message.deliveryCount >= this.settings.maxDeliveryCount) {
      this.#moveToDeadLetters(message, {
        DeadLetterReason: "MaxDeliveryCountExceeded",
        DeadLetterErrorDescription: `Message could not be consumed after ${message.deliveryCount} delivery attempts.`,
      });
    } else if (message.expiresAt <= this.#clock()) {
      this.#expire(message);
    } else if (message.state === "active") {
      this.#makeReady(message);
    }
  }

  #expire(message: QueueMessage<Content>): void {
    if (this.deadLetters && this.settings.deadLetteringOnExpiration) {
      this.#moveToDeadLetters(message, {
        DeadLetterReason: "TTLExpiredException",
        DeadLetterErrorDescription: "The message expired and was dead lettered.",
      });
    } else {
      this.#remove(message);
    }
  }

  #moveToDeadLetters(message: QueueMessage<Content>, properties: Properties): void {
    this.#remove(message);
    if (this.deadLetters) this.deadLetters.#storeDeadLetter(message, properties, this.name);
  }

  #storeDeadLetter(message: QueueMessage<Content>, properties: Properties, source: string): void {
    this.#lastSequenceNumber += 1;
    const deadLetter: QueueMessage<Content> = {
      ...message,
      sequenceNumber: this.#lastSequenceNumber,
      state: "active",
      expiresAt: Number.POSITIVE_INFINITY,
      properties: { ...message.properties, ...properties },
      deadLetterSource: source,
      lock: undefined,
    };
    this.#messages.set(deadLetter.sequenceNumber, deadLetter);
    this.#makeReady(deadLetter);
  }

  #remove(message: QueueMessage<Content>): void {
    this.#messages.delete(message.sequenceNumber);
    const session = this.#sessionOf(message);
    if (session) this.#tidy(session);
  }

  #find(sequenceNumber: number, state: QueueMessage<Content>["state"]): QueueMessage<Content> {
    const message = this.#messages.get(sequenceNumber);
    if (message?.state !== state || message.lock) throw messageNotFound(sequenceNumber);
    return message;
  }

  #findDeferred(
    sequenceNumbers: readonly number[],
    session: SessionLock | undefined,
  ): QueueMessage<Content>[] {
    this.advance();
    if (session) this.#held(session);
    return sequenceNumbers.map((number) => {
      const message = this.#find(number, "deferred");
      if (this.settings.requiresSession && message.sessionId !== session?.sessionId)
        throw messageNotFound(number);
      return message;
    });
  }

  #locked(token: string): LockedMessage<Content> {
    this.advance();
    const message = this.#locks.get(token);
    if (!message || !hasLock(message)) throw this.#lockLost();
    return message;
  }

  #lockLost(): ServiceBusFault {
    return this.settings.requiresSession ? sessionLockLost() : messageLockLost();
  }

  #held(lock: SessionLock): Session<Content> {
    this.advance();
    if (!lock.held) throw sessionLockLost();
    return this.#session(lock.sessionId);
  }

  #session(id: string): Session<Content> {
    const known = this.#sessions.get(id);
    if (known) return known;
    const session: Session<Content> = {
      id,
      ready: bySequence<Content>(),
      locked: new Set(),
      lock: undefined,
      state: undefined,
    };
    this.#sessions.set(id, session);
    return session;
  }

  #sessionOf(message: QueueMessage<Content>): Session<Content> | undefined {
    if (!this.settings.requiresSession || message.sessionId === undefined) return undefined;
    return this.#session(message.sessionId);
  }

  /** Keeps the list of available sessions right and forgets a session that holds nothing. */
  #tidy(session: Session<Content>): void {
    this.#dropStale(session.ready);
    const empty = session.ready.first() === undefined;
    if (empty || session.lock) this.#availableSessions.delete(session);
    else this.#availableSessions.add(session);
    if (empty && !session.lock && session.state === undefined) this.#sessions.delete(session.id);
  }
}

function bySequence<Content>(): MinHeap<QueueMessage<Content>> {
  return new MinHeap((message) => message.sequenceNumber);
}

function hasLock<Content>(message: QueueMessage<Content>): message is LockedMessage<Content> {
  return message.lock !== undefined;
}

import { GraphError } from "./errors.ts";
import type { Statistics } from "./statistics.ts";

export interface MailboxLimits {
  /** Requests under way at once. */
  readonly concurrency: number;
  readonly requests: number;
  readonly requestWindowMs: number;
  readonly uploadBytes: number;
  readonly uploadWindowMs: number;
  /** What Retry-After says when too many requests are under way. */
  readonly concurrencyRetryAfterSeconds: number;
}

/** learn.microsoft.com/graph/throttling-limits, "Outlook service limits": for each app and mailbox. */
export const outlookLimits: MailboxLimits = {
  concurrency: 4,
  requests: 10_000,
  requestWindowMs: 10 * 60_000,
  uploadBytes: 150 * 1024 * 1024,
  uploadWindowMs: 5 * 60_000,
  concurrencyRetryAfterSeconds: 1,
};

interface Amount {
  readonly at: number;
  readonly count: number;
}

/** Amounts of the last so many milliseconds. */
class SlidingWindow {
  readonly #lengthMs: number;
  readonly #amounts: Amount[] = [];
  #total = 0;

  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs;
  }

  total(now: number): number {
    let past = 0;
    for (const amount of this.#amounts) {
      if (amount.at > now - this.#lengthMs) break;
      this.#total -= amount.count;
      past++;
    }
    this.#amounts.splice(0, past);
    return this.#total;
  }

  add(now: number, count: number): void {
    this.#amounts.push({ at: now, count });
    this.#total += count;
  }

  /** Seconds until so much has left the window. */
  secondsUntilFree(now: number, count: number): number {
    let freed = 0;
    for (const amount of this.#amounts) {
      freed += amount.count;
      if (freed >= count) return Math.max(1, Math.ceil((amount.at + this.#lengthMs - now) / 1000));
    }
    return Math.ceil(this.#lengthMs / 1000);
  }
}

interface Usage {
  inFlight: number;
  readonly requests: SlidingWindow;
  readonly uploads: SlidingWindow;
}

/** Refuses what goes over the limits of a mailbox. */
export class Throttle {
  readonly #limits: MailboxLimits;
  readonly #statistics: Statistics;
  readonly #usages = new Map<string, Usage>();

  constructor(limits: MailboxLimits, statistics: Statistics) {
    this.#limits = limits;
    this.#statistics = statistics;
  }

  /** Counts a request in, refused or not. The caller must call `leave` before it sends the end of its answer. */
  enter(
    mailboxId: string,
    now: number,
    connection: object,
  ): { readonly refusal: GraphError | undefined; readonly leave: () => void } {
    const usage = this.#usage(mailboxId);
    usage.inFlight++;
    usage.requests.add(now, 1);
    const overConcurrency = usage.inFlight > this.#limits.concurrency;
    this.#statistics.entered(mailboxId, usage.inFlight, overConcurrency, now, connection);
    let entered = true;
    const leave = () => {
      if (entered) usage.inFlight--;
      entered = false;
    };
    return { refusal: this.#refusal(usage, overConcurrency, now), leave };
  }

  /** @throws GraphError 429 where so many bytes are too many now. */
  upload(mailboxId: string, bytes: number, now: number): void {
    const { uploads } = this.#usage(mailboxId);
    const excess = uploads.total(now) + bytes - this.#limits.uploadBytes;
    if (excess > 0)
      throw throttled(
        "Application is over its upload limit for the mailbox.",
        uploads.secondsUntilFree(now, excess),
      );
    uploads.add(now, bytes);
    this.#statistics.uploaded(mailboxId, bytes);
  }

  #refusal(usage: Usage, overConcurrency: boolean, now: number): GraphError | undefined {
    if (overConcurrency)
      return throttled(
        "Application is over its MailboxConcurrency limit.",
        this.#limits.concurrencyRetryAfterSeconds,
      );
    const excess = usage.requests.total(now) - this.#limits.requests;
    if (excess > 0)
      return throttled(
        "Application is over its request limit for the mailbox.",
        usage.requests.secondsUntilFree(now, excess),
      );
    return undefined;
  }

  #usage(mailboxId: string): Usage {
    const known = this.#usages.get(mailboxId);
    if (known !== undefined) return known;
    const usage = {
      inFlight: 0,
      requests: new SlidingWindow(this.#limits.requestWindowMs),
      uploads: new SlidingWindow(this.#limits.uploadWindowMs),
    };
    this.#usages.set(mailboxId, usage);
    return usage;
  }
}

function throttled(message: string, retryAfterSeconds: number): GraphError {
  return new GraphError(429, "ApplicationThrottled", message, {
    headers: { "Retry-After": String(retryAfterSeconds) },
  });
}

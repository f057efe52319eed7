export interface MailboxStatistics {
  readonly requests: number;
  /** Most requests that were under way at once, refused ones included. */
  readonly maxConcurrency: number;
  /** Requests that came while as many as allowed were under way. */
  readonly overConcurrency: number;
  /** Requests that came although a Retry-After had not passed. */
  readonly insideRetryAfter: number;
  /** Requests without `Prefer: IdType="ImmutableId"`, those to upload URLs aside. */
  readonly withoutImmutableId: number;
  readonly uploadedBytes: number;
}

export interface LoggedRequest {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly durationMs: number;
  readonly route: string;
  readonly mailboxId: string | undefined;
  /** Undefined where the connection was reset. */
  readonly status: number | undefined;
  readonly requestId: string;
}

export interface StatisticsSnapshot {
  /** Answers by route (`POST /users/{user}/messages`) and by status (or "reset"). */
  readonly routes: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly mailboxes: Readonly<Record<string, MailboxStatistics>>;
  /** The last requests, oldest first, without bodies and without query. */
  readonly requests: readonly LoggedRequest[];
}

type Counters = { -readonly [Name in keyof MailboxStatistics]: number };

const longestLog = 50_000;
/** A request may have been sent before the answer with the Retry-After was read, on a busy machine long before. */
const retryAfterGraceMs = 500;

/** A time in which no request should come. */
interface Pause {
  readonly from: number;
  readonly until: number;
  /** Connections on which it was asked for: what comes on one of them was sent after that was read. */
  readonly toldOn: WeakSet<object>;
}

/** What clients did, and how often they broke the rules of a mailbox. */
export class Statistics {
  readonly #routes = new Map<string, Map<string, number>>();
  readonly #mailboxes = new Map<string, Counters>();
  readonly #pauses = new Map<string, Pause>();
  #log: LoggedRequest[] = [];

  /** @param connection that the request came on. */
  entered(
    mailboxId: string,
    inFlight: number,
    overConcurrency: boolean,
    now: number,
    connection: object,
  ): void {
    const counters = this.#counters(mailboxId);
    counters.requests++;
    counters.maxConcurrency = Math.max(counters.maxConcurrency, inFlight);
    if (overConcurrency) counters.overConcurrency++;
    const pause = this.#pauses.get(mailboxId);
    if (pause === undefined || now >= pause.until) return;
    if (pause.toldOn.has(connection) || now > pause.from + retryAfterGraceMs) counters.insideRetryAfter++;
  }

  sentWithoutImmutableId(mailboxId: string): void {
    this.#counters(mailboxId).withoutImmutableId++;
  }

  uploaded(mailboxId: string, bytes: number): void {
    this.#counters(mailboxId).uploadedBytes += bytes;
  }

  /**
   * @param value of the header: seconds or an HTTP date.
   * @param connection that the answer goes out on.
   */
  toldToRetryAfter(mailboxId: string, value: string, now: number, connection: object): void {
    const until = /^[0-9]+$/.test(value) ? now + Number(value) * 1000 : Date.parse(value);
    const running = this.#pauses.get(mailboxId);
    const toldOn = running !== undefined && now < running.until ? running.toldOn : new WeakSet();
    toldOn.add(connection);
    this.#pauses.set(mailboxId, { from: now, until: Math.max(until, running?.until ?? 0), toldOn });
  }

  answered(request: LoggedRequest): void {
    const statuses = this.#routes.get(request.route) ?? new Map<string, number>();
    const status = request.status === undefined ? "reset" : String(request.status);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    this.#routes.set(request.route, statuses);
    this.#log.push(request);
    if (this.#log.length > 2 * longestLog) this.#log = this.#log.slice(-longestLog);
  }

  snapshot(): StatisticsSnapshot {
    return {
      routes: Object.fromEntries(
        [...this.#routes].map(([route, counts]) => [route, Object.fromEntries(counts)]),
      ),
      mailboxes: Object.fromEntries([...this.#mailboxes].map(([id, counters]) => [id, { ...counters }])),
      requests: this.#log.slice(-longestLog),
    };
  }

  reset(): void {
    this.#routes.clear();
    this.#mailboxes.clear();
    this.#pauses.clear();
    this.#log = [];
  }

  #counters(mailboxId: string): Counters {
    const known = this.#mailboxes.get(mailboxId);
    if (known !== undefined) return known;
    const counters = {
      requests: 0,
      maxConcurrency: 0,
      overConcurrency: 0,
      insideRetryAfter: 0,
      withoutImmutableId: 0,
      uploadedBytes: 0,
    };
    this.#mailboxes.set(mailboxId, counters);
    return counters;
  }
}

import { setTimeout as sleep } from "node:timers/promises";
import { GraphError } from "./errors.ts";

/** A reset is a connection closed without an answer. */
export type FaultKind = "throttled" | "unavailable" | "gatewayTimeout" | "reset";

interface FaultSelection {
  /**
   * Only routes whose name fits this regular expression. A name is the method and the template, such as
   * `POST /users/{user}/mailFolders/{folder}/messages`, or `PUT AttachmentSessions` for an upload URL.
   */
  readonly route?: string;
  /** Retry-After of a throttled or unavailable answer; 1 when absent. */
  readonly retryAfterSeconds?: number;
}

/** Faults at random, the same ones for the same seed and order of requests. Shares are 0 to 1 and add up. */
export interface FaultPlan extends FaultSelection {
  readonly seed: number;
  readonly throttled?: number;
  readonly unavailable?: number;
  readonly gatewayTimeout?: number;
  readonly reset?: number;
  /** Share of the gateway time-outs and resets whose request took effect all the same. */
  readonly stored?: number;
  /** Such an effect happens up to so many milliseconds late, and so does that of a request whose caller went away. */
  readonly storeDelayMs?: number;
  /** Share of Retry-After headers that hold an HTTP date instead of seconds. */
  readonly retryAfterDate?: number;
  /** Share of the throttled and unavailable answers that come without one. */
  readonly retryAfterMissing?: number;
}

/** A fault for the next requests that it fits. */
export interface SingleFault extends FaultSelection {
  readonly kind: FaultKind;
  /** How many requests; 1 when absent. */
  readonly times?: number;
  /** The request takes effect although the caller is not told. */
  readonly stored?: boolean;
  /** The effect happens exactly so many milliseconds late. */
  readonly storeDelayMs?: number;
  readonly retryAfterDate?: boolean;
  readonly retryAfterMissing?: boolean;
}

export interface Fault {
  readonly kind: FaultKind;
  readonly stored: boolean;
  readonly storeDelayMs: number;
  /** Undefined for an answer that does not say. */
  readonly retryAfterSeconds: number | undefined;
  readonly retryAfterDate: boolean;
}

type Effect = () => unknown;

/** Decides which requests fail, and carries out the effects that come late. */
export class Faults {
  #plan: FaultPlan | undefined;
  #random: () => number = () => 1;
  #queue: { fault: SingleFault; left: number }[] = [];
  readonly #late = new Map<AbortController, Promise<void>>();
  #lateEffects = 0;

  /** How many effects took place after their request had failed or its caller had gone away. */
  get lateEffects(): number {
    return this.#lateEffects;
  }

  /** Replaces the plan. */
  set(plan: FaultPlan): void {
    this.#plan = plan;
    this.#random = generator(plan.seed);
  }

  /** Adds a fault that goes before the plan. */
  next(fault: SingleFault): void {
    this.#queue.push({ fault, left: fault.times ?? 1 });
  }

  /** No more faults; late effects still happen. */
  clear(): void {
    this.#plan = undefined;
    this.#queue = [];
  }

  /** Resolves when no late effect is waiting any more. */
  async settled(): Promise<void> {
    while (this.#late.size > 0) await Promise.all(this.#late.values());
  }

  /** Drops late effects, for good. */
  abandon(): void {
    for (const abort of this.#late.keys()) abort.abort();
  }

  decide(route: string): Fault | undefined {
    const queued = this.#queue.find(({ fault }) => fits(fault, route));
    if (queued !== undefined) {
      queued.left--;
      if (queued.left <= 0) this.#queue.splice(this.#queue.indexOf(queued), 1);
      const { fault } = queued;
      return {
        kind: fault.kind,
        stored: fault.stored ?? false,
        storeDelayMs: fault.storeDelayMs ?? 0,
        retryAfterSeconds: fault.retryAfterMissing === true ? undefined : (fault.retryAfterSeconds ?? 1),
        retryAfterDate: fault.retryAfterDate ?? false,
      };
    }
    const plan = this.#plan;
    if (plan === undefined || !fits(plan, route)) return undefined;
    let roll = this.#random();
    for (const kind of ["throttled", "unavailable", "gatewayTimeout", "reset"] as const) {
      roll -= plan[kind] ?? 0;
      if (roll < 0)
        return {
          kind,
          stored: this.#random() < (plan.stored ?? 0),
          storeDelayMs: Math.floor(this.#random() * (plan.storeDelayMs ?? 0)),
          retryAfterSeconds:
            this.#random() < (plan.retryAfterMissing ?? 0) ? undefined : (plan.retryAfterSeconds ?? 1),
          retryAfterDate: this.#random() < (plan.retryAfterDate ?? 0),
        };
    }
    return undefined;
  }

  /** How late the effect of a request comes whose caller went away. */
  delayOfAbandoned(): number {
    return Math.floor(this.#random() * (this.#plan?.storeDelayMs ?? 0));
  }

  /** Carries out an effect later. What it returns, or why it is refused, nobody is there to be told. */
  later(delayMs: number, effect: Effect): void {
    const abort = new AbortController();
    const done = sleep(delayMs, undefined, { signal: abort.signal })
      .then(effect)
      .then(
        () => {
          this.#lateEffects++;
        },
        (error: unknown) => {
          if (!(error instanceof GraphError) && !abort.signal.aborted) throw error;
        },
      )
      .finally(() => this.#late.delete(abort));
    this.#late.set(abort, done);
  }
}

/** The refusal of a fault that answers. */
export function faultError(fault: Fault, now: number): GraphError {
  const { retryAfterSeconds: seconds, retryAfterDate } = fault;
  const headers: Record<string, string> = {};
  if (seconds !== undefined)
    headers["Retry-After"] = retryAfterDate ? new Date(now + seconds * 1000).toUTCString() : String(seconds);
  switch (fault.kind) {
    case "throttled":
      return new GraphError(429, "ApplicationThrottled", "Application is over its limit.", { headers });
    case "unavailable":
      return new GraphError(503, "serviceNotAvailable", "The service is not available.", { headers });
    default:
      return new GraphError(504, "UnknownError", "The gateway did not receive an answer in time.");
  }
}

function fits(selection: FaultSelection, route: string): boolean {
  return selection.route === undefined || new RegExp(selection.route).test(route);
}

/** A small generator of numbers from 0 to 1 (mulberry32): good enough to choose, and repeatable. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

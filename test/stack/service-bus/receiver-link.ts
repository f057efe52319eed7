import { randomBytes } from "node:crypto";
import rhea, { type Delivery, type EventContext, type Sender } from "rhea";
import { DispositionWriter } from "./disposition-writer.ts";
import { ServiceBusFault } from "./faults.ts";
import type { Queue, SessionLock } from "./queue.ts";
import { remainingCredit, returnCredit, settleBeforeSending, settleForGood } from "./rhea-internals.ts";
import { type Content, deliveryTag, encodeMessage } from "./wire.ts";

type Outcomes = Record<
  "accepted" | "rejected" | "released" | "modified",
  (fields: object) => { described(): unknown }
>;

/** Described outcomes, which rhea's typings leave out. */
const outcomes = rhea.message as unknown as Outcomes;

/** The service's end of a client's receiver: sends what the queue gives within the credit, and settles. */
export class ReceiverLink {
  readonly session: SessionLock | undefined;
  readonly #sender: Sender;
  readonly #queue: Queue<Content>;
  readonly #deletesOnReceive: boolean;
  readonly #onSettled: () => void;
  readonly #lockTokens = new WeakMap<Delivery, string>();
  readonly #dispositions = new DispositionWriter();
  #draining = false;

  /** @param onSettled is called after each settlement, when a message may have become available. */
  constructor(
    sender: Sender,
    queue: Queue<Content>,
    session: SessionLock | undefined,
    deletesOnReceive: boolean,
    onSettled: () => void,
  ) {
    this.#sender = sender;
    this.#queue = queue;
    this.session = session;
    this.#deletesOnReceive = deletesOnReceive;
    this.#onSettled = onSettled;
    sender.on("accepted", (context) => this.#settle(context, (token) => this.#complete(token)));
    sender.on("rejected", (context) => this.#settle(context, (token, state) => this.#reject(token, state)));
    sender.on("released", (context) => this.#settle(context, (token) => this.#release(token)));
    sender.on("modified", (context) => this.#settle(context, (token, state) => this.#modify(token, state)));
    sender.on("sender_draining", () => {
      this.#draining = true;
    });
  }

  get name(): string {
    return this.#sender.name;
  }

  /** @returns whether there was credit and a message. */
  deliverNext(): boolean {
    if (remainingCredit(this.#sender) <= 0 || this.session?.held === false) return false;
    if (this.#deletesOnReceive) {
      const message = this.#queue.removeNext(this.session);
      if (message) settleBeforeSending(this.#sender.send(encodeMessage(message), randomBytes(16), 0));
      return message !== undefined;
    }
    const message = this.#queue.lockNext(this.session);
    if (!message) return false;
    const { token } = message.lock;
    this.#lockTokens.set(this.#sender.send(encodeMessage(message), deliveryTag(token), 0), token);
    return true;
  }

  /** Once nothing more can be delivered, a client that drains wants the rest of its credit back. */
  finishDrain(): void {
    if (!this.#draining) return;
    this.#draining = false;
    returnCredit(this.#sender);
  }

  close(fault: ServiceBusFault): void {
    this.#sender.close({ condition: fault.condition, description: fault.message });
  }

  #settle(context: EventContext, act: (token: string, state: Record<string, unknown>) => unknown): void {
    const { delivery } = context;
    const token = delivery && this.#lockTokens.get(delivery);
    if (!delivery || token === undefined) return;
    this.#lockTokens.delete(delivery);
    let outcome: unknown;
    let accepted = false;
    try {
      outcome = act(token, delivery.remote_state ?? {});
      accepted = rhea.message.is_accepted(outcome as object);
    } catch (error) {
      if (!(error instanceof ServiceBusFault)) throw error;
      outcome = outcomes
        .rejected({ error: { condition: error.condition, description: error.message } })
        .described();
    }
    this.#dispositions.add(accepted, () => settleForGood(delivery, outcome));
    this.#onSettled();
  }

  #complete(token: string): unknown {
    this.#queue.complete(token);
    return outcomes.accepted({}).described();
  }

  #release(token: string): unknown {
    this.#queue.release(token);
    return outcomes.released({}).described();
  }

  #reject(token: string, state: Record<string, unknown>): unknown {
    const { info } = (state.error ?? {}) as { info?: Record<string, unknown> };
    this.#queue.deadLetter(token, withoutNulls(info));
    return outcomes.rejected({}).described();
  }

  #modify(token: string, state: Record<string, unknown>): unknown {
    const properties = withoutNulls(state.message_annotations as Record<string, unknown> | undefined);
    const undeliverableHere = state.undeliverable_here === true;
    if (undeliverableHere) this.#queue.defer(token, properties);
    else this.#queue.abandon(token, properties);
    return outcomes.modified({ undeliverable_here: undeliverableHere }).described();
  }
}

function withoutNulls(properties: Record<string, unknown> | undefined): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(properties ?? {}).filter(([, value]) => value !== null && value !== undefined),
  );
}

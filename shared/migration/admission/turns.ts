/** Does work for all who asked for it since it was last begun at once, and never twice at a time. */
export class Turns<Ask> {
  readonly #work: (asks: readonly Ask[]) => Promise<void>;
  #last: Promise<unknown> = Promise.resolve();
  #next: { readonly asks: Ask[]; readonly done: Promise<void> } | undefined;

  constructor(work: (asks: readonly Ask[]) => Promise<void>) {
    this.#work = work;
  }

  /** @returns when the turn that this was part of is over; rejects for all of its part if that failed. */
  ask(ask: Ask): Promise<void> {
    if (this.#next) {
      this.#next.asks.push(ask);
      return this.#next.done;
    }
    const asks = [ask];
    const done = this.#last.then(() => {
      this.#next = undefined;
      return this.#work(asks);
    });
    this.#last = done.catch(() => undefined);
    this.#next = { asks, done };
    return done;
  }
}

/** A part of a {@link ByteBudget}. */
export interface Claim {
  /** Resolves when the bytes may be used. */
  readonly granted: Promise<void>;
  /** Grants it now, whatever others hold. */
  insist(): void;
  /** Gives the bytes back, or no longer waits for them. Repeatable. */
  release(): void;
}

/** Bytes that all who share it may hold together. First come, first served, so that a large claim is not overtaken for ever. */
export class ByteBudget {
  readonly #total: number;
  readonly #waiting: { readonly bytes: number; readonly grant: () => void }[] = [];
  #held = 0;

  constructor(total: number) {
    this.#total = total;
  }

  claim(bytes: number): Claim {
    const { promise: granted, resolve } = Promise.withResolvers<void>();
    let state: "waiting" | "held" | "released" = "waiting";
    const grant = (): void => {
      this.#held += bytes;
      state = "held";
      resolve();
    };
    const waiter = { bytes, grant };
    const leave = (): void => void this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
    this.#waiting.push(waiter);
    this.#admit();
    return {
      granted,
      insist: () => {
        if (state !== "waiting") return;
        leave();
        grant();
      },
      release: () => {
        if (state === "waiting") leave();
        if (state === "held") this.#held -= bytes;
        state = "released";
        this.#admit();
      },
    };
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#held > 0 && this.#held + next.bytes > this.#total) return;
      this.#waiting.shift();
      next.grant();
    }
  }
}

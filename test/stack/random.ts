import { createCipheriv, createHash } from "node:crypto";

/** A repeatable source of chance: the same seed gives the same values on every machine. */
export class Random {
  readonly #seed: string;
  #state: number;

  constructor(seed: string) {
    this.#seed = seed;
    this.#state = createHash("sha256").update(seed).digest().readUInt32LE(0);
  }

  /** A source of its own, which depends only on the seed and the label, not on what was drawn before. */
  fork(label: string | number): Random {
    return new Random(`${this.#seed}/${label}`);
  }

  /** At least 0 and below 1. */
  next(): number {
    // Weyl sequence with the finalizer of MurmurHash3.
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  integer(minimum: number, maximum: number): number {
    return minimum + Math.floor(this.next() * (maximum - minimum + 1));
  }

  /** A whole number whose logarithm is evenly spread: small ones are common, large ones are rare. */
  magnitude(minimum: number, maximum: number): number {
    return Math.round(minimum * (maximum / minimum) ** this.next());
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    const value = list[Math.floor(this.next() * list.length)];
    if (value === undefined) throw new RangeError("nothing to pick from");
    return value;
  }

  /** An index, with the probability that its weight has in the sum. */
  weighted(weights: readonly number[]): number {
    let rest = this.next() * weights.reduce((sum, weight) => sum + weight, 0);
    return Math.max(
      0,
      weights.findIndex((weight) => {
        rest -= weight;
        return rest < 0;
      }),
    );
  }

  shuffle<T>(list: readonly T[]): T[] {
    return list
      .map((value) => ({ value, order: this.next() }))
      .sort((a, b) => a.order - b.order)
      .map(({ value }) => value);
  }

  /** Bytes that no compression makes smaller. */
  bytes(length: number): Buffer {
    const key = createHash("sha256").update(`${this.#seed}/bytes/${this.next()}`).digest();
    return createCipheriv("aes-256-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(length));
  }
}

/** A binary heap whose first item is the one with the smallest key. An item's key must not change while it is in. */
export class MinHeap<Item> {
  readonly #items: Item[] = [];
  readonly #key: (item: Item) => number;

  constructor(key: (item: Item) => number) {
    this.#key = key;
  }

  first(): Item | undefined {
    return this.#items[0];
  }

  push(item: Item): void {
    let hole = this.#items.length;
    this.#items.push(item);
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = this.#items[parent] as Item;
      if (this.#key(above) <= this.#key(item)) break;
      this.#items[hole] = above;
      hole = parent;
    }
    this.#items[hole] = item;
  }

  pop(): Item | undefined {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (this.#items.length > 0) this.#sink(last as Item);
    return first;
  }

  #sink(item: Item): void {
    const { length } = this.#items;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#keyAt(child + 1) < this.#keyAt(child)) child += 1;
      if (this.#keyAt(child) >= this.#key(item)) break;
      this.#items[hole] = this.#items[child] as Item;
      hole = child;
    }
    this.#items[hole] = item;
  }

  #keyAt(index: number): number {
    return this.#key(this.#items[index] as Item);
  }
}

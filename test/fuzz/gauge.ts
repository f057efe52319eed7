/** What a piece of work cost others. */
export interface Cost {
  /** Longest time in milliseconds for which nothing else got its turn. */
  readonly blockMs: number;
  /** Most bytes that were held meanwhile, above those at the beginning. */
  readonly memory: number;
}

/**
 * Does work and measures between its pieces, at every turn of the event loop.
 * A block counts only as far as this thread computed: on a busy machine it waits for others as well.
 * @param fresh true to begin without the garbage of earlier work.
 */
export async function gauged<T>(
  work: () => Promise<T>,
  fresh: boolean,
): Promise<Cost & { readonly result: T }> {
  if (fresh) globalThis.gc?.();
  const before = held();
  let memory = 0;
  let blockMs = 0;
  let at = performance.now();
  let cpu = process.threadCpuUsage();
  let ended = false;
  const note = (): void => {
    const now = performance.now();
    const spent = process.threadCpuUsage(cpu);
    blockMs = Math.max(blockMs, Math.min(now - at, (spent.user + spent.system) / 1000));
    memory = Math.max(memory, held() - before);
    at = performance.now();
    cpu = process.threadCpuUsage();
  };
  const turn = (): void => {
    note();
    if (!ended) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    const result = await work();
    note();
    return { blockMs, memory, result };
  } finally {
    ended = true;
  }
}

function held(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

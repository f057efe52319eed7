import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { createImapSource, type Timeouts } from "../../shared/adapters/imap/index.ts";
import { endpointSchema } from "../../shared/domain/endpoint.ts";
import { visitSource } from "../stack/hostile-imap/visit.ts";

export interface Task {
  readonly hostilePort: number;
  readonly neighbourPort: number;
  /** Milliseconds after which a visit counts as one without an end. */
  readonly limitMs: number;
  readonly timeouts?: Partial<Timeouts>;
}

/** What a process of the application makes of a hostile server, beside a mailbox on an honest one. */
export interface Measured {
  readonly stage: string;
  readonly code: string;
  readonly kind: string;
  readonly message: string;
  readonly ms: number;
  /** The longest time for which the event loop did nothing else. */
  readonly blockMs: number;
  /** The longest time that ten messages of the neighbour took, as far as this thread computed meanwhile. */
  readonly neighbourMs: number;
  readonly peakMb: number;
  readonly cpuMs: number;
}

const tickMs = 5;

async function measure({ hostilePort, neighbourPort, limitMs, timeouts = {} }: Task): Promise<Measured> {
  const neighbour = await openNeighbour(neighbourPort);
  globalThis.gc?.();
  const startedAt = performance.now();
  const cpuBefore = cpuMs();
  let lastTick = startedAt;
  let lastCpu = cpuMs();
  let blockMs = 0;
  let peakBytes = 0;
  const look = () => {
    const [now, cpu] = [performance.now(), cpuMs()];
    // On a busy machine the process may just not have had its turn: that is no block.
    blockMs = Math.max(blockMs, Math.min(now - lastTick - tickMs, cpu - lastCpu));
    lastTick = now;
    lastCpu = cpu;
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  };
  const ticking = setInterval(look, tickMs);
  let going = true;
  let neighbourMs = 0;
  const beside = (async () => {
    while (going) {
      const [before, cpuBefore] = [performance.now(), cpuMs()];
      await neighbour();
      neighbourMs = Math.max(neighbourMs, Math.min(performance.now() - before, cpuMs() - cpuBefore));
      await sleep(50);
    }
  })();
  const ended = new AbortController();
  const result = await Promise.race([
    visitSource(hostilePort, timeouts).catch((error: unknown) => ({
      stage: "crash" as const,
      error: {
        code: error instanceof Error ? error.name : "?",
        kind: "crash",
        message: String(error).slice(0, 200),
      },
    })),
    sleep(limitMs, { stage: "no end", error: undefined } as const, { signal: ended.signal }),
  ]);
  ended.abort();
  await sleep(tickMs * 2);
  look();
  going = false;
  await beside;
  clearInterval(ticking);
  return {
    stage: result.stage,
    code: result.error?.code ?? (result.stage === "end" ? "served" : "no end"),
    kind: result.error?.kind ?? "",
    message: result.error?.message ?? "",
    ms: Math.round(performance.now() - startedAt),
    blockMs: Math.round(blockMs),
    neighbourMs: Math.round(neighbourMs),
    peakMb: Math.round(Math.max(peakBytes, process.resourceUsage().maxRSS * 1024) / 1024 / 1024),
    cpuMs: Math.round(cpuMs() - cpuBefore),
  };
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

async function openNeighbour(port: number): Promise<() => Promise<void>> {
  const mailbox = await createImapSource().open({
    endpoint: endpointSchema.parse({ host: "127.0.0.1", port, security: "none", allowInsecure: true }),
    userName: "user",
    password: "secret",
  });
  const folder = await mailbox.openFolder("INBOX");
  return async () => {
    for await (const message of folder.fetchMessages([[1, 10]])) void message;
  };
}

process.on("message", (task: Task) => {
  void measure(task).then(
    (measured) => process.send?.(measured),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(0));

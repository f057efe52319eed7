import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import { hostileMessages } from "../stack/hostile-mime/cases.ts";
import { hostileMessage } from "../stack/hostile-mime/random.ts";
import type { Fuzz } from "./fuzz.ts";
import type { Measured } from "./mime-client.ts";

/** Of the time of the application itself, in milliseconds. */
const mostBlockMs = 100;
const mostNeighbourMs = 2_000;
/** Of the whole process. */
const mostMemoryMb = 300;
const longestMs = 300_000;
const heap = ["--max-old-space-size=1024", "--expose-gc"];
const limits = { bytes: 1 << 21, repetitions: 1500 };

interface Worst {
  readonly name: string;
  readonly value: number;
}

/** Hostile messages: the corpus first, row by row, then random ones. */
export const fuzz: Fuzz = async ({ until, seed, once: single }) => {
  const directory = await mkdtemp(join(tmpdir(), "imap-to-m365-fuzz-"));
  const client = new Client();
  const worst: Record<"block" | "memory" | "delay" | "time", Worst> = {
    block: { name: "-", value: 0 },
    memory: { name: "-", value: 0 },
    delay: { name: "-", value: 0 },
    time: { name: "-", value: 0 },
  };
  const outcomes = new Map<string, number>();
  const failures: string[] = [];
  let count = 0;

  const run = async (name: string, content: Buffer): Promise<Measured> => {
    const path = join(directory, "message");
    await writeFile(path, content);
    const measured = await client.read(path);
    count++;
    outcomes.set(measured.outcome, (outcomes.get(measured.outcome) ?? 0) + 1);
    const note = (what: keyof typeof worst, value: number) => {
      if (value > worst[what].value) worst[what] = { name, value };
    };
    note("block", measured.blockMs);
    note("memory", measured.peakMb);
    note("delay", measured.neighbourMs);
    note("time", measured.ms);
    const broken = [
      ...(measured.failed ? [measured.outcome] : []),
      ...(measured.blockMs > mostBlockMs ? [`blocked ${measured.blockMs} ms`] : []),
      ...(measured.neighbourMs > mostNeighbourMs ? [`delayed its neighbour ${measured.neighbourMs} ms`] : []),
      ...(measured.peakMb > mostMemoryMb ? [`took ${measured.peakMb} MB`] : []),
    ];
    for (const what of broken) {
      failures.push(`${name}: ${what}`);
      console.log(`BROKEN ${name}: ${what}`);
    }
    return measured;
  };

  try {
    if (single) console.log(await run(seed, randomMessage(seed)));
    else {
      console.log(
        "| Message | Bytes | Block, ms | Neighbour, ms | Memory, MB | Time, ms | What the operator sees |",
      );
      console.log("| --- | --- | --- | --- | --- | --- | --- |");
      for (const { name, content } of hostileMessages(1)) {
        const bytes = content();
        const { blockMs, neighbourMs, peakMb, ms, outcome } = await run(name, bytes);
        console.log(
          `| ${name} | ${bytes.length} | ${blockMs} | ${neighbourMs} | ${peakMb} | ${ms} | ${outcome} |`,
        );
      }
      let reportedAt = Date.now();
      for (let index = 0; Date.now() < until; index++) {
        await run(`${seed}/${index}`, randomMessage(`${seed}/${index}`));
        if (Date.now() - reportedAt < 60_000) continue;
        reportedAt = Date.now();
        console.log(
          `${count} messages, ${failures.length} broken, ${Math.ceil((until - reportedAt) / 60_000)} min to go`,
        );
      }
    }
  } finally {
    await client.stop();
    await rm(directory, { recursive: true, force: true });
  }
  const shown = [...outcomes].sort((a, b) => b[1] - a[1]).slice(0, 12);
  console.log(
    `${count} messages, seed ${seed}: ${shown.map(([what, times]) => `${what} ${times}`).join("; ")}`,
  );
  console.log(`longest block ${worst.block.value} ms (${worst.block.name})`);
  console.log(`most memory ${worst.memory.value} MB (${worst.memory.name})`);
  console.log(`longest time ${worst.time.value} ms (${worst.time.name})`);
  console.log(`longest delay of the neighbour ${worst.delay.value} ms (${worst.delay.name})`);
  console.log(`${failures.length} broken`);
  return failures.length === 0;
};

function randomMessage(name: string): Buffer {
  const seed = createHash("sha256").update(name).digest().readInt32LE(0);
  const [content] = fc.sample(hostileMessage(limits), { seed, numRuns: 1 });
  return content ?? Buffer.alloc(0);
}

/** The process under test; a new one after a death, and for every case of the corpus it is one that has just begun. */
class Client {
  #process: ChildProcess | undefined;
  #messages = 0;

  async read(path: string): Promise<Measured> {
    if (this.#messages++ % 100 === 0) await this.stop();
    this.#process ??= fork(join(import.meta.dirname, "mime-client.ts"), {
      execArgv: [...process.execArgv, ...heap],
    });
    const child = this.#process;
    const ended = new AbortController();
    const { signal } = ended;
    child.send(path);
    try {
      return await Promise.race([
        once(child, "message", { signal }).then(([measured]) => measured as Measured),
        once(child, "exit", { signal }).then(([code, by]) => this.#lost(`died with ${code ?? by}`)),
        sleep(longestMs, undefined, { signal }).then(() => this.#lost(`no end within ${longestMs} ms`)),
      ]);
    } finally {
      ended.abort();
    }
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  #lost(outcome: string): Measured {
    this.#process?.kill("SIGKILL");
    this.#process = undefined;
    const none = Number.POSITIVE_INFINITY;
    return { outcome, failed: true, ms: none, blockMs: none, neighbourMs: none, peakMb: none };
  }
}

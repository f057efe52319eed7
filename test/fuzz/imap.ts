import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hostileCases } from "../stack/hostile-imap/cases.ts";
import { randomBehaviour } from "../stack/hostile-imap/random.ts";
import { type HostileBehaviour, startHostileImap } from "../stack/hostile-imap/server.ts";
import { Random } from "../stack/random.ts";
import type { Fuzz } from "./fuzz.ts";
import type { Measured, Task } from "./imap-client.ts";

/** Of the time of the application itself, in milliseconds: an event loop that does nothing else for longer is blocked. */
const mostBlockMs = 100;
const mostNeighbourMs = 2_000;
/** Above what the process has without any server. */
const mostMemoryMb = 300;
const longestMs = 300_000;
/** Short, so that servers which dribble end in seconds; that of a command is long enough for a busy machine. */
const timeouts = {
  connectMs: 3_000,
  greetingMs: 3_000,
  loginMs: 4_000,
  stallMs: 3_000,
  commandMs: 60_000,
  transferMs: 20_000,
  listingMs: 20_000,
};
const heap = ["--max-old-space-size=1024", "--expose-gc"];

interface Worst {
  readonly name: string;
  readonly value: number;
}

/** Hostile IMAP servers: the corpus first, then random ones, each beside an honest neighbour. */
export const fuzz: Fuzz = async ({ until, seed, once: single }) => {
  const neighbour = fork(join(import.meta.dirname, "imap-neighbour.ts"));
  const [neighbourPort] = (await once(neighbour, "message")) as [number];
  const client = new Client(neighbourPort);
  const idleMb = (await client.visit({})).peakMb;
  const codes = new Map<string, number>();
  const failures: string[] = [];
  let block: Worst = { name: "-", value: 0 };
  let memory: Worst = { name: "-", value: 0 };
  let delay: Worst = { name: "-", value: 0 };
  let count = 0;

  const run = async (name: string, behaviour: HostileBehaviour, code?: string): Promise<Measured> => {
    const measured = await client.visit(behaviour);
    const memoryMb = Math.max(0, measured.peakMb - idleMb);
    count += 1;
    codes.set(measured.code, (codes.get(measured.code) ?? 0) + 1);
    if (measured.blockMs > block.value) block = { name, value: measured.blockMs };
    if (memoryMb > memory.value) memory = { name, value: memoryMb };
    if (measured.neighbourMs > delay.value) delay = { name, value: measured.neighbourMs };
    const broken = [
      ...(["crash", "died", "no end"].includes(measured.stage)
        ? [`${measured.stage}: ${measured.message}`]
        : []),
      ...(code !== undefined && measured.code !== code ? [`${measured.code} instead of ${code}`] : []),
      ...(measured.blockMs > mostBlockMs ? [`blocked ${measured.blockMs} ms`] : []),
      ...(measured.neighbourMs > mostNeighbourMs ? [`delayed its neighbour ${measured.neighbourMs} ms`] : []),
      ...(memoryMb > mostMemoryMb ? [`took ${memoryMb} MB`] : []),
    ];
    for (const what of broken) {
      failures.push(`${name}: ${what}`);
      console.log(`BROKEN ${name}: ${what}`);
    }
    if (single) console.log(measured);
    return measured;
  };

  if (!single) {
    console.log("| Server | Block, ms | Neighbour, ms | Memory, MB | Time, ms | What the operator sees |");
    console.log("| --- | --- | --- | --- | --- | --- |");
    for (const { name, ends, ...behaviour } of hostileCases(100)) {
      const measured = await run(name, behaviour, ends ?? "served");
      const { blockMs, neighbourMs, peakMb, ms, code } = measured;
      const memoryMb = Math.max(0, peakMb - idleMb);
      console.log(`| ${name} | ${blockMs} | ${neighbourMs} | ${memoryMb} | ${ms} | ${code} |`);
    }
  }
  let reportedAt = Date.now();
  for (let i = 0; single ? i === 0 : Date.now() < until; i++) {
    const name = single ? seed : `${seed}/${i}`;
    await run(name, randomBehaviour(new Random(name)));
    if (Date.now() - reportedAt < 60_000) continue;
    reportedAt = Date.now();
    console.log(
      `${count} servers, ${failures.length} broken, ${Math.ceil((until - reportedAt) / 60_000)} min to go`,
    );
  }
  await client.stop();
  neighbour.kill();
  const shown = [...codes].sort((a, b) => b[1] - a[1]).map(([code, times]) => `${code} ${times}`);
  console.log(`${count} servers, seed ${seed}: ${shown.join(", ")}`);
  console.log(`longest block ${block.value} ms (${block.name})`);
  console.log(`most memory ${memory.value} MB above the ${idleMb} MB of an idle process (${memory.name})`);
  console.log(`longest delay of the neighbour ${delay.value} ms (${delay.name})`);
  console.log(`${failures.length} broken`);
  return failures.length === 0;
};

/** The process under test; a new one after a death, and now and then, for its peak of memory is that of its life. */
class Client {
  readonly #neighbourPort: number;
  #process: ChildProcess | undefined;
  #visits = 0;

  constructor(neighbourPort: number) {
    this.#neighbourPort = neighbourPort;
  }

  async visit(behaviour: HostileBehaviour): Promise<Measured> {
    const server = await startHostileImap(behaviour);
    if (this.#visits++ % 100 === 0) await this.stop();
    this.#process ??= fork(join(import.meta.dirname, "imap-client.ts"), {
      execArgv: [...process.execArgv, ...heap],
    });
    const child = this.#process;
    const task: Task = {
      hostilePort: server.port,
      neighbourPort: this.#neighbourPort,
      limitMs: longestMs,
      timeouts,
    };
    const ended = new AbortController();
    const { signal } = ended;
    child.send(task);
    try {
      return await Promise.race([
        once(child, "message", { signal }).then(([measured]) => measured as Measured),
        once(child, "exit", { signal }).then(([code, by]) => this.#lost("died", `with ${code ?? by}`)),
        sleep(longestMs * 2, undefined, { signal }).then(() => this.#lost("no end", "not even of one turn")),
      ]);
    } finally {
      ended.abort();
      await server.stop();
    }
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  #lost(stage: string, message: string): Measured {
    this.#process?.kill("SIGKILL");
    this.#process = undefined;
    return { stage, code: stage, kind: "", message, ms: 0, blockMs: 0, neighbourMs: 0, peakMb: 0, cpuMs: 0 };
  }
}

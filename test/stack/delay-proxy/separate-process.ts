import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { DelayProxy, DelayProxyOptions, ProxyCounters } from "./delay-proxy.ts";
import type { ProxyCommand } from "./main.ts";

/** Starts the proxy in a process of its own. It ends with `stop`, or when this process ends. */
export async function startDelayProxyProcess(options: DelayProxyOptions): Promise<DelayProxy> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "main.ts"), JSON.stringify(options)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextAnswer = async () => {
    const { value, done } = await answers.next();
    if (done === true) throw new Error("the delay proxy's process has ended");
    return JSON.parse(value);
  };
  const port: number = await nextAnswer();
  let queue: Promise<unknown> = Promise.resolve();
  const ask = (command: ProxyCommand): Promise<ProxyCounters> => {
    const answer = queue.then(() => {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      return nextAnswer();
    });
    queue = answer.catch(() => undefined);
    return answer;
  };
  return {
    host: "127.0.0.1",
    port,
    async set(change) {
      await ask({ set: change });
    },
    counters: () => ask("counters"),
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}

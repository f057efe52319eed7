import { createInterface } from "node:readline";
import { type DelayProxyOptions, type ProxyBehaviour, startDelayProxy } from "./delay-proxy.ts";

/** What the proxy's own process reads from standard input, one JSON value a line. */
export type ProxyCommand = { readonly set: Partial<ProxyBehaviour> } | "counters";

const proxy = await startDelayProxy(JSON.parse(process.argv[2] ?? "") as DelayProxyOptions);
reply(proxy.port);
// The end of the input is the end of the proxy, so it outlives the clients but not its owner.
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as ProxyCommand;
  if (command !== "counters") await proxy.set(command.set);
  reply(await proxy.counters());
}
await proxy.stop();

function reply(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

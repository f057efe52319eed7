/**
 * Runs a function app on this machine as the Functions host does, from its built package:
 * `node test/stack/functions-host/main.ts [package directory]`, the repository's root by default.
 * Settings come from the environment; HOST_PORT is the HTTP port, 0 by default, and the system chooses; HOST_TRACING
 * is what invocations get of the trace that comes with their trigger: "follow" (the default), "own" or "none"; with
 * HOST_FUNCTIONS, names with commas between them, this is an instance of these functions alone.
 * Events go to stdout, one line of JSON each; the line with the message "Host started" holds the port.
 */
import { join, resolve } from "node:path";
import { startHost } from "./host.ts";
import { tracings } from "./invocation.ts";
import { describeError } from "./log.ts";

/** Exit codes: the platform starts a new process after either. */
const exitCodes = { startFailed: 1, tooManyWorkerErrors: 3 } as const;

/** Time for the last worker's messages to be abandoned before the process goes, in milliseconds. */
const abandonMs = 1_000;

const packageDirectory = resolve(process.argv[2] ?? join(import.meta.dirname, "..", "..", ".."));
process.chdir(packageDirectory);

try {
  const host = await startHost({
    packageDirectory,
    settings: process.env,
    port: Number(process.env.HOST_PORT ?? 0),
    tracing: tracings.find((tracing) => tracing === process.env.HOST_TRACING),
    only: process.env.HOST_FUNCTIONS?.split(","),
    onTooManyErrors: () => {
      write("critical", "Too many worker errors");
      setTimeout(() => process.exit(exitCodes.tooManyWorkerErrors), abandonMs);
    },
  });
  write("information", "Host started", { port: host.port });

  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    write("information", "Host draining");
    await host.stop();
    write("information", "Host stopped");
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  // The platform calls the host's drain endpoint; a signal serves here.
  process.on("SIGUSR2", () => {
    write("information", "Host drained");
    host.drain();
  });
  // A test or `npm start` that was killed must not leave this process behind.
  process.on("disconnect", () => process.exit(0));
} catch (error) {
  write("critical", "Host not started", { error: describeError(error) });
  process.exit(exitCodes.startFailed);
}

function write(level: string, message: string, fields: Record<string, unknown> = {}): void {
  const event = { time: new Date().toISOString(), level, category: "Host.Startup", message, ...fields };
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

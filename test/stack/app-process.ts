import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const hostMain = join(import.meta.dirname, "functions-host", "main.ts");
const repositoryRoot = join(import.meta.dirname, "..", "..");

/** Milliseconds from the start of the process to its first healthy answer. */
const startTimeoutMs = 180_000;
const healthIntervalMs = 50;
const defaultEventTimeoutMs = 30_000;

/** What every process needs of this one's environment; all other settings are given. */
const inherited = ["PATH", "HOME", "TMPDIR", "TEMP", "SystemRoot", "LANG"];

/** One line of the host's log. */
export interface LogEvent {
  readonly time: string;
  readonly level: string;
  readonly category: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface AppExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface AppProcess {
  /** `http://127.0.0.1:{port}`. */
  readonly url: string;
  readonly pid: number;
  /** Everything logged so far, in order. */
  readonly events: readonly LogEvent[];
  readonly exited: Promise<AppExit>;
  /** The first event that fits, past ones included. @throws after the time-out, or when the process has ended. */
  waitForEvent(fits: (event: LogEvent) => boolean, timeoutMs?: number): Promise<LogEvent>;
  /** Lets what runs finish within some seconds (SIGTERM). Repeatable. */
  stop(): Promise<AppExit>;
  /** Ends host and worker in the middle of whatever they do (SIGKILL), as a machine that fails. Repeatable. */
  kill(): Promise<AppExit>;
  /** Ends the worker process alone; the host fails what ran in it and starts another one. */
  killWorker(): void;
  /** Takes no new work and keeps its sessions locked, as an instance that is scaled in. */
  drain(): void;
}

export interface AppOptions {
  /** App settings. Of this process's own environment only what any program needs is passed on. */
  readonly settings: Readonly<Record<string, string>>;
  /** Directory of host.json and package.json; the repository's root by default, which has to be built before. */
  readonly packageDirectory?: string | undefined;
  /** HTTP port; the system chooses by default. */
  readonly port?: number;
  /** Path that answers 200 once the app is ready, `/api/health` by default. */
  readonly healthPath?: string;
  /** True where a part stays out of reach, so that the app never becomes healthy: then any answer will do. */
  readonly unhealthy?: boolean;
  readonly onEvent?: (event: LogEvent) => void;
}

/**
 * Starts a function app in a process of its own, under the local Functions host, and waits until it is healthy.
 * Storage and queues live elsewhere, so the process can be killed without losing them.
 * @throws Error with the end of its output if it does not become healthy.
 */
export async function startApp(options: AppOptions): Promise<AppProcess> {
  const { packageDirectory = repositoryRoot, healthPath = "/api/health" } = options;
  const environment = Object.fromEntries(inherited.map((name) => [name, process.env[name]]));
  const child = spawn(process.execPath, ["--enable-source-maps", hostMain, packageDirectory], {
    env: { ...environment, ...options.settings, HOST_PORT: String(options.port ?? 0) },
    // The channel is not written to: the process ends when this one does, however that happens.
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const exited = new Promise<AppExit>((resolve) =>
    child.once("close", (code, signal) => resolve({ code, signal })),
  );
  const log = readLog(child, exited, options.onEvent);
  let isAsked = false;
  const end = (signal: NodeJS.Signals) => async () => {
    isAsked = true;
    child.kill(signal);
    return exited;
  };
  const killWorker = (): void => {
    const started = log.events.findLast(({ message }) => message === "Worker started");
    try {
      if (typeof started?.workerPid === "number") process.kill(started.workerPid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  };
  const kill = (): Promise<AppExit> => {
    killWorker();
    return end("SIGKILL")();
  };
  try {
    const started = await log.waitForEvent(({ message }) => message === "Host started", startTimeoutMs);
    const url = `http://127.0.0.1:${started.port}`;
    await waitUntilReady(`${url}${healthPath}`, options.unhealthy === true);
    // A test that asks it then sees a closed connection, and nothing of why.
    void exited.then(({ code, signal }) => {
      if (!isAsked) console.error(`The app ended by itself with ${signal ?? code}:\n${log.tail()}`);
    });
    return {
      url,
      pid: child.pid as number,
      exited,
      ...log,
      stop: end("SIGTERM"),
      kill,
      killWorker,
      drain: () => void child.kill("SIGUSR2"),
    };
  } catch (error) {
    await kill();
    throw new Error(
      `The app did not start: ${error instanceof Error ? error.message : error}\n${log.tail()}`,
    );
  }
}

function readLog(child: ChildProcess, exited: Promise<AppExit>, onEvent?: (event: LogEvent) => void) {
  const events: LogEvent[] = [];
  const waiting = new Set<(event: LogEvent) => void>();
  const record = (event: LogEvent): void => {
    events.push(event);
    onEvent?.(event);
    for (const wake of waiting) wake(event);
  };
  for (const [stream, level] of [
    [child.stdout, "information"],
    [child.stderr, "error"],
  ] as const)
    if (stream) createInterface({ input: stream }).on("line", (line) => record(parseLine(line, level)));

  return {
    events,
    /** The last lines, for the message of a failure. */
    tail: () =>
      events
        .slice(-30)
        .map((event) => JSON.stringify(event))
        .join("\n"),
    async waitForEvent(
      fits: (event: LogEvent) => boolean,
      timeoutMs = defaultEventTimeoutMs,
    ): Promise<LogEvent> {
      const past = events.find(fits);
      if (past) return past;
      const timeout = new AbortController();
      let wake: (event: LogEvent) => void = () => undefined;
      const next = new Promise<LogEvent>((resolve) => {
        wake = (event) => {
          if (fits(event)) resolve(event);
        };
        waiting.add(wake);
      });
      try {
        return await Promise.race([
          next,
          exited.then(({ code, signal }) => {
            throw new Error(`the process ended with ${signal ?? code}`);
          }),
          sleep(timeoutMs, undefined, { signal: timeout.signal }).then(() => {
            throw new Error(`no such event within ${timeoutMs} ms`);
          }),
        ]);
      } finally {
        timeout.abort();
        waiting.delete(wake);
      }
    },
  };
}

/** Reads a line of the host's log, one of the app's events (`{"event": ...}`), or whatever else was printed. */
function parseLine(line: string, level: string): LogEvent {
  const printed = { time: new Date().toISOString(), level, category: "Output", message: line };
  if (!line.startsWith("{")) return printed;
  try {
    const parsed = JSON.parse(line) as Record<string, unknown>;
    // Events of an invocation come through the host's log, others straight from the app.
    const logged = typeof parsed.category === "string" ? (parsed as LogEvent) : undefined;
    const event = logged?.message.startsWith('{"event":') ? JSON.parse(logged.message) : parsed;
    if (typeof event.event === "string")
      return { ...event, ...(logged ?? printed), category: "App", message: event.event };
    if (logged !== undefined) return logged;
  } catch {
    // It only looks like JSON.
  }
  return printed;
}

async function waitUntilReady(url: string, unhealthy: boolean): Promise<void> {
  const deadline = Date.now() + startTimeoutMs;
  let problem = "";
  while (Date.now() < deadline) {
    try {
      const response = await fetch(url);
      if (response.ok || (unhealthy && response.status === 503)) {
        await response.body?.cancel();
        return;
      }
      const details = await fetch(`${url}/details`);
      problem = `${response.status} ${await response.text()} ${await details.text()}`;
    } catch (error) {
      problem = String(error);
    }
    await sleep(healthIntervalMs);
  }
  throw new Error(`not healthy within ${startTimeoutMs} ms: ${problem}`);
}

import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";

/** A server process and all it has started. */
export interface Supervised {
  /** Settles when nothing of the server is left. */
  readonly exited: Promise<void>;
  /** Ends the server. Repeatable. */
  stop(): Promise<void>;
}

// The pipe on standard input breaks however this process ends, kill -9 included: no server outlives its test.
const SUPERVISOR = `
directory=$1; shift
exec 3<&0
setsid "$@" </dev/null 3<&- &
server=$!
setsid sh -c 'read -r _ <&3; kill -TERM "-$1"; sleep 5; kill -KILL "-$1"' watcher "$server" &
watcher=$!
wait "$server"
kill -KILL "-$server" "-$watcher" "$watcher" 2>/dev/null
wait
rm -rf "$directory"
`;

/**
 * Runs a server in a process group of its own until `stop`, or until this process ends in whatever way.
 *
 * @param command program and arguments; must stay in the foreground
 * @param directory working directory of the server, removed with it
 * @param logFile takes what the server prints
 */
export function supervise(
  command: readonly string[],
  directory: string,
  logFile: string,
  environment: NodeJS.ProcessEnv,
): Supervised {
  const log = openSync(logFile, "a");
  const child = spawn("sh", ["-c", SUPERVISOR, "supervisor", directory, ...command], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", log, log],
    env: { ...process.env, ...environment },
  });
  closeSync(log);
  const exited = new Promise<void>((resolve, reject) => {
    child.once("exit", () => resolve());
    child.once("error", reject);
  });
  child.stdin?.on("error", () => undefined);
  child.unref();
  if (child.stdin && "unref" in child.stdin && typeof child.stdin.unref === "function") child.stdin.unref();
  return {
    exited,
    async stop() {
      child.ref();
      child.stdin?.end();
      await exited;
    },
  };
}

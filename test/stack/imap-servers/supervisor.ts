import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Socket } from "node:net";

/** A server process and all it has started. */
export interface Supervised {
  /** Settles when the server has ended, by itself too. */
  readonly ended: Promise<void>;
  /** Ends the server and removes its directory. Repeatable. */
  stop(): Promise<void>;
}

// The pipe on standard input breaks however this process ends, kill -9 included: no server outlives its test.
const SUPERVISOR = `
directory=$1; shift
exec 3<&0
setsid "$@" </dev/null >&2 3<&- &
server=$!
setsid sh -c 'read -r _ <&3; kill -TERM "-$1"; sleep 5; kill -KILL "-$1"' watcher "$server" &
watcher=$!
wait "$server"
kill -KILL "-$server" "-$watcher" "$watcher" 2>/dev/null
wait
trap '' PIPE
echo ended 2>/dev/null
read -r _ <&3
rm -rf "$directory"
`;

/**
 * Runs a server in a process group of its own until `stop`, or until this process ends in whatever way.
 *
 * @param command program and arguments; must stay in the foreground
 * @param directory of the server's files; still there when the server has ended by itself
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
    stdio: ["pipe", "pipe", log],
    env: { ...process.env, ...environment },
  });
  closeSync(log);
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error("the supervisor was not given its pipes");
  const exited = new Promise<void>((resolve, reject) => {
    child.once("exit", () => resolve());
    child.once("error", reject);
  });
  const said = new Promise<void>((resolve) => stdout.once("data", () => resolve()));
  stdin.on("error", () => undefined);
  // A server that nobody stops must not keep its owner alive.
  child.unref();
  for (const pipe of [stdin, stdout]) (pipe as Socket).unref();
  return {
    ended: Promise.race([said, exited]),
    async stop() {
      child.ref();
      stdin.end();
      await exited;
    },
  };
}

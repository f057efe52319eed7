import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { FunctionMetadata, InvocationResponse } from "./rpc.ts";
import type { FromWorker, InvokeRequest, ToWorker, WorkerLogEntry } from "./worker-protocol.ts";

const workerMain = join(import.meta.dirname, "worker-main.ts");

/** Why an invocation failed that its worker did not answer. */
export class WorkerExitedError extends Error {
  override readonly name = "WorkerProcessExitException";
}

/** A worker process that has loaded the app. */
export interface WorkerChannel {
  readonly pid: number;
  readonly functions: readonly FunctionMetadata[];
  readonly capabilities: Readonly<Record<string, string>>;
  /** Settles when the process has ended, however that happened. */
  readonly exited: Promise<string>;
  /** @throws Error with what the function threw, or {@link WorkerExitedError}. */
  invoke(request: InvokeRequest): Promise<InvocationResponse>;
  /** Tells the app that it is about to end; resolves when its hooks have run or the process is gone. */
  terminate(): Promise<void>;
  kill(): void;
}

/**
 * Starts a worker process and lets it load the app.
 * @param nodeArguments what the setting `languageWorkers__node__arguments` holds.
 * @throws Error if the app does not load.
 */
export async function startWorker(
  main: string,
  nodeArguments: readonly string[],
  log: (entry: WorkerLogEntry) => void,
): Promise<WorkerChannel> {
  const child = fork(workerMain, [], {
    execArgv: [...process.execArgv, ...nodeArguments],
    serialization: "advanced",
    // What the app prints goes where the host's log goes.
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const pending = new Map<number, PromiseWithResolvers<InvocationResponse>>();
  const loaded = Promise.withResolvers<Extract<FromWorker, { type: "loaded" }>>();
  const terminated = Promise.withResolvers<void>();
  const exited = exitOf(child);
  let calls = 0;

  child.on("message", (message: FromWorker) => {
    switch (message.type) {
      case "loaded":
        return loaded.resolve(message);
      case "notLoaded":
        return loaded.reject(new Error(message.error));
      case "log":
        return log(message.entry);
      case "terminated":
        return terminated.resolve();
      default: {
        const call = pending.get(message.call);
        pending.delete(message.call);
        if (message.type === "returned") call?.resolve(message.response);
        else call?.reject(new Error(message.error));
      }
    }
  });
  void exited.then((how) => {
    const error = new WorkerExitedError(`The worker process ended with ${how}.`);
    loaded.reject(error);
    terminated.resolve();
    for (const call of pending.values()) call.reject(error);
    pending.clear();
  });
  const tell = (message: ToWorker): void => {
    if (child.connected) child.send(message);
  };

  tell({ type: "load", main });
  try {
    const { functions, capabilities } = await loaded.promise;
    return {
      pid: child.pid as number,
      functions,
      capabilities,
      exited,
      invoke(request) {
        if (!child.connected) return Promise.reject(new WorkerExitedError("The worker process has ended."));
        const call = ++calls;
        const answer = Promise.withResolvers<InvocationResponse>();
        pending.set(call, answer);
        tell({ type: "invoke", call, request });
        return answer.promise;
      },
      terminate() {
        tell({ type: "terminate" });
        return terminated.promise;
      },
      kill: () => void child.kill("SIGKILL"),
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(String(signal ?? code)));
    child.once("error", (error) => resolve(error.message));
  });
}

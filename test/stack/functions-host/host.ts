import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { createBlobTriggers } from "./blob-trigger.ts";
import { createClients } from "./clients.ts";
import { parseHostConfig } from "./host-config.ts";
import { startHttpServer } from "./http-server.ts";
import { Invoker, type Tracing, type TriggeredFunction } from "./invocation.ts";
import { createLog, type Log } from "./log.ts";
import { createQueueTrigger } from "./queue-trigger.ts";
import type { FunctionMetadata } from "./rpc.ts";
import { createServiceBusTrigger } from "./service-bus-trigger.ts";
import { isDisabled, type Settings } from "./settings.ts";
import { createTimerTrigger } from "./timer-trigger.ts";
import type { TriggerListener } from "./trigger-listener.ts";
import { WorkerPool } from "./worker-pool.ts";

/** Milliseconds that running invocations have to end before the app is told that it ends, and then until it is ended. */
const drainMs = 3_000;
const graceMs = 5_000;
/** Then its clients have so long to close. */
const closeMs = 1_000;
/** The real host takes some seconds to have another worker ready. */
const workerRestartDelayMs = 1_000;

export interface HostOptions {
  /** Directory that holds host.json and package.json. */
  readonly packageDirectory: string;
  readonly settings: Settings;
  /** 0 lets the system choose. */
  readonly port: number;
  /** "follow" where left out. */
  readonly tracing?: Tracing | undefined;
  /** Names of the functions of this instance, where the platform scales some on instances of their own; all where left out. */
  readonly only?: readonly string[] | undefined;
  /** Called when worker processes ended too often: the host's own process has to end. */
  readonly onTooManyErrors: () => void;
}

export interface Host {
  readonly port: number;
  /**
   * Takes no new work, gives what runs some seconds to finish, tells the app that it ends, and ends what is left; its
   * messages are abandoned.
   */
  stop(): Promise<void>;
  /** Takes no new work, as an instance that is scaled in, and keeps its sessions locked until it is stopped or killed. */
  drain(): void;
}

/**
 * Loads a function app and serves its triggers.
 * @throws Error if host.json is wrong, the app does not load, or a function has a binding this host does not know.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { packageDirectory, settings, port, tracing = "follow", only, onTooManyErrors } = options;
  const config = parseHostConfig(await readFile(join(packageDirectory, "host.json"), "utf8"));
  const manifest = JSON.parse(await readFile(join(packageDirectory, "package.json"), "utf8")) as {
    name: string;
    main: string;
  };
  const log = createLog(config.logging.logLevel);
  const invoker: Invoker = new Invoker({
    pool: () => pool,
    log,
    timeoutMs: config.functionTimeout,
    tracing,
  });
  const pool = await WorkerPool.start({
    main: pathToFileURL(join(packageDirectory, manifest.main)).href,
    nodeArguments: settings.languageWorkers__node__arguments?.split(" ") ?? [],
    restartDelayMs: workerRestartDelayMs,
    onLog: (entry) => invoker.logOfWorker(entry),
    log,
    onTooManyErrors,
  });
  const functions = pool.functions.map(withTrigger);
  const enabled = functions.filter(
    ({ name }) => !isDisabled(name, settings) && (only?.includes(name) ?? true),
  );
  const ofType = (type: string) => enabled.filter(({ trigger }) => trigger.type === type);

  const clients = createClients(settings);
  const hostId = settings.AzureFunctionsWebHost__hostid ?? hostIdOf(manifest.name);
  const hostContainer = clients.blobs("AzureWebJobsStorage").getContainerClient("azure-webjobs-hosts");
  await hostContainer.createIfNotExists();

  const common = { settings, clients, invoker, log, hostId, hostContainer };
  const { blobs, queues, serviceBus, http } = config.extensions;
  const timers = new Map(
    ofType("timerTrigger").map((target) => [target.name, createTimerTrigger({ ...common, target })]),
  );
  const blobTargets = ofType("blobTrigger");
  const listeners: TriggerListener[] = [
    ...timers.values(),
    ...ofType("queueTrigger").map((target) => createQueueTrigger({ ...common, target, config: queues })),
    ...ofType("serviceBusTrigger").map((target) =>
      createServiceBusTrigger({ ...common, target, config: serviceBus }),
    ),
  ];
  if (blobTargets.length > 0)
    listeners.push(
      createBlobTriggers({
        ...common,
        targets: blobTargets,
        hostQueues: clients.queues("AzureWebJobsStorage"),
        config: blobs,
      }),
    );

  const server = await startHttpServer({
    functions: ofType("httpTrigger"),
    routePrefix: http.routePrefix,
    port,
    invoker,
    streamUri: pool.capabilities.HttpUri,
    runManually: (name) => {
      const timer = timers.get(name);
      timer?.runNow();
      return timer !== undefined;
    },
    log,
  });
  logFunctions(enabled, log);
  for (const listener of listeners) await listener.start();

  return {
    port: server.port,
    async stop() {
      const stopped = Promise.all([server.close(), ...listeners.map((listener) => listener.stop())]);
      await Promise.race([stopped, sleep(drainMs)]);
      await pool.stop(graceMs, stopped);
      // A client whose connection was lost may take minutes to close.
      await Promise.race([stopped, sleep(closeMs)]);
    },
    drain() {
      for (const listener of listeners) listener.drain?.();
    },
  };
}

const triggerTypes = ["httpTrigger", "timerTrigger", "blobTrigger", "queueTrigger", "serviceBusTrigger"];

/** @throws Error for a binding this host would silently leave out. */
function withTrigger({ name, bindings, retryOptions }: FunctionMetadata): TriggeredFunction {
  let trigger: TriggeredFunction | undefined;
  for (const [triggerName, binding] of Object.entries(bindings)) {
    if (triggerTypes.includes(binding.type)) trigger = { name, triggerName, trigger: binding };
    else if (binding.type !== "http")
      throw new Error(`${name}: this host does not know the binding '${binding.type}'.`);
  }
  if (!trigger) throw new Error(`${name}: there is no trigger.`);
  if (retryOptions) throw new Error(`${name}: this host does not know retry policies.`);
  return trigger;
}

function hostIdOf(packageName: string): string {
  return packageName
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 32);
}

function logFunctions(functions: readonly TriggeredFunction[], log: Log): void {
  for (const { name, trigger } of functions)
    log("information", "Host.Startup", "Function ready", { functionName: name, trigger: trigger.type });
}

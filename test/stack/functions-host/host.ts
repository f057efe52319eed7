import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createBlobTriggers } from "./blob-trigger.ts";
import { createClients } from "./clients.ts";
import { loadApp, type RegisteredFunction } from "./core-module.ts";
import { parseHostConfig } from "./host-config.ts";
import { startHttpServer } from "./http-server.ts";
import { Invoker, type Tracing, type TriggeredFunction } from "./invocation.ts";
import { createLog, type Log } from "./log.ts";
import { createQueueTrigger } from "./queue-trigger.ts";
import { createServiceBusTrigger } from "./service-bus-trigger.ts";
import { isDisabled, type Settings } from "./settings.ts";
import { createTimerTrigger } from "./timer-trigger.ts";
import type { TriggerListener } from "./trigger-listener.ts";

export interface HostOptions {
  /** Directory that holds host.json and package.json. */
  readonly packageDirectory: string;
  readonly settings: Settings;
  /** 0 lets the system choose. */
  readonly port: number;
  /** "follow" where left out. */
  readonly tracing?: Tracing | undefined;
  /** Called after an invocation exceeded functionTimeout: the process has to end, since its code goes on. */
  readonly onTimeout: () => void;
}

export interface Host {
  readonly port: number;
  /** Takes no new work, lets what runs finish, and closes all connections. */
  stop(): Promise<void>;
}

/**
 * Loads a function app and serves its triggers.
 * @throws Error if host.json is wrong, the app does not load, or a function has a binding this host does not know.
 */
export async function startHost(options: HostOptions): Promise<Host> {
  const { packageDirectory, settings, port, tracing, onTimeout } = options;
  const config = parseHostConfig(await readFile(join(packageDirectory, "host.json"), "utf8"));
  const manifest = JSON.parse(await readFile(join(packageDirectory, "package.json"), "utf8")) as {
    name: string;
    main: string;
  };
  const log = createLog(config.logging.logLevel);
  const main = pathToFileURL(join(packageDirectory, manifest.main));
  const app = await loadApp(
    () => import(main.href),
    (level, _category, message) => {
      if (level !== "none") log(level, "Worker", message);
    },
  );
  const capabilities = await app.programmingModel.getCapabilities({});
  await app.runHooks("appStart", { hookData: {}, appHookData: {} });

  const invoker = new Invoker(app, log, config.functionTimeout, onTimeout, tracing);
  const functions = [...app.functions.values()].map(withTrigger);
  const enabled = functions.filter(({ name }) => !isDisabled(name, settings));
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
    streamUri: capabilities.HttpUri,
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
      await Promise.all([server.close(), ...listeners.map((listener) => listener.stop())]);
      await invoker.drained();
      await app.runHooks("appTerminate", { hookData: {}, appHookData: {} });
    },
  };
}

const triggerTypes = ["httpTrigger", "timerTrigger", "blobTrigger", "queueTrigger", "serviceBusTrigger"];

/** @throws Error for a binding this host would silently leave out. */
function withTrigger(registered: RegisteredFunction): TriggeredFunction {
  const { name, bindings, retryOptions } = registered.metadata;
  let trigger: TriggeredFunction | undefined;
  for (const [triggerName, binding] of Object.entries(bindings)) {
    if (triggerTypes.includes(binding.type)) trigger = { name, triggerName, trigger: binding, registered };
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

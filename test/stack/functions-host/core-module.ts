import Module from "node:module";
import type { FunctionCallback, FunctionMetadata, LogLevel, ProgrammingModel } from "./rpc.ts";

const hookNames = ["preInvocation", "postInvocation", "appStart", "appTerminate"] as const;
export type HookName = (typeof hookNames)[number];
type Hook = (context: object) => unknown;

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata;
  readonly callback: FunctionCallback;
}

/** What an app registered while its main file was imported. */
export interface RegisteredApp {
  readonly functions: ReadonlyMap<string, RegisteredFunction>;
  readonly programmingModel: ProgrammingModel;
  /** Runs the app's hooks of one kind, in the order they were registered. @throws whatever a hook throws. */
  runHooks(name: HookName, context: object): Promise<void>;
}

export type CoreLog = (level: LogLevel, category: "user" | "system", message: string) => void;

/**
 * Imports an app with a `@azure/functions-core` module of ours in place, as the Node worker does:
 * `@azure/functions` asks for it through CommonJS `require` at the first registration and keeps the answer,
 * so this works once in a process.
 * @param load imports the app's main file.
 * @param log receives the library's own log lines.
 * @throws Error if nothing was registered, or whatever the app throws while it loads.
 */
export async function loadApp(load: () => Promise<unknown>, log: CoreLog): Promise<RegisteredApp> {
  const functions = new Map<string, RegisteredFunction>();
  const hooks: Record<HookName, Hook[]> = {
    preInvocation: [],
    postInvocation: [],
    appStart: [],
    appTerminate: [],
  };
  let programmingModel: ProgrammingModel | undefined;
  let loaded = false;

  class Disposable {
    readonly #dispose: () => void;
    constructor(dispose: () => void) {
      this.#dispose = dispose;
    }
    dispose(): void {
      this.#dispose();
    }
  }

  const coreModule = {
    version: "3.10.0",
    hostVersion: "4.1037.0",
    Disposable,
    setProgrammingModel: (model: ProgrammingModel) => {
      programmingModel = model;
    },
    getProgrammingModel: () => programmingModel,
    log,
    registerFunction: (metadata: FunctionMetadata, callback: FunctionCallback) => {
      if (loaded) throw new Error("A function can only be registered during app startup.");
      if (functions.has(metadata.name))
        throw new Error(`A function with name "${metadata.name}" has already been registered.`);
      functions.set(metadata.name, { metadata, callback });
      return new Disposable(() => functions.delete(metadata.name));
    },
    registerHook: (name: HookName, hook: Hook) => {
      if (!hookNames.includes(name)) throw new RangeError(`Unrecognized hook "${name}"`);
      hooks[name].push(hook);
      return new Disposable(() => {
        hooks[name] = hooks[name].filter((other) => other !== hook);
      });
    },
  };

  const requireModule = Module.prototype.require;
  Module.prototype.require = Object.assign(function (this: Module, id: string) {
    return id === "@azure/functions-core" ? coreModule : requireModule.call(this, id);
  }, requireModule);

  await load();
  loaded = true;
  if (programmingModel === undefined) throw new Error("The app registered no function.");
  return {
    functions,
    programmingModel,
    async runHooks(name, context) {
      for (const hook of hooks[name]) await hook(context);
    },
  };
}

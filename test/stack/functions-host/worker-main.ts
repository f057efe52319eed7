/** The worker process of the local Functions host: loads the app and runs its functions, as the Node worker does. */
import { loadApp, type RegisteredApp } from "./core-module.ts";
import { describeError } from "./log.ts";
import type { CoreInvocationContext } from "./rpc.ts";
import type { FromWorker, InvokeRequest, ToWorker } from "./worker-protocol.ts";

const appHookData = {};
let app: RegisteredApp | undefined;

process.on("message", (message: ToWorker) => {
  switch (message.type) {
    case "load":
      load(message.main).catch((error: unknown) => tell({ type: "notLoaded", error: describeError(error) }));
      return;
    case "invoke":
      invoke(message.request).then(
        (response) => tell({ type: "returned", call: message.call, response }),
        (error: unknown) => tell({ type: "threw", call: message.call, error: describeError(error) }),
      );
      return;
    case "terminate":
      app
        ?.runHooks("appTerminate", { hookData: {}, appHookData })
        .finally(() => tell({ type: "terminated" }));
  }
});
// Without its host a worker has nobody to answer to.
process.on("disconnect", () => process.exit(0));
// Signals are the host's to act on; a terminal sends them to the whole group.
process.on("SIGINT", () => undefined);

function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}

async function load(main: string): Promise<void> {
  const loaded = await loadApp(
    () => import(main),
    (level, _category, message) => tell({ type: "log", entry: { level, kind: "system", message } }),
  );
  const capabilities = await loaded.programmingModel.getCapabilities({});
  await loaded.runHooks("appStart", { hookData: {}, appHookData });
  app = loaded;
  const functions = [...loaded.functions.values()].map(({ metadata }) => structuredClone(metadata));
  tell({ type: "loaded", functions, capabilities });
}

/** One invocation, as the worker's InvocationHandler runs it. @throws what the function or a hook threw. */
async function invoke(request: InvokeRequest) {
  const { functionName, triggerName, invocationId, data, triggerMetadata, traceParent } = request;
  const registered = app?.functions.get(functionName);
  if (app === undefined || registered === undefined) throw new Error(`There is no function ${functionName}.`);
  const { metadata, callback } = registered;
  const core: CoreInvocationContext = {
    invocationId,
    metadata,
    state: undefined,
    request: {
      invocationId,
      functionId: functionName,
      inputData: [{ name: triggerName, data: withBuffers(data) }],
      triggerMetadata,
      ...(traceParent !== undefined && { traceContext: { traceParent } }),
    },
    log: (level, kind, message) => tell({ type: "log", entry: { level, kind, message, invocationId } }),
  };
  const model = app.programmingModel.getInvocationModel(core);
  const { context, inputs } = await model.getArguments();
  const hookContext = {
    hookData: {},
    appHookData,
    invocationContext: context,
    inputs,
    functionCallback: callback,
  };
  core.state = "preInvocationHooks";
  await app.runHooks("preInvocation", hookContext);

  core.state = "invocation";
  const outcome: { result: unknown; error: unknown } = { result: null, error: null };
  try {
    outcome.result = await model.invokeFunction(context, hookContext.inputs, hookContext.functionCallback);
  } catch (error) {
    outcome.error = error ?? new Error("The function threw nothing.");
  }

  core.state = "postInvocationHooks";
  const { functionCallback: _, ...rest } = hookContext;
  const after = { ...rest, ...outcome };
  await app.runHooks("postInvocation", after);
  core.state = undefined;
  if (after.error !== null && after.error !== undefined) throw after.error;
  return model.getResponse(context, after.result);
}

/** The channel carries bytes as plain Uint8Arrays; the library makes a Buffer's methods available to functions. */
function withBuffers(data: InvokeRequest["data"]): InvokeRequest["data"] {
  const { bytes, http } = data;
  if (bytes) return { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
  if (http?.body?.bytes) return { http: { ...http, body: withBuffers(http.body) } };
  return data;
}

import type { FunctionMetadata, InvocationResponse, LogLevel, TypedData } from "./rpc.ts";

/**
 * What host and worker process tell each other, over the channel of a forked process. The real ones speak gRPC
 * (azure-functions-language-worker-protobuf, FunctionRpc.proto); the messages are the same ones.
 */
export type ToWorker =
  | { readonly type: "load"; readonly main: string }
  | { readonly type: "invoke"; readonly call: number; readonly request: InvokeRequest }
  /** The worker runs the app's `appTerminate` hooks; it is ended when its grace period is over. */
  | { readonly type: "terminate" };

export type FromWorker =
  | {
      readonly type: "loaded";
      readonly functions: readonly FunctionMetadata[];
      readonly capabilities: Readonly<Record<string, string>>;
    }
  | { readonly type: "notLoaded"; readonly error: string }
  | { readonly type: "log"; readonly entry: WorkerLogEntry }
  | { readonly type: "returned"; readonly call: number; readonly response: InvocationResponse }
  | { readonly type: "threw"; readonly call: number; readonly error: string }
  | { readonly type: "terminated" };

export interface InvokeRequest {
  readonly functionName: string;
  readonly triggerName: string;
  readonly invocationId: string;
  readonly data: TypedData;
  readonly triggerMetadata: Readonly<Record<string, TypedData>>;
  /** W3C traceparent; undefined where the host traces nothing. */
  readonly traceParent?: string;
}

export interface WorkerLogEntry {
  readonly level: LogLevel;
  readonly kind: "user" | "system";
  readonly message: string;
  /** Undefined outside invocations. */
  readonly invocationId?: string;
}

/**
 * The part of the protocol between the Functions host and `@azure/functions` that this host speaks.
 * Source: azure-functions-language-worker-protobuf, FunctionRpc.proto.
 */
export interface TypedData {
  readonly string?: string;
  readonly json?: string;
  readonly bytes?: Uint8Array;
  readonly int?: number;
  readonly double?: number;
  readonly http?: HttpData;
}

interface Nullable<T> {
  readonly value?: T;
}

export interface HttpData {
  readonly method?: string;
  readonly url?: string;
  readonly nullableHeaders?: Record<string, Nullable<string>>;
  readonly nullableParams?: Record<string, Nullable<string>>;
  readonly nullableQuery?: Record<string, Nullable<string>>;
  readonly statusCode?: string;
  readonly headers?: Record<string, string>;
  readonly cookies?: readonly HttpCookie[];
  readonly body?: TypedData | null;
}

export interface HttpCookie {
  readonly name: string;
  readonly value: string;
  readonly domain?: Nullable<string> | undefined;
  readonly path?: Nullable<string> | undefined;
  readonly expires?: Nullable<number | Date> | undefined;
  readonly secure?: Nullable<boolean> | undefined;
  readonly httpOnly?: Nullable<boolean> | undefined;
  readonly sameSite?: "none" | "lax" | "strict" | "explicitNone";
  readonly maxAge?: Nullable<number> | undefined;
}

/** Settings of a binding as the app registered them; unresolved, so they may hold `%SETTING%`. */
export interface Binding {
  readonly type: string;
  readonly direction: string;
  readonly [option: string]: unknown;
}

export interface FunctionMetadata {
  readonly name: string;
  readonly bindings: Readonly<Record<string, Binding>>;
  readonly retryOptions?: unknown;
}

export interface InvocationRequest {
  readonly invocationId: string;
  readonly functionId: string;
  readonly inputData: readonly { readonly name: string; readonly data: TypedData }[];
  readonly triggerMetadata: Readonly<Record<string, TypedData>>;
  /** Missing where the host traces nothing. */
  readonly traceContext?: { readonly traceParent: string };
}

export interface InvocationResponse {
  readonly returnValue?: TypedData | null;
}

export type LogLevel = "trace" | "debug" | "information" | "warning" | "error" | "critical" | "none";

export type FunctionCallback = (...inputs: unknown[]) => unknown;

export interface CoreInvocationContext {
  readonly invocationId: string;
  readonly request: InvocationRequest;
  readonly metadata: FunctionMetadata;
  state: "preInvocationHooks" | "invocation" | "postInvocationHooks" | undefined;
  log(level: LogLevel, category: "user" | "system", message: string): void;
}

export interface InvocationModel {
  getArguments(): Promise<{ readonly context: object; readonly inputs: unknown[] }>;
  invokeFunction(context: object, inputs: unknown[], callback: FunctionCallback): Promise<unknown>;
  getResponse(context: object, result: unknown): Promise<InvocationResponse>;
}

export interface ProgrammingModel {
  getInvocationModel(context: CoreInvocationContext): InvocationModel;
  getCapabilities(workerCapabilities: Record<string, string>): Promise<Record<string, string>>;
}

/**
 * Converts a value as the host does before it crosses to the worker: text and bytes as they are, the rest as JSON.
 * The library parses text that is JSON on the other side, so the text "42" arrives there as a number.
 */
export function toTypedData(value: unknown): TypedData {
  if (typeof value === "string") return { string: value };
  if (value instanceof Uint8Array) return { bytes: value };
  return { json: JSON.stringify(value) };
}

/** Trigger metadata of a dictionary; entries without a value are left out. */
export function toTriggerMetadata(values: Readonly<Record<string, unknown>>): Record<string, TypedData> {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([key, value]) => [key, toTypedData(value)]),
  );
}

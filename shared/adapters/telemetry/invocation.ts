import { AsyncLocalStorage } from "node:async_hooks";

/** What the Functions host gives to one invocation. */
export interface Invocation {
  /** Writes to the host's log, which files the line under this invocation. */
  log(line: string): void;
  /** W3C traceparent of the trace the invocation belongs to; undefined where the host traces nothing. */
  readonly traceParent: string | undefined;
}

const current = new AsyncLocalStorage<Invocation>();

/** Runs work so that its events and the messages it sends belong to the invocation, however deep they come from. */
export function withinInvocation<T>(invocation: Invocation, work: () => T): T {
  return current.run(invocation, work);
}

/** Runs work below a span of its own: what it sends belongs to that span, its events go on belonging to the invocation. */
export function withinSpan<T>(traceParent: string, work: () => T): T {
  const invocation = current.getStore();
  return invocation === undefined ? work() : current.run({ ...invocation, traceParent }, work);
}

/** traceparent of the invocation, or of the span within it, that runs here. @see https://www.w3.org/TR/trace-context/#traceparent-header */
export function currentTraceParent(): string | undefined {
  return current.getStore()?.traceParent;
}

/**
 * Writes one event as a line of JSON that begins with its name: in a traced invocation to the host's log, which gives the
 * line the trace's id, elsewhere to the standard output.
 */
export function logEvent(
  event: string,
  fields: Readonly<Record<string, string | number | boolean | undefined>>,
): void {
  const line = JSON.stringify({ event, ...fields });
  const invocation = current.getStore();
  if (invocation?.traceParent === undefined) console.log(line);
  else invocation.log(line);
}

import { AsyncLocalStorage } from "node:async_hooks";
import { parseTraceParent } from "./trace-parent.ts";

/** One call of a function by the host. */
export interface Invocation {
  /** Writes to the host's log, which files the line under this invocation. */
  log(line: string): void;
  /** W3C traceparent of the trace the invocation belongs to. */
  readonly traceParent: string;
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
 * Writes one event as a line of JSON that begins with its name: within an invocation to the host's log and with the id of
 * its trace, which the host need not know, elsewhere to the standard output.
 */
export function logEvent(
  event: string,
  fields: Readonly<Record<string, string | number | boolean | undefined>>,
): void {
  const invocation = current.getStore();
  if (invocation === undefined) console.log(JSON.stringify({ event, ...fields }));
  else
    invocation.log(
      JSON.stringify({ event, ...fields, trace: parseTraceParent(invocation.traceParent)?.traceId }),
    );
}

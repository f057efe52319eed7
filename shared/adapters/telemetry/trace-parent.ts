import { randomBytes } from "node:crypto";

/** A place in a trace. @see https://www.w3.org/TR/trace-context/#traceparent-header */
export interface TraceParent {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Bit 0: sampled. */
  readonly traceFlags: number;
}

const form = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})/;

/** Undefined for what is no traceparent. */
export function parseTraceParent(text: string | undefined): TraceParent | undefined {
  const [, traceId, spanId, flags] = form.exec(text ?? "") ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) };
}

export function formatTraceParent({ traceId, spanId, traceFlags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

/**
 * The traceparent of an invocation. The trace that travelled with its message goes on, whatever the host makes of it:
 * hosts before August 2026 begin a new one for each message of a session. Without any it begins one, sampled.
 * @param host what the host gives; a span of the message's own trace is nearer than the message's.
 * @param message what the message carries.
 */
export function traceParentOf(host: string | undefined, message: string | undefined): string {
  const [given, carried] = [parseTraceParent(host), parseTraceParent(message)];
  const chosen = carried !== undefined && carried.traceId !== given?.traceId ? carried : given;
  return formatTraceParent(chosen ?? newTrace());
}

function newTrace(): TraceParent {
  return { traceId: digits(16), spanId: digits(8), traceFlags: 1 };
}

function digits(bytes: number): string {
  return randomBytes(bytes).toString("hex");
}

import { type Instrumenter, type TracingSpan, useInstrumenter } from "@azure/core-tracing";
import { currentTraceParent } from "./invocation.ts";

/** The host makes the spans: one here only says that there is a trace to pass on. */
const passingOn: TracingSpan = {
  isRecording: () => currentTraceParent() !== undefined,
  setStatus() {},
  setAttribute() {},
  recordException() {},
  end() {},
};

/** Clients keep values of theirs in the context that they hand from call to call. */
class Context {
  readonly #values: ReadonlyMap<symbol, unknown>;

  constructor(values: ReadonlyMap<symbol, unknown> = new Map()) {
    this.#values = values;
  }

  getValue(key: symbol): unknown {
    return this.#values.get(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return new Context(new Map([...this.#values, [key, value]]));
  }

  deleteValue(key: symbol): Context {
    return new Context(new Map([...this.#values].filter(([other]) => other !== key)));
  }
}

const instrumenter: Instrumenter = {
  startSpan: (_name, { tracingContext = new Context() }) => ({ span: passingOn, tracingContext }),
  withContext: (_context, callback, ...given) => callback(...given),
  parseTraceparentHeader: () => undefined,
  createRequestHeaders: () => {
    const traceparent = currentTraceParent();
    return traceparent === undefined ? {} : { traceparent };
  },
};

/**
 * Makes every Azure client of this process pass on the trace of the invocation that uses it: Service Bus messages carry
 * it, so that the invocation they start belongs to the same trace. Repeatable.
 */
export function propagateTraces(): void {
  useInstrumenter(instrumenter);
}

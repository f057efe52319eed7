import { setTimeout as sleep } from "node:timers/promises";
import type { TokenCredential } from "@azure/identity";
import { AzureMonitorMetricExporter, AzureMonitorTraceExporter } from "@azure/monitor-opentelemetry-exporter";
import {
  type Attributes,
  type Context,
  type Counter,
  type Gauge,
  type Meter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  type Sampler,
  SamplingDecision,
  type SamplingResult,
} from "@opentelemetry/sdk-trace-base";
import { currentTraceParent, withinSpan } from "./invocation.ts";
import { type InstrumentName, instruments, type Measure } from "./measures.ts";
import { formatTraceParent, parseTraceParent } from "./trace-parent.ts";

export interface ApplicationInsightsSettings {
  readonly connectionString: string;
  /** Identity that may publish; without one the key in the connection string has to do, which Azure need not accept. */
  readonly credential?: TokenCredential | undefined;
  /** Of so many spans of one message, about one is kept, 1 for all. */
  readonly messageSpanInterval: number;
}

/** Spans and metrics of this process on their way to Application Insights. */
export interface ApplicationInsights {
  record(measure: Measure): void;
  /** Runs work as a span below the one that runs here; without a sampled trace just runs it. */
  span<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T>;
  /** Sends what is waiting, for a few seconds at most. Calls at the same time share a request. Never throws. */
  flush(): Promise<void>;
}

const scope = "imap-to-m365";
const metricIntervalMs = 60_000;
/** A step must not wait longer for its measures, which the next flush sends as well. */
const flushTimeoutMs = 5_000;
/** Spans of one message each; all others are few. */
const messageSpan = "message.write";
/** Percentage of like spans that this one stands for; Application Insights counts by it. */
const sampleRate = "microsoft.sample_rate";

/** Starts sending; nothing is kept on disk, since a worker's disk goes with it. */
export function startApplicationInsights(settings: ApplicationInsightsSettings): ApplicationInsights {
  const { connectionString, credential } = settings;
  const options = {
    connectionString,
    disableOfflineStorage: true,
    ...(credential === undefined ? {} : { credential }),
  };
  const resource = resourceFromAttributes({ "service.name": scope });
  const tracers = new BasicTracerProvider({
    resource,
    sampler: new HostDecides(settings.messageSpanInterval),
    spanProcessors: [new BatchSpanProcessor(new AzureMonitorTraceExporter(options))],
  });
  const meters = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new AzureMonitorMetricExporter(options),
        exportIntervalMillis: metricIntervalMs,
      }),
    ],
  });
  const recorders = recordersOf(meters.getMeter(scope));
  const tracer = tracers.getTracer(scope);
  return {
    record: ({ name, value, attributes }) => recorders[name](value, attributes),
    span: (name, attributes, work) => runSpan(tracer, name, attributes, work),
    flush: shared(async () => {
      await Promise.race([
        Promise.allSettled([tracers.forceFlush(), meters.forceFlush()]),
        sleep(flushTimeoutMs, undefined, { ref: false }),
      ]);
    }),
  };
}

/** Calls that come while one runs share the next run, which sends what they waited for. */
function shared(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const run = (): Promise<void> => {
    running = work().finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    if (running === undefined) return run();
    next ??= running.then(() => {
      next = undefined;
      return run();
    });
    return next;
  };
}

function recordersOf(meter: Meter) {
  const entries = Object.entries(instruments).map(([name, { kind, unit }]) => {
    const instrument: Counter | Gauge =
      kind === "sum" ? meter.createCounter(name, { unit }) : meter.createGauge(name, { unit });
    const record = (value: number, attributes: Attributes): void =>
      "add" in instrument ? instrument.add(value, attributes) : instrument.record(value, attributes);
    return [name, record] as const;
  });
  return Object.fromEntries(entries) as Record<InstrumentName, (typeof entries)[number][1]>;
}

async function runSpan<T>(
  tracer: Tracer,
  name: string,
  attributes: Attributes,
  work: () => Promise<T>,
): Promise<T> {
  const parent = parseTraceParent(currentTraceParent());
  if (parent === undefined) return work();
  const context = trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
  const kind = name === messageSpan ? SpanKind.CLIENT : SpanKind.INTERNAL;
  const span = tracer.startSpan(name, { kind, attributes }, context);
  if (!span.isRecording()) return work();
  try {
    return await withinSpan(formatTraceParent(span.spanContext()), work);
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}

/** Traces are sampled where they begin, by the host if it traces; of the spans of single messages only some are kept on top of that. */
class HostDecides implements Sampler {
  readonly #interval: number;
  #seen = 0;

  constructor(interval: number) {
    this.#interval = interval;
  }

  shouldSample(context: Context, _traceId: string, name: string): SamplingResult {
    const flags = trace.getSpanContext(context)?.traceFlags ?? 0;
    if ((flags & 1) === 0) return { decision: SamplingDecision.NOT_RECORD };
    if (name !== messageSpan) return { decision: SamplingDecision.RECORD_AND_SAMPLED };
    const kept = this.#seen++ % this.#interval === 0;
    return kept
      ? {
          decision: SamplingDecision.RECORD_AND_SAMPLED,
          attributes: { [sampleRate]: 100 / this.#interval },
        }
      : { decision: SamplingDecision.NOT_RECORD };
  }

  toString(): string {
    return `HostDecides(${this.#interval})`;
  }
}

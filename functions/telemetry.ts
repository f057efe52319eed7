import { app, type PreInvocationContext } from "@azure/functions";
import { flushTelemetry, withinInvocation } from "../shared/composition.ts";

/** Runs each handler inside its invocation, so that events and messages belong to the invocation's trace. */
export function onInvocation(context: PreInvocationContext): void {
  const { functionHandler, invocationContext } = context;
  const invocation = {
    log: (line: string) => invocationContext.log(line),
    traceParent: invocationContext.traceContext?.traceParent,
  };
  context.functionHandler = (...given) => withinInvocation(invocation, () => functionHandler(...given));
}

app.hook.preInvocation(onInvocation);
app.hook.appTerminate(flushTelemetry);

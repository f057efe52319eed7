import { app, type PreInvocationContext } from "@azure/functions";
import { z } from "zod";
import { endProcess, traceParentOf, withinInvocation } from "../shared/composition.ts";

/** Of a Service Bus message: what its sender has put on it. */
const metadataSchema = z.object({ applicationProperties: z.object({ traceparent: z.string() }) });

/** Runs each handler inside its invocation, so that events and messages belong to the trace of what caused it. */
export function onInvocation(context: PreInvocationContext): void {
  const { functionHandler, invocationContext } = context;
  const { triggerMetadata, traceContext } = invocationContext;
  const message = metadataSchema.safeParse(triggerMetadata).data?.applicationProperties.traceparent;
  const invocation = {
    log: (line: string) => invocationContext.log(line),
    traceParent: traceParentOf(traceContext?.traceParent, message),
  };
  context.functionHandler = (...given) => withinInvocation(invocation, () => functionHandler(...given));
}

app.hook.preInvocation(onInvocation);
app.hook.appTerminate(endProcess);

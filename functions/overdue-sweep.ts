import { app, type PreInvocationContext } from "@azure/functions";
import { sweeps } from "../shared/composition.ts";

/** The janitor's own triggers, and what anybody may ask for. */
const others = new Set(["janitor", "janitor-message", "health", "health-details"]);

/** After its work every trigger looks whether the janitor's timer has stopped, which timers have done for good before. */
export function minded(context: PreInvocationContext): void {
  const { functionHandler, invocationContext } = context;
  const { functionName, options } = invocationContext;
  if (others.has(functionName)) return;
  const isRequest = options.trigger.type === "httpTrigger";
  context.functionHandler = async (...given) => {
    const result = await functionHandler(...given);
    await mindSweeps(isRequest);
    return result;
  };
}

/** Whoever waits for an answer does not wait for a sweep. What is missing for one shows in the health of the app. */
async function mindSweeps(isRequest: boolean): Promise<void> {
  const built = await sweeps().catch(() => undefined);
  await (isRequest ? built?.wakeIfOverdue() : built?.ifOverdue());
}

app.hook.preInvocation(minded);

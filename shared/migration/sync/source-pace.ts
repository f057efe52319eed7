import type { Endpoint } from "../../domain/endpoint.ts";
import { MigrationError } from "../../domain/errors.ts";
import type { EndpointName } from "../../domain/names.ts";
import type { SourceBudget } from "../admission/source-budget.ts";
import { hasRates, portionOf } from "../admission/source-debt.ts";
import type { Portion } from "../ports/source-debt-store.ts";
import type { Clock } from "../runtime.ts";

/** While a step waits it looks so often whether it has to end, in milliseconds. */
const lookMs = 1_000;

/** How fast a step may read messages of its source. */
export interface SourcePace {
  /** True if there may be something to wait for. */
  readonly waits: boolean;
  /** As much as is to be asked for at once; a single message may be more. */
  readonly portion: Portion;
  /**
   * Waits until so much may be read; it is reserved then.
   * @returns undefined, or the pause to be thrown where its turn comes after the step's time: then nothing is reserved.
   * @throws what the step has to end for, and MigrationError where the store is away.
   */
  take(messages: number, bytes: number): Promise<MigrationError | undefined>;
  /** Counts what was read without being asked for: whoever reads next waits for it. Never throws. */
  settle(): Promise<void>;
}

/**
 * The pace of one step.
 * @param step.until when its time is over, milliseconds since 1970. @param step.unpaid gives, once, the bytes that were
 * read beside what was asked for.
 */
export function createSourcePace(
  budget: SourceBudget,
  name: EndpointName,
  endpoint: Endpoint,
  step: {
    readonly until: number;
    readonly unpaid: () => number;
    readonly checkpoint: () => void;
    readonly clock: Clock;
  },
): SourcePace {
  const { until, unpaid, checkpoint, clock } = step;
  const portion = portionOf(endpoint);
  if (!hasRates(endpoint))
    return { waits: false, portion, take: async () => undefined, settle: async () => undefined };
  let beside = 0;
  return {
    waits: true,
    portion,
    async take(messages, bytes) {
      beside += unpaid();
      const at = await budget.reserve(name, endpoint, { messages, bytes: bytes + beside }, until);
      if (at > until) return rateReached(name, at - clock());
      beside = 0;
      for (let left = at - clock(); left > 0; left = at - clock()) {
        await new Promise((resolve) => setTimeout(resolve, Math.min(left, lookMs)));
        checkpoint();
      }
      return undefined;
    },
    async settle() {
      beside += unpaid();
      if (beside === 0) return;
      // Nothing is lost where it cannot be noted but a moment's rest of the source.
      await budget.charge(name, endpoint, { messages: 0, bytes: beside }).catch(() => undefined);
    },
  };
}

function rateReached(name: EndpointName, retryAfterMs: number): MigrationError {
  return new MigrationError(
    "throttled",
    "SourceRateReached",
    `As much was read as maxBytesPerSecond and maxMessagesPerSecond of the endpoint ${name} allow for now. It goes on by itself.`,
    { retryAfterMs },
  );
}

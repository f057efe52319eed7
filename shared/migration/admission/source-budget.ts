import { MigrationError } from "../../domain/errors.ts";
import type { EndpointName } from "../../domain/names.ts";
import type { Portion, SourceDebtStore } from "../ports/source-debt-store.ts";
import type { Clock } from "../runtime.ts";
import { charged, reserved, type SourceRates } from "./source-debt.ts";
import { Turns } from "./turns.ts";

/** Races for the row that are lost before a reservation is given up. */
const maxTries = 50;

/** What may be read of endpoints with rates. */
export interface SourceBudget {
  /**
   * Reserves a portion, in any number of processes: what is reserved later may be read later.
   * @param until milliseconds since 1970: if it may not be read before this, nothing is reserved.
   * @returns when it may be read, milliseconds since 1970.
   * @throws MigrationError `transient` or `throttled` if the store is away.
   */
  reserve(endpoint: EndpointName, rates: SourceRates, wanted: Portion, until: number): Promise<number>;
  /** Counts what was read already: whatever is reserved from now on may be read later. @throws as `reserve`. */
  charge(endpoint: EndpointName, rates: SourceRates, read: Portion): Promise<void>;
}

interface Ask {
  readonly rates: SourceRates;
  readonly portion: Portion;
  /** Undefined for what was read already. */
  readonly until: number | undefined;
  at: number;
}

/** Reservations of one process that come together are one read and one write of the endpoint's row. */
export function createSourceBudget(store: SourceDebtStore, clock: Clock): SourceBudget {
  const turns = new Map<EndpointName, Turns<Ask>>();

  async function serve(endpoint: EndpointName, asks: readonly Ask[]): Promise<void> {
    for (let tries = 1; tries <= maxTries; tries++) {
      const stored = await store.get(endpoint);
      const now = clock();
      let debt = stored?.value;
      let isChanged = false;
      for (const ask of asks) {
        const { rates, portion, until } = ask;
        if (until === undefined) debt = charged(debt, rates, portion, now);
        else ({ at: ask.at, debt } = reserved(debt, rates, portion, now, until));
        isChanged ||= until === undefined || ask.at <= until;
      }
      if (!isChanged || debt === undefined) return;
      if (await store.replace(endpoint, { value: debt, version: stored?.version ?? "" })) return;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20 * tries));
    }
    throw new MigrationError(
      "transient",
      "SourceBudgetContended",
      "Too many workers read from one endpoint at once.",
    );
  }

  async function ask(endpoint: EndpointName, asked: Ask): Promise<void> {
    const known = turns.get(endpoint) ?? new Turns<Ask>((asks) => serve(endpoint, asks));
    turns.set(endpoint, known);
    await known.ask(asked);
  }

  return {
    async reserve(endpoint, rates, portion, until) {
      const asked = { rates, portion, until, at: 0 };
      await ask(endpoint, asked);
      return asked.at;
    },
    charge: (endpoint, rates, portion) => ask(endpoint, { rates, portion, until: undefined, at: 0 }),
  };
}

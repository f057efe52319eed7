import type { EndpointName } from "../../domain/names.ts";
import type { Versioned } from "./registry.ts";

/** Messages, and their bytes. */
export interface Portion {
  readonly bytes: number;
  readonly messages: number;
}

/** What was read of an endpoint, or is about to be, and the rates of the endpoint have not made up for yet. */
export interface SourceDebt extends Portion {
  /** When it was so much, milliseconds since 1970: it shrinks from then on. */
  readonly asOf: number;
}

/** One row an endpoint that has rates. All methods throw MigrationError. */
export interface SourceDebtStore {
  get(endpoint: EndpointName): Promise<Versioned<SourceDebt> | undefined>;
  /** @param version empty where there was none. @returns false if it changed since. */
  replace(endpoint: EndpointName, debt: Versioned<SourceDebt>): Promise<boolean>;
}

/** Milliseconds since 1970. */
export type Clock = () => number;

/**
 * Writes one event with its fields: ids, hashes, counts and durations only, never content, addresses or secrets.
 * The names are listed in infra/README.md, where queries and alerts use them.
 */
export type Log = (
  event: string,
  fields: Readonly<Record<string, string | number | boolean | undefined>>,
) => void;

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

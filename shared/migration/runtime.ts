/** Milliseconds since 1970. */
export type Clock = () => number;

export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * Writes one event with its fields: ids, hashes, counts and durations only, never content, addresses or secrets.
 * The names are listed in infra/docs/monitoring.md, where queries and alerts use them.
 */
export type Log = (event: string, fields: Fields) => void;

/** Runs work as a span of the trace it belongs to, if that is sampled. The same holds for its fields. */
export type Trace = <T>(span: string, fields: Fields, work: () => Promise<T>) => Promise<T>;
export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** Logs where an error came from that nobody foresaw. Its text is left out: nobody knows what it holds. */
export function logCrash(log: Log, event: string, fields: Fields, error: unknown): void {
  const frames =
    error instanceof Error ? (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line)) : [];
  log(event, {
    ...fields,
    error: error instanceof Error ? error.name : typeof error,
    stack: frames.slice(0, 8).join("\n"),
  });
}

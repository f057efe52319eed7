import type { LogLevel } from "./rpc.ts";

const severities: Readonly<Record<LogLevel, number>> = {
  trace: 0,
  debug: 1,
  information: 2,
  warning: 3,
  error: 4,
  critical: 5,
  none: 6,
};

export type Log = (
  level: Exclude<LogLevel, "none">,
  category: string,
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

/**
 * A log that writes each event as one line of JSON.
 * @param levels host.json `logging.logLevel`: category prefix, or "default", to the lowest level that is written.
 *   The longest matching prefix decides.
 */
export function createLog(
  levels: Readonly<Record<string, LogLevel>>,
  write: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
): Log {
  const prefixes = Object.keys(levels)
    .filter((prefix) => prefix !== "default")
    .sort((a, b) => b.length - a.length);
  const lowest = (category: string): LogLevel =>
    levels[
      prefixes.find((prefix) => category === prefix || category.startsWith(`${prefix}.`)) ?? "default"
    ] ?? "information";
  return (level, category, message, fields = {}) => {
    if (severities[level] < severities[lowest(category)]) return;
    write(JSON.stringify({ time: new Date().toISOString(), level, category, message, ...fields }));
  };
}

/** Text of anything thrown, for a log line. */
export function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

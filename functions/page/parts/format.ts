/*
 * Numbers and times as people read them, in their own language and zone. Pure but for the zone.
 */

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const units = ["B", "kB", "MB", "GB", "TB", "PB"] as const;

export function count(number: number): string {
  return whole.format(number);
}

/** `1 mailbox`, `1,204 mailboxes`. */
export function counted(number: number, one: string, many: string): string {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** Bytes in steps of a thousand, three digits at most: `0 B`, `12.4 MB`. */
export function bytes(size: number): string {
  const step = size < 1 ? 0 : Math.min(Math.floor(Math.log10(size) / 3), units.length - 1);
  const value = size / 1000 ** step;
  const digits = step === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: digits }).format(value)} ${units[step]}`;
}

/** A span of time in its two largest units: `3 d 4 h`, `12 min`, `40 s`. @param ms milliseconds. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first === -1) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(" ");
}

/** How long ago, or until when, roughly: `just now`, `5 min ago`, `in 2 h`. @param now milliseconds since 1970. */
export function relative(instant: string, now: number): string {
  const ms = now - Date.parse(instant);
  const [size, unit] =
    Math.abs(ms) < 3_600_000
      ? [60_000, "min"]
      : Math.abs(ms) < 172_800_000
        ? [3_600_000, "h"]
        : [86_400_000, "days"];
  const units = Math.round(Math.abs(ms) / Number(size));
  if (units === 0) return ms < 0 ? "within a minute" : "just now";
  return ms < 0 ? `in ${units} ${unit}` : `${units} ${unit} ago`;
}

/** Date and time in the reader's language and zone. */
export function dateTime(instant: string): string {
  return new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" }).format(
    Date.parse(instant),
  );
}

export function clockTime(instant: string): string {
  return new Intl.DateTimeFormat(undefined, { timeStyle: "medium" }).format(Date.parse(instant));
}

/** The same instant for logs and colleagues elsewhere. */
export function utc(instant: string): string {
  return `${new Date(instant).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `SyncedWithErrors` as `Synced with errors`. */
export function words(name: string): string {
  const spaced = name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, " ");
  return spaced.charAt(0) + spaced.slice(1).replace(/[A-Z](?=[a-z])/g, (letter) => letter.toLowerCase());
}

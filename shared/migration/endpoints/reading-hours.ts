import type { ReadingHours } from "../../domain/endpoint.ts";
import { MigrationError } from "../../domain/errors.ts";
import type { EndpointName } from "../../domain/names.ts";
import { day, minute } from "../runtime.ts";

const minutesOfDay = day / minute;
/** Clocks are changed by less than this between two looks, in minutes. */
const longestStep = 60;

/**
 * When an endpoint may be read again. The hours are those that the clocks of their zone show: an hour that is skipped in
 * spring does not come, and one that is repeated in autumn comes twice. Pure.
 * @param now milliseconds since 1970.
 * @returns milliseconds since 1970; undefined if it may be read now.
 */
export function opensAt({ from, to, timeZone }: ReadingHours, now: number): number | undefined {
  const begin = minutesOf(from);
  const length = distance(begin, minutesOf(to));
  const isOpen = (clock: number) => distance(begin, clock) < length;
  let at = Math.floor(now / minute) * minute;
  let clock = clockAt(timeZone, at);
  if (isOpen(clock)) return undefined;
  while (!isOpen(clock)) {
    const step = Math.min(distance(clock, begin), longestStep);
    const next = clockAt(timeZone, at + step * minute);
    // Where the clocks are changed in between each minute is looked at.
    const isEven = distance(clock, next) === step;
    at += (isEven ? step : 1) * minute;
    clock = isEven ? next : clockAt(timeZone, at);
  }
  return at;
}

/** The pause of what an endpoint may not be read for now. Pure. @param at when that is over, as `now` milliseconds since 1970. */
export function outsideReadingHours(
  name: EndpointName,
  { from, to, timeZone }: ReadingHours,
  at: number,
  now: number,
): MigrationError {
  return new MigrationError(
    "throttled",
    "OutsideReadingHours",
    `The endpoint ${name} is read from ${from} to ${to} (${timeZone}) alone. It goes on at ${new Date(at).toISOString()}.`,
    { retryAfterMs: at - now },
  );
}

/** Minutes from one time of the day to the next time that the clocks show the other. */
function distance(from: number, to: number): number {
  return (((to - from) % minutesOfDay) + minutesOfDay) % minutesOfDay;
}

function minutesOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(":").map(Number);
  return hours * 60 + minutes;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the clocks of a zone show, in minutes of the day. */
function clockAt(timeZone: string, at: number): number {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-GB", { timeZone, timeStyle: "short", hourCycle: "h23" });
    formats.set(timeZone, format);
  }
  return minutesOf(format.format(at));
}

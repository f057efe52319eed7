import { parseMailDate } from "../../domain/mail-date.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DATE_TIME = /^\s?(\d{1,2})-([A-Za-z]{3})-(\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/;
const DAY_MS = 86_400_000;

/**
 * Reads an INTERNALDATE (date-time of RFC 9051, section 9).
 * @returns the instant, or undefined if the server sent something else.
 */
export function parseDateTime(text: string): Date | undefined {
  return readDateTime(text) ?? parseMailDate(text);
}

/** False for a date of 1899 or of 1970, which servers send for one that they do not know. */
export function isKnown(date: Date | undefined): date is Date {
  return date !== undefined && date.getUTCFullYear() > 1970;
}

function readDateTime(text: string): Date | undefined {
  const match = DATE_TIME.exec(text);
  if (!match) return undefined;
  const [, day, monthName, year, hour, minute, second, sign, zoneHours, zoneMinutes] = match;
  const month = MONTHS.findIndex((name) => name.toLowerCase() === monthName?.toLowerCase());
  const zone = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === "-" ? -1 : 1);
  if (month < 0) return undefined;
  return new Date(
    Date.UTC(Number(year), month, Number(day), Number(hour), Number(minute), Number(second)) - zone * 60_000,
  );
}

/** The instant as an IMAP date-time in UTC, whole seconds. Years beyond four digits are held to 0001 and 9999. */
export function formatDateTime(instant: Date): string {
  const year = Math.min(9999, Math.max(1, instant.getUTCFullYear()));
  const time = [instant.getUTCHours(), instant.getUTCMinutes(), instant.getUTCSeconds()].map(twoDigits);
  const day = String(instant.getUTCDate()).padStart(2, " ");
  return `${day}-${MONTHS[instant.getUTCMonth()]}-${String(year).padStart(4, "0")} ${time.join(":")} +0000`;
}

/**
 * Days for SEARCH SINCE and BEFORE that hold every message of an interval. IMAP compares the date in the message's
 * own time zone (RFC 9051, 6.4.4), which may be a day off UTC either way.
 */
export function searchDay(instantMs: number, shiftDays: number): string {
  const day = new Date(instantMs + shiftDays * DAY_MS);
  return `${day.getUTCDate()}-${MONTHS[day.getUTCMonth()]}-${String(day.getUTCFullYear()).padStart(4, "0")}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

/** Dates Exchange can hold: a FILETIME, and below the year it uses for "none". */
const earliest = Date.UTC(1601, 0, 2);
const latest = Date.UTC(4500, 0, 1);

const maxDateLength = 256;

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Minutes from UTC of the names of RFC 5322, 4.3. Military zones mean nothing reliable and count as UTC. */
const zones: Readonly<Record<string, number>> = {
  est: -300,
  edt: -240,
  cst: -360,
  cdt: -300,
  mst: -420,
  mdt: -360,
  pst: -480,
  pdt: -420,
  cet: 60,
  cest: 120,
  met: 60,
  mest: 120,
  bst: 60,
};

const mailDate =
  /(?:^|[\s,])(\d{1,2})[\s-]+([A-Za-z]{3})[A-Za-z]*\.?[\s-]+(\d{2,4})[\s,]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?:[.,]\d+)?\s*([+-]\s?\d{1,2}:?\d{2}|[A-Za-z]{1,5})?/;
const ctimeDate =
  /^\w{3}\s+([A-Za-z]{3})\s+(\d{1,2})\s+(\d{1,2}):(\d{2}):(\d{2})(?:\s+([A-Za-z]{1,5}|[+-]\d{4}))?\s+(\d{4})/;

/**
 * Reads a Date field: RFC 5322 with its obsolete forms, ctime, ISO 8601, and the usual mistakes.
 * @returns undefined for what is no date or one that Exchange cannot hold.
 */
export function parseMailDate(value: string | undefined): Date | undefined {
  if (value === undefined) return undefined;
  const text = value
    .slice(0, maxDateLength)
    .replace(/\([^()]*\)/g, " ")
    .trim();
  const mail = mailDate.exec(text);
  if (mail !== null) {
    const [, day, month, year, hour, minute, second, zone] = mail;
    return fromFields(year, month, day, hour, minute, second, zone);
  }
  const ctime = ctimeDate.exec(text);
  if (ctime !== null) {
    const [, month, day, hour, minute, second, zone, year] = ctime;
    return fromFields(year, month, day, hour, minute, second, zone);
  }
  if (/^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/.test(text)) {
    const iso = new Date(/(?:Z|[+-]\d{2}:?\d{2})$/.test(text) ? text : `${text}Z`);
    return storableDate(iso);
  }
  return undefined;
}

/** The date itself if Exchange can hold it. */
export function storableDate(date: Date | undefined): Date | undefined {
  const time = date?.getTime() ?? Number.NaN;
  return time >= earliest && time < latest ? date : undefined;
}

function fromFields(
  yearText: string | undefined,
  monthText: string | undefined,
  dayText: string | undefined,
  hourText: string | undefined,
  minuteText: string | undefined,
  secondText: string | undefined,
  zoneText: string | undefined,
): Date | undefined {
  const month = months.indexOf((monthText ?? "").toLowerCase());
  const [day, hour, minute, second] = [dayText, hourText, minuteText, secondText ?? "0"].map(Number);
  if (month === -1 || day === undefined || hour === undefined || minute === undefined || second === undefined)
    return undefined;
  if (day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) return undefined;
  const utc = new Date(0);
  utc.setUTCFullYear(fullYear(yearText ?? ""), month, day);
  utc.setUTCHours(hour, minute, second);
  return storableDate(new Date(utc.getTime() - zoneMinutes(zoneText) * 60_000));
}

/** Two and three digits as RFC 5322, 4.3 reads them. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return digits.length === 3 ? 1900 + year : year;
}

function zoneMinutes(zone: string | undefined): number {
  if (zone === undefined) return 0;
  const [, sign, hours, minutes] = /^([+-])\s?(\d{1,2}):?(\d{2})$/.exec(zone) ?? [];
  if (sign === undefined) return zones[zone.toLowerCase()] ?? 0;
  const offset = Number(hours) * 60 + Number(minutes);
  // An offset beyond a day is a mistake, not a place.
  if (offset >= 24 * 60) return 0;
  return sign === "-" ? -offset : offset;
}

/** The form extended properties of type SystemTime take; whole seconds, as message headers have them. */
export function systemTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

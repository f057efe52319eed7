const maxDateLength = 256;

/** English first; those of other languages are written by programs that translate what they should not. */
const monthNames: readonly (readonly string[])[] = [
  ["jan", "ene", "gen", "янв"],
  ["feb", "fév", "fev", "фев"],
  ["mar", "mär", "mrz", "мар", "maa", "mrt"],
  ["apr", "avr", "abr", "апр"],
  ["may", "mai", "maj", "mag", "mei", "май"],
  ["jun", "juin", "giu", "июн"],
  ["jul", "juil", "lug", "июл"],
  ["aug", "aoû", "aou", "ago", "авг"],
  ["sep", "set", "сен"],
  ["oct", "okt", "out", "ott", "окт"],
  ["nov", "ноя"],
  ["dec", "dez", "déc", "dic", "дек"],
];

/** Minutes from UTC of the names of RFC 5322, 4.3, and of others that mean one place. */
const zones: ReadonlyMap<string, number> = new Map([
  ["ut", 0],
  ["utc", 0],
  ["gmt", 0],
  ["z", 0],
  ["wet", 0],
  ["west", 60],
  ["bst", 60],
  ["cet", 60],
  ["met", 60],
  ["mez", 60],
  ["cest", 120],
  ["mest", 120],
  ["mesz", 120],
  ["eet", 120],
  ["sast", 120],
  ["eest", 180],
  ["msk", 180],
  ["msd", 240],
  ["hkt", 480],
  ["sgt", 480],
  ["awst", 480],
  ["jst", 540],
  ["kst", 540],
  ["aest", 600],
  ["aedt", 660],
  ["nzst", 720],
  ["nzdt", 780],
  ["brt", -180],
  ["ast", -240],
  ["adt", -180],
  ["est", -300],
  ["edt", -240],
  ["cst", -360],
  ["cdt", -300],
  ["mst", -420],
  ["mdt", -360],
  ["pst", -480],
  ["pdt", -420],
  ["akst", -540],
  ["akdt", -480],
  ["hst", -600],
]);

/** Names that hold both halves of a year. */
const twofoldZone = /^(?:est5edt|cst6cdt|mst7mdt|pst8pdt)$/i;

const time = String.raw`(\d{1,2})[:.h](\d{1,2})(?:[:.](\d{1,2}))?(?:[.,]\d{1,9})?`;
const zone = String.raw`(?:\s*([AaPp]\.?[Mm]\b\.?))?(?:\s*((?:GMT|UTC?)?[+-]\s?\d{1,2}:?\d{2}|(?:GMT|UTC?)[+-]\d{1,2}|[A-Za-z]{1,5}(?:\d[A-Za-z]{3})?))?`;
const monthWord = String.raw`(\p{L}{3,12})\.?`;

/** Day, month, year, then the time: RFC 5322 and what looks like it. */
const mailDate = new RegExp(
  String.raw`(?:^|[\s,.])(\d{1,2})\.?(?:\s|-|/|de\s){1,5}${monthWord}(?:\s|-|/|,|de\s){1,5}(\d{2,4})[\s,]{1,5}(?:at\s|um\s)?${time}${zone}`,
  "u",
);
/** Month, day, then the year before or after the time: ctime, and the long form of American programs. */
const ctimeDate = new RegExp(
  String.raw`(?:^|\s)${monthWord}\s{1,5}(\d{1,2})\s{1,5}${time}(?:\s{1,5}([A-Za-z]{1,5}|[+-]\d{4}))?\s{1,5}(\d{4})`,
  "u",
);
const longDate = new RegExp(
  String.raw`(?:^|\s)${monthWord}\s{1,5}(\d{1,2}),\s{0,5}(\d{4}),?\s{1,5}(?:at\s)?${time}${zone}`,
  "u",
);
const isoDate = new RegExp(String.raw`^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[T ]\s{0,3}${time}${zone}`, "u");

export interface MailDate {
  readonly date: Date;
  /** It names no zone, or one that means nothing reliable, and was read as UTC. */
  readonly guessed: boolean;
}

interface Fields {
  readonly year: string | undefined;
  readonly month: number;
  readonly day: string | undefined;
  readonly hour: string | undefined;
  readonly minute: string | undefined;
  readonly second: string | undefined;
  readonly half?: string | undefined;
  readonly zone: string | undefined;
}

/**
 * Reads a Date field: RFC 5322 with its obsolete forms, ctime, ISO 8601, and the usual mistakes. What names no zone is UTC,
 * wherever it is read.
 * @returns undefined for what is no date.
 */
export function readMailDate(value: string | undefined): MailDate | undefined {
  const text = withoutComments((value ?? "").slice(0, maxDateLength)).trim();
  const [, day, month, year, hour, minute, second, half, zone] = mailDate.exec(text) ?? [];
  if (day !== undefined)
    return fromFields({ year, month: monthOf(month), day, hour, minute, second, half, zone });
  return readCtime(text) ?? readLong(text) ?? readIso(text);
}

/** The date alone. */
export function parseMailDate(value: string | undefined): Date | undefined {
  return readMailDate(value)?.date;
}

function readCtime(text: string): MailDate | undefined {
  const [, month, day, hour, minute, second, zone, year] = ctimeDate.exec(text) ?? [];
  return month === undefined
    ? undefined
    : fromFields({ year, month: monthOf(month), day, hour, minute, second, zone });
}

function readLong(text: string): MailDate | undefined {
  const [, month, day, year, hour, minute, second, half, zone] = longDate.exec(text) ?? [];
  return month === undefined
    ? undefined
    : fromFields({ year, month: monthOf(month), day, hour, minute, second, half, zone });
}

function readIso(text: string): MailDate | undefined {
  const [, year, month, day, hour, minute, second, half, zone] = isoDate.exec(text) ?? [];
  return month === undefined
    ? undefined
    : fromFields({ year, month: Number(month) - 1, day, hour, minute, second, half, zone });
}

/** Comments may be nested (RFC 5322, 3.2.2). */
function withoutComments(text: string): string {
  let depth = 0;
  let out = "";
  for (const char of text) {
    if (char === "(") depth++;
    else if (char === ")") depth = Math.max(0, depth - 1);
    else if (depth === 0) out += char;
    if (char === ")" && depth === 0) out += " ";
  }
  return out;
}

/** @returns -1 for what is no month. */
function monthOf(word: string | undefined): number {
  const name = (word ?? "").toLowerCase();
  return monthNames.findIndex((names) => names.some((begin) => name.startsWith(begin)));
}

function fromFields({ year, month, day, hour, minute, second, half, zone }: Fields): MailDate | undefined {
  const [dayNumber = 0, hourNumber = 0, minuteNumber = 0, secondNumber = 0] = [
    day,
    hour,
    minute,
    second ?? "0",
  ].map(Number);
  if (month < 0 || month > 11 || dayNumber < 1 || dayNumber > 31) return undefined;
  if (hourNumber > 23 || minuteNumber > 59 || secondNumber > 60) return undefined;
  const local = new Date(0);
  local.setUTCFullYear(fullYear(year ?? ""), month, dayNumber);
  local.setUTCHours(halfDayHour(hourNumber, half), minuteNumber, secondNumber);
  const offset = zoneMinutes(zone, local);
  return { date: new Date(local.getTime() - (offset ?? 0) * 60_000), guessed: offset === undefined };
}

function halfDayHour(hour: number, half: string | undefined): number {
  if (half === undefined || hour > 12) return hour;
  return (hour % 12) + (/^p/i.test(half) ? 12 : 0);
}

/** Two and three digits as RFC 5322, 4.3 reads them. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return digits.length === 3 ? 1900 + year : year;
}

/** Minutes from UTC; undefined if the zone is missing or means nothing reliable, as those of the military do. */
function zoneMinutes(zone: string | undefined, local: Date): number | undefined {
  if (zone === undefined) return undefined;
  const [, sign, hours, minutes = "0"] = /^(?:GMT|UTC?)?([+-])\s?(\d{1,2}?):?(\d{2})?$/i.exec(zone) ?? [];
  if (sign !== undefined) {
    const offset = Number(hours) * 60 + Number(minutes);
    // An offset beyond a day is a mistake, not a place.
    if (offset >= 24 * 60) return undefined;
    return sign === "-" ? -offset : offset;
  }
  const name = zone.toLowerCase();
  if (!twofoldZone.test(zone)) return zones.get(name);
  const standard = zones.get(name.slice(0, 3)) ?? 0;
  return isAmericanSummer(local) ? standard + 60 : standard;
}

/** By the rule of the United States since 2007, and the one before (1987): close enough for a date of mail. */
function isAmericanSummer(local: Date): boolean {
  const year = local.getUTCFullYear();
  const sunday = (month: number, nth: number) => {
    const first = new Date(Date.UTC(year, month, 1)).getUTCDay();
    return Date.UTC(year, month, 1 + ((7 - first) % 7) + (nth - 1) * 7, 2);
  };
  const since2007 = year >= 2007;
  const lastOfOctober = () => {
    const last = new Date(Date.UTC(year, 9, 31)).getUTCDay();
    return Date.UTC(year, 9, 31 - last, 2);
  };
  const begin = since2007 ? sunday(2, 2) : sunday(3, 1);
  const end = since2007 ? sunday(10, 1) : lastOfOctober();
  return local.getTime() >= begin && local.getTime() < end;
}

const fields = [
  { name: "second", low: 0, high: 59 },
  { name: "minute", low: 0, high: 59 },
  { name: "hour", low: 0, high: 23 },
  { name: "day", low: 1, high: 31 },
  {
    name: "month",
    low: 1,
    high: 12,
    words: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  { name: "day of week", low: 0, high: 6, words: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
] as const;

type Field = (typeof fields)[number];

/** Days after which a schedule that has not matched never will: the leap day comes back within eight years. */
const horizonDays = 8 * 366;

export interface Schedule {
  /**
   * The first time strictly after `after` that matches, in UTC.
   * @throws RangeError if there is none, as for 30 February.
   */
  next(after: Date): Date;
}

/**
 * Parses an NCRONTAB expression `{second} {minute} {hour} {day} {month} {day of week}`; five fields leave out
 * the second, which is then 0. A day has to match both its fields.
 * Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer#ncrontab-expressions
 * @throws SyntaxError naming the field that is wrong.
 */
export function parseSchedule(expression: string): Schedule {
  const parts = expression.trim().split(/\s+/);
  if (parts.length === 5) parts.unshift("0");
  if (parts.length !== fields.length)
    throw new SyntaxError(`'${expression}' is not an NCRONTAB expression of five or six fields.`);
  const [seconds, minutes, hours, days, months, weekdays] = fields.map((field, index) =>
    parseField(parts[index] as string, field),
  ) as [number[], number[], number[], number[], number[], number[]];

  return {
    next(after) {
      const from = new Date(Math.floor(after.getTime() / 1000) * 1000 + 1000);
      let earliest: readonly [number, number, number] = [
        from.getUTCHours(),
        from.getUTCMinutes(),
        from.getUTCSeconds(),
      ];
      for (let offset = 0; offset < horizonDays; offset++) {
        const day = new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth(), from.getUTCDate() + offset));
        if (
          months.includes(day.getUTCMonth() + 1) &&
          days.includes(day.getUTCDate()) &&
          weekdays.includes(day.getUTCDay())
        ) {
          const time = firstTime(hours, minutes, seconds, earliest);
          if (time !== undefined) return new Date(day.getTime() + time * 1000);
        }
        earliest = [0, 0, 0];
      }
      throw new RangeError(`'${expression}' never matches.`);
    },
  };
}

/** Seconds since midnight of the first matching time that is not before `earliest`. */
function firstTime(
  hours: readonly number[],
  minutes: readonly number[],
  seconds: readonly number[],
  [fromHour, fromMinute, fromSecond]: readonly [number, number, number],
): number | undefined {
  for (const hour of hours) {
    if (hour < fromHour) continue;
    for (const minute of minutes) {
      if (hour === fromHour && minute < fromMinute) continue;
      const sameMinute = hour === fromHour && minute === fromMinute;
      const second = seconds.find((candidate) => !sameMinute || candidate >= fromSecond);
      if (second !== undefined) return (hour * 60 + minute) * 60 + second;
    }
  }
  return undefined;
}

/** Values a field allows, ascending: `*`, `5`, `1-5`, any of them with `/step`, in a list. */
function parseField(text: string, field: Field): number[] {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(part);
    if (!match) throw new SyntaxError(`'${text}' is not a valid ${field.name}.`);
    const [, first = "", last, step] = match;
    const low = first === "*" ? field.low : parseValue(first, field);
    const high = last !== undefined ? parseValue(last, field) : first === "*" || step ? field.high : low;
    const stride = step === undefined ? 1 : Number(step);
    if (low > high || stride < 1) throw new SyntaxError(`'${text}' is not a valid ${field.name}.`);
    for (let value = low; value <= high; value += stride) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

function parseValue(text: string, field: Field): number {
  const words: readonly string[] = "words" in field ? field.words : [];
  const word = words.findIndex((name) => text.toLowerCase().startsWith(name));
  const value = word >= 0 ? word + field.low : Number(text);
  if (!Number.isInteger(value) || value < field.low || value > field.high)
    throw new SyntaxError(`'${text}' is not a valid ${field.name}.`);
  return value;
}

/** Dates Exchange can hold: a FILETIME, and below the year it uses for "none". */
const earliest = Date.UTC(1601, 0, 2);
const latest = Date.UTC(4500, 0, 1);

/** The date itself if Exchange can hold it. */
export function storableDate(date: Date | undefined): Date | undefined {
  const time = date?.getTime() ?? Number.NaN;
  return time >= earliest && time < latest ? date : undefined;
}

/** The form extended properties of type SystemTime take; whole seconds, as message headers have them. */
export function systemTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

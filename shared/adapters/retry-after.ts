/**
 * Reads `Retry-After`, in seconds or as an HTTP date (RFC 9110, 10.2.3). Pure.
 * @param now milliseconds since 1970, from which a date counts.
 * @returns milliseconds from `now`, never negative; undefined if absent or unreadable.
 */
export function parseRetryAfter(value: string | null | undefined, now: number): number | undefined {
  if (value === null || value === undefined) return undefined;
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1000);
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

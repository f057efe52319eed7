/** An instant as the HTTP API shows it: ISO 8601. Pure. @param instant milliseconds since 1970. */
export function iso(instant: number): string {
  return new Date(instant).toISOString();
}

export function isoOrNull(instant: number | undefined): string | null {
  return instant === undefined ? null : iso(instant);
}

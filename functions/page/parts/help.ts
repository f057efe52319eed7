/** Where an error code is explained. */
export function remedyLink(code: string): string {
  return `/api/dashboard/help?code=${encodeURIComponent(code)}`;
}

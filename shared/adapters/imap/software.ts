/** True for Courier, which says so in its greeting alone. */
export function isCourier(greeting: string): boolean {
  return /\bcourier\b/i.test(greeting);
}

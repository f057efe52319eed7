/**
 * True if an address leads to this machine only, so that what is sent there in the clear stays here.
 * @param address a URL; anything else leads nowhere.
 */
export function isLoopback(address: string): boolean {
  const hostname = URL.parse(address)?.hostname ?? "";
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

import { isIP, type LookupFunction } from "node:net";

/**
 * For sockets that must connect to addresses that were checked before: whatever name is asked for, these are the answer,
 * so that a second look-up cannot lead elsewhere.
 * @param addresses IPv4 and IPv6; at least one.
 */
export function pinnedLookup(addresses: readonly string[]): LookupFunction {
  const answers = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, options, callback) => {
    const [first] = answers;
    if (options.all === true) callback(null, answers);
    else callback(null, first?.address ?? "", first?.family);
  };
}

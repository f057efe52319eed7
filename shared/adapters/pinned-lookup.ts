import { lookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";

/** The `code` of the error for a name that leads to no permitted address. */
export const notPermitted = "ADDRESS_NOT_PERMITTED";

/** For sockets that may connect to some addresses only, whatever name leads to them. */
export function permittedLookup(isPermitted: (address: string) => boolean): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      const permitted = error ? [] : found.filter(({ address }) => isPermitted(address));
      const [first] = permitted;
      if (error) callback(error, "");
      else if (first === undefined)
        callback(Object.assign(new Error(notPermitted), { code: notPermitted }), "");
      else if (options.all === true) callback(null, permitted);
      else callback(null, first.address, first.family);
    });
  };
}

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

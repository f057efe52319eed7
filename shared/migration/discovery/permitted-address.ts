import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Azure's own services on every virtual machine (https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16). */
const azurePlatform = "168.63.129.16";
/** All addresses of the Internet so far (RFC 4291, 2.4; IANA's IPv6 address space). */
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3");

/** Addresses of a company's own network (RFC 1918, 4193, 6598). */
const privateRanges = ["private", "uniqueLocal", "carrierGradeNat"];

/**
 * True for an address of the Internet, and never for one of this machine, its link or its platform. Pure.
 * IPv6 addresses that only wrap an IPv4 address count as that one, or are not permitted (RFC 6890).
 * @param privateToo permits those of a company's own network as well.
 */
export function isPermittedAddress(address: string, privateToo: boolean): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.process(address);
  const range: string = parsed.range();
  if (privateToo && privateRanges.includes(range)) return true;
  if (range !== "unicast" || parsed.toString() === azurePlatform) return false;
  return parsed instanceof ipaddr.IPv4 || (parsed as ipaddr.IPv6).match(globalUnicast);
}

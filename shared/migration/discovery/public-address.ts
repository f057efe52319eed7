import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Azure's own services on every virtual machine (https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16). */
const azurePlatform = "168.63.129.16";
/** All addresses of the Internet so far (RFC 4291, 2.4; IANA's IPv6 address space). */
const globalUnicast = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * True for an address of the Internet, and not of this machine, its networks or its platform. Pure.
 * IPv6 addresses that only wrap an IPv4 address count as that one, or are not public (RFC 6890).
 */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  const parsed = ipaddr.process(address);
  if (parsed.range() !== "unicast" || parsed.toString() === azurePlatform) return false;
  return parsed instanceof ipaddr.IPv4 || (parsed as ipaddr.IPv6).match(globalUnicast);
}

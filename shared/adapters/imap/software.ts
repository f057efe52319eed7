const UNAVAILABLE_HEADER =
  "From: System Administrator <root@localhost>\r\nSubject: message unavailable\r\n\r\n";
const UNAVAILABLE = [
  UNAVAILABLE_HEADER,
  `${UNAVAILABLE_HEADER}This message is no longer available on the server.\r\n`,
];

/**
 * True for what Courier sends in place of a message, or its header, that another session has removed since this one
 * opened the folder. It must not be taken for the message.
 */
export function standsForRemoved(greeting: string, body: Buffer): boolean {
  return isCourier(greeting) && UNAVAILABLE.includes(body.toString("latin1", 0, 256));
}

/** True for Courier, which says so in its greeting alone. */
export function isCourier(greeting: string): boolean {
  return /\bcourier\b/i.test(greeting);
}

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

/** How a row of a migration file names an administrator who reads other users' mail, by the software of the server. */
const adminForms: readonly (readonly [software: RegExp, form: string])[] = [
  [/\bdovecot\b/i, "UserName user*admin"],
  [/\bcyrus\b/i, "adminUser of the endpoint, UserName user"],
  [/\bcourier\b/i, "UserName admin, UserRoot /users/user"],
  [/\bmicrosoft[ .]exchange\b/i, "UserName DOMAIN/admin/user"],
  [/\bmirapoint\b/i, "UserName #user@domain#admin#"],
];

/**
 * @param greeting the server's first line. @param name as it names itself by ID (RFC 2971); empty if it does not.
 * @returns undefined for software of which no form is known.
 */
export function adminFormOf(greeting: string, name: string): string | undefined {
  return adminForms.find(([software]) => software.test(`${greeting} ${name}`))?.[1];
}

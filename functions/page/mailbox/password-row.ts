import type { MailboxDetails } from "../api/types.ts";

/**
 * The CSV that mends the password of one mailbox, and changes nothing else of it. Pure.
 * @param password as it is: within quotes nothing of it has a meaning of its own.
 */
export function passwordRow(
  { emailAddress, userName, userRoot }: Pick<MailboxDetails, "emailAddress" | "userName" | "userRoot">,
  password: string,
): string {
  const cells = [emailAddress, userName, password, userRoot ?? ""];
  const row = cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(",");
  return `EmailAddress,UserName,Password,UserRoot\r\n${row}\r\n`;
}

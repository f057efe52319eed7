const wholeTenant = "`node infra/scripts/permissions.ts --scope tenant`";
const advancedMail = "`node infra/scripts/permissions.ts --advanced-mail`";

/** What to do about what a check found; in Markdown. */
export const advice = {
  tokenRefused:
    "Check that the app's identity exists in the tenant of these mailboxes, and that GRAPH_BASE_URL is of the same cloud.",
  usersUnreadable:
    "Grant User.Read.All: `node infra/scripts/permissions.ts`, and wait up to an hour for a new token.",
  roleMissing: `Grant it in Entra: ${wholeTenant}, or for a group of mailboxes in Exchange: infra/scripts/exchange-access.ps1.`,
  unknownUser:
    "Check the address; it has to be a sign-in name, the primary address or an alias of a user of this tenant.",
  otherUser: "Two users share an address. Mend it in the Microsoft 365 admin center.",
  noLicence: "Assign a licence with Exchange Online to the user, and wait until the mailbox is there.",
  notReached: `Add the mailbox to the group of the role assignment, or grant the whole tenant: ${wholeTenant}. Exchange takes up to two hours to know.`,
  tooFar:
    "Withdraw the tenant-wide permission: `node infra/scripts/permissions.ts --scope group`. Permissions of Entra and roles of Exchange add up.",
  folderNotFound:
    "Exchange shows a new folder late. Migrate a pilot batch first; report it, since the app relies on finding a folder it made.",
  nameTaken: "Rename or empty this folder: it holds mail that no check wrote.",
  draft: "Do not migrate: every message would be a draft. Report it with the JSON of this run.",
  date: "Do not migrate: messages would have the day of the migration. Report it with the JSON of this run.",
  state: "Messages would lose this. Report it with the JSON of this run.",
  header: "Original headers would be lost. Report it with the JSON of this run.",
  notSearchable:
    "Do not migrate: after a crash the app could not tell what it wrote. Report it with the JSON of this run.",
  advancedMail: `From 2026-12-31 on this takes Mail-Advanced.ReadWrite.All: ${advancedMail}. Without it, messages that are answered after they were copied do not show it.`,
  attachments: `Messages of over 4 MB would be skipped. Give the app Mail-Advanced.ReadWrite.All: ${advancedMail}.`,
  uploads: "Messages with attachments of 3 MB or more would be skipped. Copy with `TARGET=imap`.",
  size: "Raise it: `Set-Mailbox -MaxReceiveSize 150MB -MaxSendSize 150MB`, or count on larger messages being skipped as MessageTooLarge.",
  signature: "S/MIME signatures would break. Report it with the JSON of this run.",
  quota: "Raise the quota of the mailbox or turn on its archive.",
  slow: "Exchange throttles this mailbox or tenant now. Plan with the figures above, or ask Microsoft to lift the throttling for the migration.",
  notRemoved: "Remove the folder by hand in Outlook, or run the check again.",
  report: "Report it with the JSON of this run.",
  later: "Try again in some minutes; see https://status.cloud.microsoft.",
} as const;

const byCode: Readonly<Record<string, string>> = {
  AttachmentsDenied: advice.attachments,
  CheckFolderTaken: advice.nameTaken,
  GraphPermissionMissing: advice.usersUnreadable,
  GraphThrottled: advice.slow,
  GraphTokenRefused: advice.tokenRefused,
  GraphTokenUnavailable: advice.tokenRefused,
  GraphUnavailable: advice.later,
  GraphUnreachable: advice.later,
  LargeAttachmentUnsupported: advice.uploads,
  MessageTooLarge: advice.size,
  TargetAccessDenied: advice.notReached,
  TargetMailboxNotFound: advice.noLicence,
  TargetQuotaExceeded: advice.quota,
};

/** What to do about an error of this code. */
export function adviceFor(code: string): string {
  return byCode[code] ?? advice.report;
}

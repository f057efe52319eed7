/** Column names of the migration file, exactly as documented to operators. */
export const columnNames = ["EmailAddress", "UserName", "Password", "UserRoot"] as const;
export type ColumnName = (typeof columnNames)[number];

/** Migration files to begin with: one without rows, and one for each way to log in. */
export const templateKinds = [
  "empty",
  "password",
  "exchange",
  "dovecot",
  "mirapoint",
  "courier",
  "oauth",
] as const;
export type TemplateKind = (typeof templateKinds)[number];

/** What the report `failed-mailboxes` adds to them; an upload passes over these. */
export const failureColumns = ["ErrorCode", "ErrorMessage", "FailedAt"] as const;

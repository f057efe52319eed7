/** Column names of the migration file, exactly as documented to operators. */
export const columnNames = ["EmailAddress", "UserName", "Password", "UserRoot"] as const;
export type ColumnName = (typeof columnNames)[number];

/** What the report `failed-mailboxes` adds to them; an upload passes over these. */
export const failureColumns = ["ErrorCode", "ErrorMessage", "FailedAt"] as const;

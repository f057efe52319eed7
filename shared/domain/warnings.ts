/** Things an operator should know although nothing failed. Stable, and documented in infra/docs/error-codes.md. */
export type WarningCode = "AnsweredNotKept" | "FolderCapReached" | "ForwardedNotKept";

/** How often each warning holds: of messages, or of folders where it is about whole folders. Absent means never. */
export type WarningCounts = Readonly<Partial<Record<WarningCode, number>>>;

/** Ways in which a message is read by a guess, since it is damaged. */
export const guessCodes = [
  "BodyNamed",
  "BoundaryGuessed",
  "CharsetGuessed",
  "ContentTypeGuessed",
  "DateGuessed",
  "EncodingUnknown",
  "FileInText",
  "HeaderCharsetGuessed",
  "HeaderMended",
  "NameGuessed",
  "OriginalAttached",
  "PartAfterEnd",
  "ReceivedDateUnreadable",
  "TextOutsideParts",
] as const;

export type GuessCode = (typeof guessCodes)[number];

/** Things an operator should know although nothing failed. Stable, and documented in infra/docs/error-codes.md. */
export const warningCodes = [
  "AdoptedExisting",
  "AdoptionAmbiguous",
  "AnsweredNotKept",
  "FolderCapReached",
  "FolderListedTwice",
  "FolderRemovedInTarget",
  "FolderReplaced",
  "FolderUnreadable",
  "ForwardedNotKept",
  "MessagesSetAside",
  "MessagesUnshown",
  ...guessCodes,
] as const;

export type WarningCode = (typeof warningCodes)[number];

/** How often each warning holds: of messages, or of folders where it is about whole folders. Absent means never. */
export type WarningCounts = Readonly<Partial<Record<WarningCode, number>>>;

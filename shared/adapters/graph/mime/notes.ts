/** Something that Exchange cannot hold as it was. */
export type Loss =
  | "alternativeDropped"
  | "groupsDissolved"
  | "headersShortened"
  | "noDate"
  | "noMessageId"
  | "receivedDateUnusable"
  | "recipientsShortened"
  | "referencesShortened"
  | "severalAuthors"
  | "severalBodies"
  | "subjectShortened"
  | "surroundingsDropped"
  | "textAttached";

/** Every way in which damaged mail is read by a guess, with the words for an operator. */
export const guesses = {
  boundaryGuessed: "The boundary of a multipart was missing or broken, and was told from the text.",
  bodyNamed: "A text with a file name was the only one, and is shown as the body.",
  charsetGuessed: "The charset of a text was missing, unknown or wrong.",
  contentTypeGuessed: "A Content-Type field could not be read as it stands.",
  dateGuessed: "A date had no zone, or was not written as the standard says.",
  encodingUnknown: "A transfer encoding is unknown; the bytes are kept as they are.",
  fileInText: "A uuencoded file in a text was attached.",
  headerCharsetGuessed: "A header held bytes of no declared charset.",
  headerMended: "Lines before or among the header fields were no fields.",
  nameGuessed: "An address list had commas where none belong.",
  originalAttached: "A message was too complex to be taken apart; its original is attached whole.",
  partAfterEnd: "A part stood after the end of its multipart, and was attached.",
  surroundingsAttached: "Text outside the parts of a multipart was attached.",
} as const;

export type Guess = keyof typeof guesses;

/** What is to be said of a plan; the words of the conformance table. */
export type PlanNote = Loss | Guess;

export function isGuess(note: PlanNote): note is Guess {
  return note in guesses;
}

import { type GuessCode, guessCodes } from "../../../domain/warnings.ts";

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

/** What is to be said of a plan; the words of the conformance tables. */
export type PlanNote = Loss | GuessCode;

const guesses: ReadonlySet<string> = new Set(guessCodes);

export function isGuess(note: PlanNote): note is GuessCode {
  return guesses.has(note);
}

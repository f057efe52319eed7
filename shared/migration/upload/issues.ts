/**
 * Something an operator has to mend in an uploaded file. It never holds what a cell says, since a shifted column may put
 * a password under any name; the one exception is an address that was checked to be one.
 */
export interface UploadIssue {
  /** Line in the file, from 1; where a row begins if it goes over several. 0 for the file as a whole. */
  readonly line: number;
  readonly emailAddress?: string | undefined;
  readonly column?: string | undefined;
  /** Stable and documented in the error codes. */
  readonly code: string;
  /** A sentence. */
  readonly message: string;
}

/** Why nothing of a file is used. */
export interface Rejected {
  readonly issues: readonly UploadIssue[];
}

/** An issue of the file as a whole. */
export function fileIssue(code: string, message: string): UploadIssue {
  return { line: 0, code, message };
}

import type { ReactNode } from "react";

/** What is asked before something that cannot be taken back. */
export interface Question {
  /** A question. */
  readonly title: string;
  readonly text: ReactNode;
  /** What happens, as a verb: the button repeats it. */
  readonly verb: string;
  /** What speaks against it, as sentences. */
  readonly reasons?: readonly string[];
  /** Has to be typed before it goes on. */
  readonly typed?: string;
  /** Has to be ticked before it goes on. */
  readonly ticked?: string;
  /** May be ticked: something that is done along with it. */
  readonly also?: string;
}

/** A yes, and whether what was offered along with it is wanted. */
export interface Yes {
  readonly also: boolean;
}

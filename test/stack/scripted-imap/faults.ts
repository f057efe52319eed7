/** What a server does instead of answering, or in the middle of it. */
export type Reaction =
  /** A tagged answer, without its tag: `NO [OVERQUOTA] ...`. */
  | { readonly kind: "reply"; readonly text: string }
  /** `* BYE`, and the end of the connection, after so many untagged responses (default 0). */
  | { readonly kind: "bye"; readonly text: string; readonly afterResponses?: number }
  /** The end of the connection without a word, after so many bytes of the answer (default 0). */
  | { readonly kind: "drop"; readonly afterBytes?: number }
  /** Silence. */
  | { readonly kind: "stall" };

export interface Fault {
  /** Found in the command line, tag and password left out: `/^UID FETCH/`. */
  readonly command: RegExp;
  /** Only while this user is logged in; default everybody. */
  readonly user?: string;
  /** So many commands are let through before; default 0. */
  readonly after?: number;
  /** How often; default once. */
  readonly times?: number;
  readonly reaction: Reaction;
}

/** The faults that are still to come. */
export class Faults {
  #pending: { fault: Fault; after: number; times: number }[] = [];

  add(fault: Fault): void {
    this.#pending.push({ fault, after: fault.after ?? 0, times: fault.times ?? 1 });
  }

  clear(): void {
    this.#pending = [];
  }

  /** The reaction to a command, if there is a fault for it; counts the command. */
  take(command: string, user: string | undefined): Reaction | undefined {
    const entry = this.#pending.find(
      ({ fault }) => fault.command.test(command) && (fault.user === undefined || fault.user === user),
    );
    if (entry === undefined) return undefined;
    if (entry.after > 0) {
      entry.after -= 1;
      return undefined;
    }
    entry.times -= 1;
    if (entry.times <= 0) this.#pending = this.#pending.filter((other) => other !== entry);
    return entry.fault.reaction;
  }
}

/** An argument of a command: atoms and quoted strings as text, literals as bytes. */
export type Token = string | Buffer | readonly Token[];

/** Takes the arguments of a command apart (RFC 9051, section 9). */
export function parseTokens(command: Buffer): Token[] {
  const parser = new TokenParser(command);
  return parser.list(false);
}

export function textOf(token: Token | undefined): string {
  if (typeof token === "string") return token;
  return Buffer.isBuffer(token) ? token.toString("utf8") : "";
}

export function listOf(token: Token | undefined): readonly Token[] {
  return Array.isArray(token) ? token : [];
}

class TokenParser {
  readonly #bytes: Buffer;
  readonly #text: string;
  #at = 0;

  constructor(command: Buffer) {
    this.#bytes = command;
    // One character a byte, so that positions are the same in both.
    this.#text = command.toString("latin1");
  }

  list(isNested: boolean): Token[] {
    const tokens: Token[] = [];
    while (this.#at < this.#text.length) {
      const next = this.#text[this.#at];
      if (next === ")" && isNested) {
        this.#at += 1;
        break;
      }
      if (next === "(") {
        this.#at += 1;
        tokens.push(this.list(true));
      } else if (next === '"') tokens.push(this.#quoted());
      else if (next === " " || next === "\r" || next === "\n") this.#at += 1;
      else tokens.push(this.#literal() ?? this.#atom());
    }
    return tokens;
  }

  #quoted(): string {
    const match = this.#take(/"((?:[^"\\]|\\.)*)"?/y);
    return Buffer.from((match[1] ?? "").replace(/\\(.)/g, "$1"), "latin1").toString("utf8");
  }

  #literal(): Buffer | undefined {
    const marker = /~?\{(\d+)[+-]?\}\r?\n/y;
    marker.lastIndex = this.#at;
    const match = marker.exec(this.#text);
    if (match === null) return undefined;
    const start = marker.lastIndex;
    this.#at = start + Number(match[1]);
    return this.#bytes.subarray(start, this.#at);
  }

  /** A section such as BODY[HEADER.FIELDS (SUBJECT)] belongs to its atom, spaces and parentheses included. */
  #atom(): string {
    const match = this.#take(/(?:\[[^\]]*\]|[^\s()"[])+|./y);
    return Buffer.from(match[0], "latin1").toString("utf8");
  }

  #take(pattern: RegExp): RegExpExecArray {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) throw new Error("the command cannot be read");
    this.#at = pattern.lastIndex;
    return match;
  }
}

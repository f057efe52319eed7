/** A line of an IMAP stream with its line end, or bytes of a literal. */
export type ImapPart =
  | {
      readonly kind: "line";
      readonly bytes: Buffer;
      /** The literal that follows (RFC 9051, 4.3); the line that carries on after it belongs to the same command. */
      readonly literal?: { readonly size: number; readonly synchronizing: boolean };
      /** False for what follows a literal within a command or response. */
      readonly first: boolean;
    }
  | {
      readonly kind: "literal";
      readonly bytes: Buffer /** Whether the literal is complete with this. */;
      readonly last: boolean;
    };

const LITERAL_END = /~?\{(\d+)(\+|-)?\}\r?\n$/;

/** Cuts one direction of an IMAP connection into lines and literals. */
export class ImapPartReader {
  #rest: Buffer = Buffer.alloc(0);
  #literalLeft = 0;
  #inLiteral = false;
  #continues = false;

  /** The parts that `chunk` completes. Literals are passed on as they come. */
  push(chunk: Buffer): ImapPart[] {
    const parts: ImapPart[] = [];
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (bytes.length > 0) {
      const part = this.#inLiteral ? this.#literal(bytes) : this.#line(bytes);
      if (part === undefined) break;
      parts.push(part);
      bytes = bytes.subarray(part.bytes.length);
    }
    this.#rest = bytes;
    return parts;
  }

  #literal(bytes: Buffer): ImapPart {
    const taken = bytes.subarray(0, this.#literalLeft);
    this.#literalLeft -= taken.length;
    this.#inLiteral = this.#literalLeft > 0;
    return { kind: "literal", bytes: taken, last: !this.#inLiteral };
  }

  #line(bytes: Buffer): ImapPart | undefined {
    const end = bytes.indexOf(0x0a);
    if (end === -1) return undefined;
    const line = bytes.subarray(0, end + 1);
    const first = !this.#continues;
    const match = LITERAL_END.exec(line.toString("latin1"));
    this.#continues = match !== null;
    if (match === null) return { kind: "line", bytes: line, first };
    const literal = { size: Number(match[1]), synchronizing: match[2] === undefined };
    this.#literalLeft = literal.size;
    this.#inLiteral = literal.size > 0;
    return { kind: "line", bytes: line, literal, first };
  }
}

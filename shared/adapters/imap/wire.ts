import type { ImapAttribute, ImapAttributeNode, ImapResponse } from "imapflow";

/** An argument of a command: a token, or a parenthesized list of them. */
export type Argument = ImapAttributeNode | Argument[];

/** A tagged answer (RFC 9051, 7.1). */
export interface Reply {
  readonly status: "OK" | "NO" | "BAD";
  /** Response code in upper case, without its arguments; empty if there is none. */
  readonly code: string;
  readonly codeArguments: readonly string[];
  /** The server's free text. For recognizing causes only: it may hold an address, so it is never shown. */
  readonly text: string;
}

const REPLY = /^(OK|NO|BAD)\b ?(?:\[([^\] ]+)(?: ([^\]]*))?\])?(.*)$/i;

/** A tagged answer as it was received, without its tag; undefined if it is none. Pure. */
export function parseReply(line: string): Reply | undefined {
  const [, status, code = "", values = "", text = ""] = REPLY.exec(line) ?? [];
  if (status === undefined) return undefined;
  return {
    status: status.toUpperCase() as Reply["status"],
    code: code.toUpperCase(),
    codeArguments: values === "" ? [] : values.split(" "),
    text: text.trim(),
  };
}

export type UntaggedHandlers = Readonly<Record<string, (response: ImapResponse) => Promise<void>>>;

export function atom(value: string): Argument {
  return { type: "ATOM", value };
}

/** A string, quoted where that can hold it, or else a literal. */
export function string(value: string): Argument {
  return { type: /[\r\n]/.test(value) ? "LITERAL" : "STRING", value };
}

/** The name of a mailbox in the bytes in which the server listed it: its characters are bytes. */
export function mailbox(name: string): Argument {
  return /[\x80-\xff]/.test(name) ? { type: "LITERAL", value: Buffer.from(name, "latin1") } : string(name);
}

/** The name of a mailbox as it was sent, its bytes as characters. */
export function nameOf(token: ImapAttribute | undefined): string {
  const value = token?.value;
  return Buffer.isBuffer(value) ? value.toString("latin1") : textOf(token);
}

export function atoms(...values: readonly string[]): Argument[] {
  return values.map(atom);
}

export function sequence(set: string): Argument {
  return { type: "SEQUENCE", value: set };
}

/** The token as text; empty for NIL and for lists. */
export function textOf(token: ImapAttribute | undefined): string {
  const value = token?.value;
  return value === undefined || value === null ? "" : value.toString();
}

/** The texts of a list; empty for anything else. */
export function textsOf(token: ImapAttribute | undefined): string[] {
  return Array.isArray(token) ? token.map((entry) => textOf(entry)) : [];
}

/** A whole number in decimal digits, or undefined. */
export function numberOf(token: ImapAttribute | undefined): number | undefined {
  const digits = textOf(token);
  if (!/^\d{1,15}$/.test(digits)) return undefined;
  return Number(digits);
}

/** Decimal digits kept as text, since UIDVALIDITY and mod-sequences may outgrow a double. */
export function digitsOf(token: ImapAttribute | undefined): string | undefined {
  const digits = textOf(token);
  return /^\d{1,20}$/.test(digits) ? digits : undefined;
}

/** Walks an alternating list of names and values, as in STATUS and FETCH. */
export function* pairsOf(
  list: ImapAttribute | undefined,
): Generator<readonly [name: string, value: ImapAttribute | undefined]> {
  if (!Array.isArray(list)) return;
  for (let i = 0; i + 1 < list.length; i += 2) yield [textOf(list[i]).toUpperCase(), list[i + 1]];
}

/** The response code of a status response and its arguments, one level deep. */
export function responseCodeOf(response: ImapResponse): {
  readonly code: string;
  readonly arguments: readonly ImapAttribute[];
} {
  const section = response.attributes?.[0]?.section;
  return section === undefined
    ? { code: "", arguments: [] }
    : { code: textOf(section[0]).toUpperCase(), arguments: section.slice(1) };
}

/** True if a refusal may be of the command's form rather than of what it is about. */
export function refusesForm({ status, code }: Reply): boolean {
  return status === "BAD" || (status === "NO" && code === "");
}

/**
 * The UID at which a command stopped, where the server processes no more than so many messages at once, the highest UIDs
 * first (RFC 9738, 3.1). What is below it was not looked at.
 */
export function lowestProcessed({ code, codeArguments }: Reply): number | undefined {
  const uid = Number(code === "MESSAGELIMIT" ? codeArguments[1] : undefined);
  return Number.isInteger(uid) && uid > 0 ? uid : undefined;
}

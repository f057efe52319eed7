import type { ImapAttribute, ImapResponse } from "imapflow";
import type { Uid } from "../../domain/names.ts";
import { parseDateTime } from "./dates.ts";
import { numberOf, pairsOf, textOf, textsOf } from "./wire.ts";
import { readableText } from "./wire-repair.ts";

/** What the server told of one message; what it left out is undefined. */
export interface FetchRow {
  readonly uid: Uid;
  readonly flags?: readonly string[] | undefined;
  readonly internalDate?: Date | undefined;
  readonly size?: number | undefined;
  /** Gmail's labels as they are on the wire: names in modified UTF-7, system labels with a backslash. */
  readonly labels?: readonly string[] | undefined;
  /** The one BODY[...] item that was asked for. */
  readonly body?: Buffer | undefined;
}

/** What a FETCH asked for. */
export interface Wanted {
  readonly labels: boolean;
  readonly summary: boolean;
  readonly body: "none" | "header" | "message";
}

type Fields = { -readonly [Name in keyof FetchRow]?: FetchRow[Name] | undefined } & { hasDate?: boolean };

interface Part {
  readonly fields: Fields;
  /** The connection's count of expunged messages, under which the sequence number held. */
  readonly expunged: number;
}

/** Bodies that may wait for the rest of what was asked for. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/**
 * Puts together what a server tells of a message in one FETCH response or in several, which belong together by their
 * sequence number as long as none is expunged. Unsolicited changes of flags fall in with the rest.
 */
export class RowAssembler {
  readonly #wanted: Wanted;
  readonly #parts = new Map<number, Part>();
  #waitingBytes = 0;
  /** A message that is whole but for its date, which may come yet. */
  #undated: number | undefined;

  constructor(wanted: Wanted) {
    this.#wanted = wanted;
  }

  /** Takes a FETCH response. @returns the rows that are whole with it. */
  add(response: ImapResponse, expunged: number): readonly FetchRow[] {
    const sequence = Number(response.command);
    const before = this.#parts.get(sequence);
    const fields = { ...(before?.expunged === expunged ? before.fields : {}), ...fieldsOf(response) };
    const rows = this.#undated === undefined || this.#undated === sequence ? [] : this.rest();
    this.#forget(sequence);
    const row = this.#rowOf(fields);
    if (row !== undefined && (fields.hasDate === true || !this.#wanted.summary)) return [...rows, row];
    this.#waitingBytes += fields.body?.length ?? 0;
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#forgetAll();
    this.#parts.set(sequence, { fields, expunged });
    if (row !== undefined) this.#undated = sequence;
    return rows;
  }

  /** The row that is whole but for its date, once no more of it will come. */
  rest(): readonly FetchRow[] {
    if (this.#undated === undefined) return [];
    const row = this.#rowOf(this.#parts.get(this.#undated)?.fields ?? {});
    this.#forget(this.#undated);
    return row === undefined ? [] : [row];
  }

  #forget(sequence: number): void {
    this.#waitingBytes -= this.#parts.get(sequence)?.fields.body?.length ?? 0;
    this.#parts.delete(sequence);
    if (this.#undated === sequence) this.#undated = undefined;
  }

  #forgetAll(): void {
    this.#parts.clear();
    this.#waitingBytes = 0;
    this.#undated = undefined;
  }

  #rowOf({ uid, hasDate: _, ...fields }: Fields): FetchRow | undefined {
    const { flags, size, labels, body } = fields;
    const { summary, body: wanted } = this.#wanted;
    if (uid === undefined || flags === undefined) return undefined;
    if (this.#wanted.labels && labels === undefined) return undefined;
    if (summary && size === undefined) return undefined;
    if (wanted !== "none" && body === undefined) return undefined;
    // A body of nothing is one that the server could not read, unless the message is empty.
    if (wanted === "message" && body?.length === 0 && size !== 0) return undefined;
    return { uid, ...fields };
  }
}

/** UID of a FETCH response, if it tells one. */
export function uidOf(response: ImapResponse): number | undefined {
  return fieldsOf(response).uid;
}

function fieldsOf(response: ImapResponse): Fields {
  const fields: Fields = {};
  for (const [name, value] of pairsOf(response.attributes?.[1])) {
    if (name === "UID") fields.uid = numberOf(value) as Uid | undefined;
    else if (name === "FLAGS") fields.flags = flagsIn(value);
    else if (name === "RFC822.SIZE") fields.size = numberOf(value);
    else if (name === "X-GM-LABELS") fields.labels = textsOf(value);
    else if (name === "BODY") fields.body = bytesOf(value);
    else if (name === "INTERNALDATE") {
      fields.hasDate = true;
      fields.internalDate = parseDateTime(textOf(value));
    }
  }
  return fields;
}

function flagsIn(token: ImapAttribute | undefined): readonly string[] {
  return textsOf(token)
    .filter((flag) => flag.toLowerCase() !== "\\recent")
    .map(readableText);
}

/** NIL is no content: the server could not read the message. */
function bytesOf(token: ImapAttribute | undefined): Buffer | undefined {
  const value = token?.value;
  if (value === undefined || value === null) return undefined;
  return Buffer.isBuffer(value) ? value : Buffer.from(textOf(token), "latin1");
}

import type { Transform, TransformCallback } from "node:stream";
import { MigrationError } from "../../domain/errors.ts";
import { notImap, type Scene } from "./classify.ts";

/** What a server may send in answer to one command. */
export interface AnswerBudget {
  readonly lines: number;
  /** All bytes but those of message bodies. */
  readonly bytes: number;
  /** Bytes of the bodies in one FETCH response; 0 for a command that asks for none. */
  readonly bodyBytes: number;
}

/**
 * Takes the next bytes of a message's body that has `size` of them in all, which may be more than was asked for.
 * Resolves when there is room for more; until then the server is held back. Never rejects.
 */
export type TakeBody = (bytes: Buffer, size: number) => Promise<void>;

const KILOBYTE = 1024;
const MEGABYTE = 1024 * KILOBYTE;

/** For commands whose answer is short. A session that has been away may hear of many changed messages first. */
export const shortAnswer: AnswerBudget = { lines: 20_000, bytes: 4 * MEGABYTE, bodyBytes: 0 };
/** For everything from the greeting to the end of the login. */
export const loginAnswer: AnswerBudget = { lines: 1_000, bytes: MEGABYTE, bodyBytes: 0 };

/** A response with all that is no message body. RFC 9051 has no limit; servers send some hundred bytes. */
const MAX_RESPONSE_BYTES = 64 * KILOBYTE;
/** For answers to SEARCH: the numbers of four million messages. */
export const searchAnswer: AnswerBudget = { lines: 20_000, bytes: 32 * MEGABYTE, bodyBytes: 0 };
/** An answer to SEARCH is one line whatever the size of the folder. It is cut into lines of about this size. */
const SEARCH_LINE_BYTES = 32 * KILOBYTE;

/** What the library is given at once, and how long it may go on with more before others run. */
const SLICE_BYTES = 16 * KILOBYTE;
const SLICE_LINES = 200;
const SLICE_MS = 8;

/** Enough to tell what a response is, and to see the size of a literal at the end of a line (RFC 9051, 4.3). */
const HEAD_BYTES = 40;
const TAIL_BYTES = 40;
const GREETING = /^\0*\* (?:OK|PREAUTH|BYE)\b/i;
const FETCH = /^\* \d{1,10} FETCH\b/i;
const SEARCH = /^\* SEARCH /i;
const ESEARCH = /^\* ESEARCH .*/i;
const LITERAL = /\{(\d{1,19})\}\r?\n$/;
const ENDLESS_LITERAL = /\d{19}\}\r?\n$/;
/** What may become the announcement of a literal. */
const BEGUN_LITERAL = /\{\d{0,19}\}?\r?$/;
const EMPTY_LITERAL = Buffer.from("{0}\r\n");
const NOTHING = Buffer.alloc(0);
const LF = 0x0a;

/**
 * Holds what a server sends to a budget before the library takes it in: a response of any size would be kept whole and
 * read in one go, and lines without an end would be read for ever. Follows the stream's lines and literals, each byte
 * once.
 */
export class AnswerGuard {
  readonly #scene: Scene;
  #budget: AnswerBudget = loginAnswer;
  #lines = 0;
  #bytes = 0;
  #received = 0;
  #greeted = false;
  #head = "";
  #tail = "";
  #literalLeft = 0;
  #responseBytes = 0;
  #bodyBytes = 0;
  #takeBody: TakeBody | undefined;
  /** Size of the body whose bytes are being taken out; 0 if the library gets them. */
  #bodySize = 0;
  #withheld = NOTHING;
  #room: Promise<void> | undefined;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** Bytes since the connection was opened, compression undone. */
  get received(): number {
    return this.#received;
  }

  /** Resolves when more may be taken in; undefined if it may be at once. */
  get room(): Promise<void> | undefined {
    return this.#room;
  }

  /**
   * Starts the account of a command.
   * @param takeBody gets the first body of the answer, in the place of which an empty one is handed on.
   */
  expect(budget: AnswerBudget, takeBody?: TakeBody): void {
    this.#takeBody = takeBody;
    this.#budget = budget;
    this.#lines = 0;
    this.#bytes = 0;
  }

  /** Adds what a command may be answered that was sent behind this one; its own account starts once it has its turn. */
  alsoExpect({ lines, bytes, bodyBytes }: AnswerBudget): void {
    const budget = this.#budget;
    this.#budget = {
      lines: budget.lines + lines,
      bytes: budget.bytes + bytes,
      bodyBytes: Math.max(budget.bodyBytes, bodyBytes),
    };
  }

  /**
   * Takes the next bytes.
   * @returns what is to be handed on: the same bytes, a long answer to SEARCH cut into several of the same meaning, and
   * without a body that is taken out.
   * @throws MigrationError that ends the connection, if they break the budget.
   */
  take(received: Buffer): Buffer {
    this.#received += received.length;
    this.#room = undefined;
    let at = this.#withheld.length;
    const chunk = at === 0 ? received : Buffer.concat([this.#withheld, received]);
    this.#withheld = NOTHING;
    const pieces: Buffer[] = [];
    let handedOn = 0;
    while (at < chunk.length) {
      if (this.#literalLeft > 0) {
        const skipped = Math.min(this.#literalLeft, chunk.length - at);
        this.#literalLeft -= skipped;
        at += skipped;
        if (this.#bodySize > 0) {
          this.#room = this.#takeBody?.(chunk.subarray(at - skipped, at), this.#bodySize);
          handedOn = at;
        }
        if (this.#literalLeft === 0) this.#endLiteral();
        continue;
      }
      const lineEnd = chunk.indexOf(LF, at);
      const end = Math.min(lineEnd < 0 ? chunk.length : lineEnd + 1, at + SLICE_BYTES);
      const part = chunk.subarray(at, end);
      if (this.#head.length < HEAD_BYTES)
        this.#head += part.toString("latin1", 0, HEAD_BYTES - this.#head.length);
      const cut = this.#isLongSearch ? this.#cutSearch(part, at > handedOn) : undefined;
      if (cut !== undefined) {
        pieces.push(chunk.subarray(handedOn, at + cut.at), cut.insert);
        handedOn = at + cut.end;
        this.#responseBytes = 0;
      }
      const announced = this.#takeLine(part, end === lineEnd + 1);
      at = end;
      if (this.#bodySize > 0) {
        pieces.push(chunk.subarray(handedOn, at - announced), EMPTY_LITERAL);
        handedOn = at;
      }
    }
    const end = chunk.length - this.#keepBack(chunk);
    if (pieces.length > 0) return Buffer.concat([...pieces, chunk.subarray(handedOn, end)]);
    return chunk.subarray(handedOn, end);
  }

  /** An announcement, or a separator, can be replaced only while all of it is here. @returns how many bytes wait for the rest. */
  #keepBack(chunk: Buffer): number {
    const length = this.#begunLength;
    if (length > 0) this.#withheld = Buffer.from(chunk.subarray(chunk.length - length));
    return length;
  }

  get #begunLength(): number {
    if (this.#literalLeft > 0) return 0;
    if (this.#isLongSearch) return this.#tail.endsWith(this.#separator) ? 1 : 0;
    return this.#takeBody === undefined ? 0 : (BEGUN_LITERAL.exec(this.#tail)?.[0].length ?? 0);
  }

  #endLiteral(): void {
    if (this.#bodySize === 0) return;
    this.#bodySize = 0;
    this.#takeBody = undefined;
  }

  /** True within an answer to SEARCH of which so much has come that it is to be cut. */
  get #isLongSearch(): boolean {
    return this.#responseBytes >= SEARCH_LINE_BYTES && (SEARCH.test(this.#head) || ESEARCH.test(this.#head));
  }

  get #separator(): string {
    return SEARCH.test(this.#head) ? " " : ",";
  }

  /**
   * Where the rest of an answer to SEARCH can become a line of its own: before a number.
   * @param looksBack true if the byte before the part is not handed on yet.
   */
  #cutSearch(part: Buffer, looksBack: boolean): Cut | undefined {
    const separator = this.#separator;
    const before = Buffer.from(this.#tail.slice(-2), "latin1");
    const from = looksBack ? before.length - 1 : before.length;
    const at = separatorIn(Buffer.concat([before, part]), separator.charCodeAt(0), from) - before.length;
    if (at < from - before.length) return undefined;
    const insert = Buffer.from(separator === " " ? "\r\n* SEARCH " : "\r\n* ESEARCH UID ALL ");
    return { at, end: at + 1, insert };
  }

  /** @returns the length of the announcement of a literal at the end of the line; 0 if there is none. */
  #takeLine(part: Buffer, ends: boolean): number {
    this.#count(part.length);
    this.#tail = (this.#tail + part.toString("latin1", Math.max(0, part.length - TAIL_BYTES))).slice(
      -TAIL_BYTES,
    );
    if (!ends) return 0;
    if (++this.#lines > this.#budget.lines) throw answerTooLong(this.#scene);
    if (!this.#greeted && this.#head.trim() !== "") {
      if (!GREETING.test(this.#head)) throw notImap(this.#scene);
      this.#greeted = true;
    }
    const [announcement = "", digits] = LITERAL.exec(this.#tail) ?? [];
    if (digits === undefined && ENDLESS_LITERAL.test(this.#tail)) throw responseTooLarge(this.#scene);
    this.#tail = "";
    if (digits !== undefined) {
      this.#takeLiteral(Number(digits));
      return announcement.length;
    }
    this.#head = "";
    this.#responseBytes = 0;
    this.#bodyBytes = 0;
    return 0;
  }

  #takeLiteral(size: number): void {
    this.#literalLeft = size;
    if (this.#budget.bodyBytes === 0 || !FETCH.test(this.#head)) {
      this.#count(size);
      return;
    }
    this.#bodyBytes += size;
    if (this.#bodyBytes > this.#budget.bodyBytes) throw responseTooLarge(this.#scene);
    if (this.#takeBody !== undefined) this.#bodySize = size;
  }

  #count(bytes: number): void {
    this.#responseBytes += bytes;
    this.#bytes += bytes;
    if (this.#responseBytes > MAX_RESPONSE_BYTES) throw responseTooLarge(this.#scene);
    if (this.#bytes > this.#budget.bytes) throw answerTooLong(this.#scene);
  }
}

/** Bytes of a response that are replaced. */
interface Cut {
  readonly at: number;
  readonly end: number;
  readonly insert: Buffer;
}

/** The first of these separators with a number after it, and a number or another separator before it. */
function separatorIn(part: Buffer, separator: number, from: number): number {
  for (let at = from; at < part.length - 1; at++)
    if (
      part[at] === separator &&
      isDigit(part[at + 1]) &&
      (isDigit(part[at - 1]) || part[at - 1] === separator)
    )
      return at;
  return -1;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function answerTooLong({ side, host, port }: Scene): MigrationError {
  return new MigrationError(
    "transient",
    "AnswerTooLong",
    `The ${side} server ${host}:${port} sent more in answer to one command than any mailbox needs, and was cut off.`,
  );
}

export function responseTooLarge({ side, host, port }: Scene): MigrationError {
  return new MigrationError(
    "transient",
    "ResponseTooLarge",
    `The ${side} server ${host}:${port} sent an answer larger than accepted.`,
  );
}

/**
 * Puts a guard in front of the stream that cuts what was received into responses: behind TLS and decompression, so that
 * nothing passes it by. Once `patient`, it hands on a little at a time and lets others run in between, since the library
 * reads thousands of short lines in one go. Not before the login is done: what came along with the answer to STARTTLS
 * must not reach the library after TLS was started.
 * @param streamer imapflow's own, whose `_transform` takes the bytes.
 */
export function putInFront(guard: AnswerGuard, streamer: Transform, patient: () => boolean): void {
  const transform = streamer._transform.bind(streamer);
  let ranSince = performance.now();
  const handOn = (chunk: Buffer, encoding: BufferEncoding, done: TransformCallback): void => {
    if (!patient()) {
      transform(chunk, encoding, done);
      return;
    }
    const end = sliceEnd(chunk);
    transform(chunk.subarray(0, end), encoding, () => {
      const rest = () => {
        if (chunk.length <= end || streamer.destroyed) done();
        else handOn(chunk.subarray(end), encoding, done);
      };
      if (performance.now() - ranSince < SLICE_MS) {
        rest();
        return;
      }
      setImmediate(() => {
        ranSince = performance.now();
        rest();
      });
    });
  };
  streamer._transform = (chunk: Buffer, encoding, done) => {
    try {
      const rest = guard.take(chunk);
      const { room } = guard;
      handOn(
        rest,
        encoding,
        room === undefined ? done : (...failure) => void room.then(() => done(...failure)),
      );
    } catch (error) {
      streamer.destroy(error as Error);
      done();
    }
  };
}

function sliceEnd(chunk: Buffer): number {
  let end = 0;
  for (let lines = 0; lines < SLICE_LINES && end < SLICE_BYTES; lines++) {
    const lineEnd = chunk.indexOf(LF, end);
    if (lineEnd < 0) return SLICE_BYTES;
    end = lineEnd + 1;
  }
  return Math.min(end, SLICE_BYTES);
}

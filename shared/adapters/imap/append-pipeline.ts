import type { Duplex } from "node:stream";
import type { MigrationError } from "../../domain/errors.ts";
import { type ByteSource, readRange } from "../byte-source.ts";
import { type AnswerGuard, shortAnswer } from "./answer-guard.ts";
import { type Append, type AppendChannel, bytesOf, outOfTime } from "./append.ts";
import { classifyFailure } from "./classify.ts";
import type { ImapConnection } from "./connection.ts";
import { formatDateTime } from "./dates.ts";
import { idCommand } from "./quick-login.ts";
import { isCourier } from "./software.ts";
import { parseReply, type Reply } from "./wire.ts";

/** A larger literal has to be asked for where the server has LITERAL- alone (RFC 7888, 5). */
const MAX_SMALL_LITERAL = 4_096;
/** Messages and bytes of one command with several of them. */
const MAX_JOINED = 32;
const MAX_JOINED_BYTES = 1024 * 1024;
const LOGOUT_MS = 2_000;
/** Milliseconds for the answer to ID. */
const ID_MS = 120_000;
const LF = 0x0a;
const CR = 0x0d;

interface Waiting {
  /** Milliseconds since 1970 after which it is not sent. */
  readonly deadline: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: MigrationError) => void;
}

interface Item extends Waiting {
  readonly message: Append;
  readonly hasNul: boolean;
  /** Set once a command with several messages was refused. */
  readonly alone?: boolean;
}

/** A command other than APPEND. */
interface Line extends Waiting {
  readonly line: string;
}

interface Command {
  readonly tag: string;
  readonly items: readonly (Item | Line)[];
  readonly timer: NodeJS.Timeout;
  /** Of a message that is sent piece by piece: true once all of it is, false if the connection ended before. */
  sent?: Promise<boolean>;
}

/**
 * True for a server that takes APPENDs one behind another and tells each copy's UID: with literals that need not be
 * asked for, and UIDPLUS. Courier tells two that come at the same moment one UID.
 */
export function takesPipelines(connection: ImapConnection): boolean {
  return (
    connection.has("UIDPLUS") &&
    (connection.has("LITERAL+") || connection.has("LITERAL-")) &&
    !isCourier(connection.greeting)
  );
}

/**
 * A connection that is used for APPEND, and for commands of which only the tagged answer counts, without waiting for one
 * answer before the next one is sent (RFC 9051, 5.5); messages that wait for the socket share a command where the server
 * takes several (MULTIAPPEND, RFC 3502). Each tagged answer is that of its message; when the connection ends, those
 * without one are in doubt. How much may be under way is the caller's matter.
 */
export class AppendPipeline implements AppendChannel {
  readonly #connection: ImapConnection;
  readonly #socket: Duplex;
  readonly #guard: AnswerGuard;
  readonly #joins: boolean;
  readonly #inFlight = new Map<string, Command>();
  #queue: (Item | Line)[] = [];
  /** The command whose literal the server has been asked to take. */
  #asked: string | undefined;
  /** True while a message is sent piece by piece. */
  #streams = false;
  /** Lets the next piece be sent. */
  #drained: (() => void) | undefined;
  #tags = 0;
  #pending = 0;
  #pumps = false;
  /** What was received of a line that is not complete. */
  #rest: Buffer = Buffer.alloc(0);
  #literalLeft = 0;
  /** True while the next line is the rest of an untagged response, behind a literal. */
  #continues = false;
  #end: MigrationError | undefined;

  /** @param connection that nobody else uses; it is taken over. */
  constructor(connection: ImapConnection) {
    const { socket, guard } = connection.handOver();
    this.#connection = connection;
    this.#socket = socket;
    this.#guard = guard;
    this.#joins = connection.has("MULTIAPPEND");
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("drain", () => {
      this.#drained?.();
      this.#pump();
    });
    socket.on("error", (error) => this.#fail(error));
    socket.on("end", () => this.#fail({}));
    socket.on("close", () => this.#fail({}));
    socket.resume();
    // The login has left it to us. Whatever the answer is: a server that insists on it has been told.
    if (connection.has("ID")) this.command(idCommand, Date.now() + ID_MS).catch(() => undefined);
  }

  get usable(): boolean {
    return this.#end === undefined;
  }

  /** Messages and commands that have no answer yet. */
  get pending(): number {
    return this.#pending;
  }

  has(capability: string): boolean {
    return this.#connection.has(capability);
  }

  limit(capability: string): number | undefined {
    return this.#connection.limit(capability);
  }

  refusal(reply: Reply): MigrationError {
    return this.#connection.refusal(reply);
  }

  /**
   * Sends one message behind those before it. The answer to one that shared its command has the UID of its own copy.
   * @throws MigrationError, in doubt if the message may have been stored.
   */
  send(message: Append, hasNul: boolean): Promise<Reply> {
    return this.#enqueue((waiting) => ({ ...waiting, message, hasNul }), message.deadline);
  }

  /**
   * Sends a command behind those before it.
   * @param line without tag and line end; its characters are bytes.
   * @throws MigrationError, in doubt if it may have been carried out.
   */
  command(line: string, deadline: number): Promise<Reply> {
    return this.#enqueue((waiting) => ({ ...waiting, line }), deadline);
  }

  #enqueue(entry: (waiting: Waiting) => Item | Line, deadline: number): Promise<Reply> {
    return new Promise<Reply>((resolve, reject) => {
      if (this.#end) {
        reject(this.#end);
        return;
      }
      this.#pending++;
      this.#queue.push(entry({ deadline, resolve, reject }));
      // What comes in one go can share a command.
      if (this.#pumps) return;
      this.#pumps = true;
      setImmediate(() => {
        this.#pumps = false;
        this.#pump();
      });
    }).finally(() => this.#pending--);
  }

  /** LOGOUT, then the socket is closed. Never throws. */
  async close(): Promise<void> {
    if (!this.usable) return;
    const closed = new Promise<void>((resolve) => {
      const timer = setTimeout(() => this.#socket.destroy(), LOGOUT_MS);
      this.#socket.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.#socket.end("LOGOUT LOGOUT\r\n");
    await closed;
  }

  #pump(): void {
    this.#socket.cork();
    while (
      this.#end === undefined &&
      this.#asked === undefined &&
      !this.#streams &&
      !this.#socket.writableNeedDrain
    ) {
      const first = this.#queue.shift();
      if (first === undefined) break;
      if (first.deadline <= Date.now()) first.reject(outOfTime());
      else if ("line" in first) this.#socket.write(`${this.#begin([first]).tag} ${first.line}\r\n`, "latin1");
      else this.#append(first);
    }
    this.#socket.uncork();
  }

  #begin(items: Command["items"]): Command {
    const tag = `A${++this.#tags}`;
    const limitMs = Math.max(...items.map(({ deadline }) => deadline)) - Date.now();
    const timer = setTimeout(() => this.#fail({ code: "CommandTimeout", limitMs }), limitMs);
    const command: Command = { tag, items, timer };
    this.#inFlight.set(tag, command);
    return command;
  }

  #append(first: Item): void {
    const asks = !this.#isQuick(first);
    const items = asks ? [first] : [first, ...this.#joined(first)];
    const command = this.#begin(items);
    let before = `${command.tag} APPEND ${nameArgument(first.message.path)} `;
    for (const { message, hasNul } of items) {
      const { flags, internalDate, content } = message;
      const literal = `${hasNul ? "~" : ""}{${bytesOf(message)}${asks ? "" : "+"}}`;
      const head = `${before}(${flags.join(" ")}) "${formatDateTime(internalDate)}" ${literal}\r\n`;
      this.#socket.write(head, "latin1");
      before = " ";
      if (asks) {
        this.#asked = command.tag;
        return;
      }
      if (!Buffer.isBuffer(content)) {
        this.#stream(command, content);
        return;
      }
      this.#socket.write(content);
    }
    this.#socket.write("\r\n");
  }

  /** Sends what is not in memory, no faster than the server takes it, and nothing else meanwhile. */
  #stream(command: Command, content: ByteSource): void {
    this.#streams = true;
    command.sent = this.#pieces(content)
      .catch((error: unknown) => {
        this.#fail(error);
        return false;
      })
      .finally(() => {
        this.#streams = false;
        this.#pump();
      });
  }

  async #pieces(content: ByteSource): Promise<boolean> {
    let left = content.size;
    for await (const piece of readRange(content, 0, content.size)) {
      if (this.#end) return false;
      left -= piece.length;
      if (!this.#socket.write(piece))
        await new Promise<void>((resolve) => {
          this.#drained = resolve;
        });
    }
    // What came next would be taken for the rest of the message.
    if (left > 0) this.#fail({});
    if (this.#end) return false;
    this.#socket.write("\r\n");
    return true;
  }

  /** What waits behind a message and can share its command. */
  #joined({ message, alone = false }: Item): readonly Item[] {
    if (!this.#joins || alone || !Buffer.isBuffer(message.content)) return [];
    const joined: Item[] = [];
    let bytes = bytesOf(message);
    for (const next of this.#queue) {
      if ("line" in next) break;
      bytes += bytesOf(next.message);
      const fits =
        next.alone !== true &&
        Buffer.isBuffer(next.message.content) &&
        next.message.path === message.path &&
        next.deadline > Date.now() &&
        this.#isQuick(next) &&
        joined.length + 1 < MAX_JOINED &&
        bytes <= MAX_JOINED_BYTES;
      if (!fits) break;
      joined.push(next);
    }
    this.#queue.splice(0, joined.length);
    return joined;
  }

  #isQuick({ message }: Item): boolean {
    return this.#connection.has("LITERAL+") || bytesOf(message) <= MAX_SMALL_LITERAL;
  }

  #take(chunk: Buffer): void {
    if (this.#end) return;
    try {
      this.#guard.take(chunk);
    } catch (error) {
      this.#fail(error);
      return;
    }
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (this.#end === undefined) {
      const skipped = Math.min(this.#literalLeft, bytes.length - at);
      this.#literalLeft -= skipped;
      at += skipped;
      const lineEnd = bytes.indexOf(LF, at);
      if (lineEnd < 0) break;
      const line = bytes.toString("latin1", at, bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd);
      at = lineEnd + 1;
      const ofUntagged = this.#continues || line.startsWith("* ");
      if (!this.#continues) this.#takeLine(line);
      const literal = ofUntagged ? /\{(\d{1,9})\}$/.exec(line)?.[1] : undefined;
      this.#continues = literal !== undefined;
      this.#literalLeft = Number(literal ?? 0);
    }
    this.#rest = bytes.subarray(at);
    this.#pump();
  }

  #takeLine(line: string): void {
    if (line.startsWith("* ")) {
      if (/^\* BYE\b/i.test(line)) this.#fail({ reason: line.slice("* BYE ".length) });
      return;
    }
    if (line.startsWith("+")) {
      const command = this.#inFlight.get(this.#asked ?? "");
      const [item] = command?.items ?? [];
      if (command === undefined || item === undefined || "line" in item) {
        this.#fail({});
        return;
      }
      this.#asked = undefined;
      const { content } = item.message;
      if (Buffer.isBuffer(content)) {
        this.#socket.write(content);
        this.#socket.write("\r\n");
      } else this.#stream(command, content);
      return;
    }
    const space = line.indexOf(" ");
    const tag = line.slice(0, space);
    const command = this.#inFlight.get(tag);
    const reply = parseReply(line.slice(space + 1));
    // Out of step: what the answers so far belonged to is known, and nothing more.
    if (command === undefined || reply === undefined) {
      this.#fail({});
      return;
    }
    this.#inFlight.delete(tag);
    if (this.#asked === tag) this.#asked = undefined;
    this.#guard.expect(shortAnswer);
    const settle = (isWhole: boolean) => {
      clearTimeout(command.timer);
      if (isWhole || reply.status !== "OK" || this.#end === undefined) this.#answer(command.items, reply);
      // Said of a message of which the rest was never sent.
      else for (const item of command.items) item.reject(this.#end.asInDoubt());
    };
    // Refused, the rest of a message is sent all the same, in its time, and whoever waits for the answer gives its bytes up.
    if (command.sent) void command.sent.then(settle);
    else settle(true);
  }

  #answer(items: Command["items"], reply: Reply): void {
    if (reply.status !== "OK") {
      // All or nothing (RFC 3502, 6.3.11): refused, none is stored, and each may do better alone.
      if (items.length > 1) this.#queue.unshift(...items.map((item) => ({ ...item, alone: true })));
      else for (const { resolve } of items) resolve(reply);
      return;
    }
    const [uidValidity = "", set = ""] = reply.codeArguments;
    const uids = reply.code === "APPENDUID" ? uidsIn(set, items.length) : undefined;
    for (const [index, { resolve }] of items.entries())
      resolve({
        ...reply,
        ...(uids ? { codeArguments: [uidValidity, String(uids[index])] } : { code: "", codeArguments: [] }),
      });
  }

  #fail(cause: unknown): void {
    if (this.#end) return;
    const error = classifyFailure(cause, this.#connection.scene);
    this.#end = error;
    // One for all: it is one failure.
    const inDoubt = error.asInDoubt();
    for (const { items, timer } of this.#inFlight.values()) {
      clearTimeout(timer);
      for (const item of items) item.reject(inDoubt);
    }
    this.#inFlight.clear();
    for (const item of this.#queue.splice(0)) item.reject(error);
    this.#socket.destroy();
    this.#drained?.();
  }
}

/** The name of a mailbox in the bytes in which the server listed it: its characters are bytes. */
export function nameArgument(name: string): string {
  return /^[\x20-\x7e]*$/.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : `{${name.length}+}\r\n${name}`;
}

/** The UIDs of a set in the order of the messages they were given to (RFC 4315, 3); undefined if they are not so many. */
function uidsIn(set: string, count: number): readonly number[] | undefined {
  const uids: number[] = [];
  for (const part of set.split(",")) {
    const [, first, last = first] = /^(\d{1,10})(?::(\d{1,10}))?$/.exec(part) ?? [];
    const [low, high] = [Number(first), Number(last)];
    if (!(low > 0 && high >= low && uids.length + high - low < count)) return undefined;
    for (let uid = low; uid <= high; uid++) uids.push(uid);
  }
  return uids.length === count ? uids : undefined;
}

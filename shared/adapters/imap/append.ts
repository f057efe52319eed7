import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import { type ByteSource, readAll, readRange } from "../byte-source.ts";
import type { ImapConnection } from "./connection.ts";
import { formatDateTime } from "./dates.ts";
import { type Argument, atom, mailbox, type Reply, string } from "./wire.ts";

export interface Append {
  readonly path: string;
  readonly flags: readonly string[];
  readonly internalDate: Date;
  /** A large one is kept elsewhere than in memory. */
  readonly content: Buffer | ByteSource;
  /** Milliseconds since 1970 after which nothing is sent. */
  readonly deadline: number;
}

export interface AppendUid {
  readonly uidValidity: string;
  readonly uid: number;
}

const TOO_LARGE =
  /too (?:large|big|long)|exceeds? (?:the )?(?:maximum|max|allowed|fixed)|size limit|message size/i;
const CONTENT =
  /header|newline|line|nul\b|null|8-?bit|non-ascii|empty|zero|mime|rfc-?\d*822|invalid message|bad message/i;

/** A way to the server on which messages can be sent. */
export interface AppendChannel {
  has(capability: string): boolean;
  /** Value of a capability such as APPENDLIMIT=n. */
  limit(capability: string): number | undefined;
  /** The error a refusal stands for. */
  refusal(reply: Reply): MigrationError;
  /**
   * Sends an APPEND and waits for its tagged answer.
   * @throws MigrationError, in doubt if the message may have been stored.
   */
  send(message: Append, hasNul: boolean): Promise<Reply>;
}

/** A connection that sends one message at a time. */
export function channelOf(connection: ImapConnection): AppendChannel {
  return {
    has: (capability) => connection.has(capability),
    limit: (capability) => connection.limit(capability),
    refusal: (reply) => connection.refusal(reply),
    send: (message, hasNul) => send(connection, message, hasNul),
  };
}

/**
 * APPEND (RFC 9051, 6.3.12) of one message.
 * @returns APPENDUID (RFC 4315), or undefined where the server does not tell.
 * @throws MigrationError `item` for a message or folder the server does not take; `inDoubt` if no answer came.
 */
export async function append(channel: AppendChannel, message: Append): Promise<AppendUid | undefined> {
  const limit = channel.limit("APPENDLIMIT");
  if (limit !== undefined && bytesOf(message) > limit) throw tooLarge();
  const hasNul = await holdsNul(message.content);
  if (hasNul && !channel.has("BINARY"))
    throw new MigrationError(
      "item",
      "MessageHasNul",
      "The message holds NUL bytes, which the target server does not accept.",
    );
  let reply = await channel.send(message, hasNul);
  // A refusal for no known reason may be the server's momentary state: once more before the message is given up.
  if (reply.status === "NO" && reasonOf(channel, reply) === undefined)
    reply = await channel.send(message, hasNul);
  if (reply.status !== "OK") throw reasonOf(channel, reply) ?? refused(reply);
  const [uidValidity = "", uid = ""] = reply.codeArguments;
  if (reply.code !== "APPENDUID" || !/^\d{1,10}$/.test(uidValidity) || !/^\d{1,10}$/.test(uid))
    return undefined;
  return { uidValidity, uid: Number(uid) };
}

export function bytesOf({ content }: Pick<Append, "content">): number {
  return Buffer.isBuffer(content) ? content.length : content.size;
}

async function holdsNul(content: Append["content"]): Promise<boolean> {
  if (Buffer.isBuffer(content)) return content.includes(0);
  for await (const piece of readRange(content, 0, content.size)) if (piece.includes(0)) return true;
  return false;
}

async function send(connection: ImapConnection, message: Append, hasNul: boolean): Promise<Reply> {
  const timeoutMs = message.deadline - Date.now();
  if (timeoutMs <= 0) throw outOfTime();
  const { content } = message;
  const value = Buffer.isBuffer(content) ? content : await readAll(content, 0, content.size);
  const parameters: Argument[] = [
    mailbox(message.path),
    message.flags.map(atom),
    string(formatDateTime(message.internalDate)),
    { type: "LITERAL", value, isLiteral8: hasNul },
  ];
  let sent = false;
  try {
    return await connection.attempt("APPEND", parameters, {
      timeoutMs,
      onSent: () => {
        sent = true;
      },
    });
  } catch (error) {
    throw sent && isMigrationError(error) ? error.asInDoubt() : error;
  }
}

export function outOfTime(): MigrationError {
  return new MigrationError(
    "transient",
    "WriteTimeout",
    "A message could not be read and written in its time; it is tried again later.",
  );
}

export function folderGone(): MigrationError {
  return new MigrationError("item", "TargetFolderGone", "The folder no longer exists in the target.");
}

/** The error of a refusal whose reason is known. */
function reasonOf(channel: AppendChannel, reply: Reply): MigrationError | undefined {
  if (reply.code === "TRYCREATE" || reply.code === "NONEXISTENT") return folderGone();
  if (reply.code === "TOOBIG" || TOO_LARGE.test(reply.text)) return tooLarge();
  const general = channel.refusal(reply);
  if (general.code !== "CommandRefused") return general;
  return reply.status === "BAD" || CONTENT.test(reply.text) ? refused(reply) : undefined;
}

export function tooLarge(): MigrationError {
  return new MigrationError(
    "item",
    "MessageTooLarge",
    "The message is larger than the target server accepts. Raise the limit there, then retry the batch.",
  );
}

function refused(reply: Reply): MigrationError {
  const what = CONTENT.test(reply.text) ? "because of its form" : "without a known reason";
  const code = reply.code === "" ? "" : ` (${reply.code.slice(0, 32)})`;
  return new MigrationError(
    "item",
    "MessageRefused",
    `The target server does not accept the message, ${what}${code}.`,
  );
}

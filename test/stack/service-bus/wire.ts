import { randomUUID } from "node:crypto";
import rhea, { type Message } from "rhea";
import { messageTooLarge } from "./faults.ts";
import type { IncomingMessage, QueueMessage } from "./queue.ts";

/** What a queue keeps of a message: all sections as the sender encoded them. */
export type Content = Message;

/** Largest message, and largest batch, of the Standard tier, in bytes. */
export const maxMessageBytes = 256 * 1024;

/** Format of a transfer that holds several encoded messages, one a data section. */
const batchFormat = 0x80013700;

const ticksPerMillisecond = 10_000n;
/** 1970-01-01 in .NET ticks, which count from the year 1. */
const epochTicks = 621_355_968_000_000_000n;

/**
 * The messages of one transfer.
 * @throws ServiceBusFault if it is too large.
 */
export function decodeTransfer(
  message: Message | Buffer,
  format: number | undefined,
): IncomingMessage<Content>[] {
  if (format !== batchFormat || !Buffer.isBuffer(message)) {
    refuseTooLarge(rhea.message.encode(message).length);
    return [toIncoming(message as Message)];
  }
  refuseTooLarge(message.length);
  const { content } = rhea.message.decode(message).body as { content: Buffer | Buffer[] };
  return [content].flat().map(decodeMessage);
}

/** @throws ServiceBusFault if it is too large. */
export function decodeMessage(encoded: Buffer): IncomingMessage<Content> {
  refuseTooLarge(encoded.length);
  return toIncoming(rhea.message.decode(encoded) as unknown as Message);
}

function refuseTooLarge(bytes: number): void {
  if (bytes > maxMessageBytes) throw messageTooLarge(maxMessageBytes);
}

function toIncoming(content: Content): IncomingMessage<Content> {
  // The service gives every message an id; the client's lock renewal does not work without one.
  content.message_id ??= randomUUID().replaceAll("-", "");
  const scheduledFor = content.message_annotations?.["x-opt-scheduled-enqueue-time"];
  return {
    messageId: String(content.message_id),
    sessionId: content.group_id,
    ttlMs: content.ttl,
    notBefore: scheduledFor === undefined ? undefined : Number(scheduledFor),
    content,
  };
}

/** A message as a receiver gets it. */
export function encodeMessage(message: QueueMessage<Content>): Buffer {
  const { content, lock } = message;
  return rhea.message.encode({
    ...content,
    durable: true,
    delivery_count: message.deliveryCount,
    application_properties: applicationProperties(message),
    message_annotations: {
      ...content.message_annotations,
      "x-opt-sequence-number": rhea.types.wrap_long(message.sequenceNumber),
      "x-opt-enqueue-sequence-number": rhea.types.wrap_long(message.enqueuedSequenceNumber),
      "x-opt-enqueued-time": rhea.types.wrap_timestamp(message.enqueuedAt),
      "x-opt-message-state": rhea.types.wrap_int(messageStates[message.state]),
      ...(lock && { "x-opt-locked-until": rhea.types.wrap_timestamp(lock.until) }),
      ...(message.deadLetterSource !== undefined && { "x-opt-deadletter-source": message.deadLetterSource }),
    },
  });
}

const messageStates = { active: 0, deferred: 1, scheduled: 2 };

/** The sender's application properties and those that receivers and the queue added. */
export function applicationProperties(message: QueueMessage<Content>): Record<string, unknown> | undefined {
  const all = { ...message.content.application_properties, ...message.properties };
  return Object.keys(all).length === 0 ? undefined : all;
}

/** The body as text. */
export function bodyText({ body }: Content): string {
  const content: unknown = isDataSection(body) ? body.content : body;
  if (Buffer.isBuffer(content)) return content.toString("utf8");
  if (Array.isArray(content) && content.every((part) => Buffer.isBuffer(part))) {
    return Buffer.concat(content).toString("utf8");
  }
  return typeof content === "string" ? content : JSON.stringify(content);
}

function isDataSection(body: unknown): body is { content: unknown } {
  return typeof body === "object" && body !== null && "content" in body && "collect_sections" in body;
}

/** The delivery tag is the lock token in the byte order of a .NET Guid. */
export function deliveryTag(lockToken: string): Buffer {
  const bytes = uuidBytes(lockToken);
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}

export function uuidBytes(uuid: string): Buffer {
  return rhea.string_to_uuid(uuid);
}

export function uuidText(bytes: Buffer): string {
  return rhea.uuid_to_string(bytes);
}

/** @param at milliseconds since 1970. */
export function dotNetTicks(at: number): Buffer {
  const ticks = Buffer.alloc(8);
  ticks.writeBigInt64BE(BigInt(at) * ticksPerMillisecond + epochTicks);
  return ticks;
}

/** A 64-bit integer, which rhea gives as a number where it fits and else as eight bytes. */
export function longValue(value: number | Buffer): number {
  return typeof value === "number" ? value : Number(value.readBigInt64BE());
}

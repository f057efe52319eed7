import rhea, { type Message } from "rhea";
import type { Entity } from "./entity.ts";
import { notImplemented, sessionLockLost } from "./faults.ts";
import type { LockedMessage, QueueMessage, SessionLock } from "./queue.ts";
import {
  type Content,
  decodeMessage,
  encodeMessage,
  longValue,
  maxMessageBytes,
  uuidBytes,
  uuidText,
} from "./wire.ts";

/** Type codes of the elements of an AMQP array. */
const longCode = 0x81;
const timestampCode = 0x83;

type Fields = Readonly<Record<string, unknown>>;

interface ManagementRequest {
  readonly fields: Fields;
  /** Name of the link of the receiver or sender on whose behalf the client asks. */
  readonly linkName: string | undefined;
}

type Operation = (entity: Entity, request: ManagementRequest) => Fields | undefined;

/**
 * Answers a request to an entity's management node.
 * Operations and fields: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
 * @returns the body of the answer, or undefined where there is no content.
 * @throws ServiceBusFault where the request is refused.
 */
export function manage(entity: Entity, request: Message): Fields | undefined {
  const name = String(request.application_properties?.operation);
  const operation = operations[name];
  if (!operation) throw notImplemented(`The operation '${name}' is not implemented.`);
  const linkName: unknown = request.application_properties?.["associated-link-name"];
  try {
    return operation(entity, {
      fields: request.body as Fields,
      linkName: typeof linkName === "string" ? linkName : undefined,
    });
  } finally {
    entity.wake();
  }
}

const operations: Readonly<Record<string, Operation>> = {
  "com.microsoft:schedule-message": (entity, { fields }) => {
    const messages = (fields.messages as { message: Buffer }[]).map(({ message }) => decodeMessage(message));
    return { "sequence-numbers": rhea.types.wrap_array(entity.queue.send(messages), longCode, undefined) };
  },

  "com.microsoft:cancel-scheduled-message": (entity, { fields }) => {
    entity.queue.cancelScheduled(sequenceNumbers(fields));
    return {};
  },

  "com.microsoft:peek-message": (entity, { fields }) => {
    const from = longValue(fields["from-sequence-number"] as number | Buffer);
    const sessionId = fields["session-id"] as string | null | undefined;
    const found = entity.queue.peek(from, fields["message-count"] as number, sessionId ?? undefined);
    const messages = withinLimit(found).map((message) =>
      rhea.types.wrap_map({ message: rhea.types.wrap_binary(message) }),
    );
    return messages.length === 0 ? undefined : { messages: rhea.types.wrap_list(messages) };
  },

  "com.microsoft:renew-lock": (entity, { fields }) => {
    const expirations = lockTokens(fields).map((token) => entity.queue.renewLock(token));
    return { expirations: rhea.types.wrap_array(expirations, timestampCode, undefined) };
  },

  "com.microsoft:receive-by-sequence-number": (entity, request) => {
    const numbers = sequenceNumbers(request.fields);
    const session = request.fields["session-id"] == null ? undefined : sessionLock(entity, request);
    const messages =
      request.fields["receiver-settle-mode"] === 0
        ? entity.queue.removeDeferred(numbers, session).map(deferredEntry)
        : entity.queue.lockDeferred(numbers, session).map(lockedEntry);
    return { messages: rhea.types.wrap_list(messages) };
  },

  "com.microsoft:update-disposition": (entity, { fields }) => {
    const properties = (fields["properties-to-modify"] ?? {}) as Fields;
    for (const token of lockTokens(fields)) {
      settle(entity, token, String(fields["disposition-status"]), properties, fields);
    }
    return {};
  },

  "com.microsoft:renew-session-lock": (entity, request) => ({
    expiration: rhea.types.wrap_timestamp(entity.queue.renewSession(sessionLock(entity, request))),
  }),

  "com.microsoft:get-session-state": (entity, request) => ({
    "session-state": entity.queue.sessionState(sessionLock(entity, request)) ?? null,
  }),

  "com.microsoft:set-session-state": (entity, request) => {
    const state = request.fields["session-state"] as Buffer | null;
    entity.queue.setSessionState(sessionLock(entity, request), state ?? undefined);
    return {};
  },
};

function settle(entity: Entity, token: string, status: string, properties: Fields, fields: Fields): void {
  switch (status) {
    case "completed":
      entity.queue.complete(token);
      break;
    case "abandoned":
      entity.queue.abandon(token, properties);
      break;
    case "defered":
      entity.queue.defer(token, properties);
      break;
    case "suspended":
      entity.queue.deadLetter(token, {
        ...properties,
        DeadLetterReason: fields["deadletter-reason"],
        DeadLetterErrorDescription: fields["deadletter-description"],
      });
      break;
    default:
      throw notImplemented(`The disposition '${status}' is not implemented.`);
  }
}

function sequenceNumbers(fields: Fields): number[] {
  return (fields["sequence-numbers"] as (number | Buffer)[]).map(longValue);
}

function lockTokens(fields: Fields): string[] {
  return (fields["lock-tokens"] as Buffer[]).map(uuidText);
}

/** The lock that the asking receiver holds: another receiver may hold the session by now. */
function sessionLock(entity: Entity, { fields, linkName }: ManagementRequest): SessionLock {
  const session = linkName === undefined ? undefined : entity.receiver(linkName)?.session;
  if (session?.sessionId !== fields["session-id"] || !session) throw sessionLockLost();
  return session;
}

/** As many messages as one answer may hold, at least one. */
function withinLimit(messages: readonly QueueMessage<Content>[]): Buffer[] {
  const encoded: Buffer[] = [];
  let bytes = 0;
  for (const message of messages) {
    const next = encodeMessage(message);
    bytes += next.length;
    if (encoded.length > 0 && bytes > maxMessageBytes) break;
    encoded.push(next);
  }
  return encoded;
}

function deferredEntry(message: QueueMessage<Content>) {
  return rhea.types.wrap_map({ message: rhea.types.wrap_binary(encodeMessage(message)) });
}

function lockedEntry(message: LockedMessage<Content>) {
  return rhea.types.wrap_map({
    "lock-token": rhea.types.wrap_uuid(uuidBytes(message.lock.token)),
    message: rhea.types.wrap_binary(encodeMessage(message)),
  });
}

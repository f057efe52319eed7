/**
 * A refusal as the service words it.
 * Conditions: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot
 */
export class ServiceBusFault extends Error {
  override readonly name = "ServiceBusFault";
  /** The AMQP error condition, which the client library turns into its error code. */
  readonly condition: string;
  /** The status of a refused management request. */
  readonly status: number;

  constructor(condition: string, status: number, message: string) {
    super(message);
    this.condition = condition;
    this.status = status;
  }
}

export const entityNotFound = (address: string) =>
  new ServiceBusFault("amqp:not-found", 404, `The messaging entity '${address}' could not be found.`);

export const notAllowed = (message: string) => new ServiceBusFault("amqp:not-allowed", 400, message);

export const notImplemented = (message: string) => new ServiceBusFault("amqp:not-implemented", 501, message);

export const messageTooLarge = (limit: number) =>
  new ServiceBusFault(
    "amqp:link:message-size-exceeded",
    400,
    `The message is larger than the ${limit} bytes that this entity accepts.`,
  );

export const messageLockLost = () =>
  new ServiceBusFault(
    "com.microsoft:message-lock-lost",
    410,
    "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue.",
  );

export const messageNotFound = (sequenceNumber: number) =>
  new ServiceBusFault(
    "com.microsoft:message-not-found",
    404,
    `There is no such message with sequence number ${sequenceNumber}.`,
  );

export const sessionLockLost = () =>
  new ServiceBusFault(
    "com.microsoft:session-lock-lost",
    410,
    "The session lock has expired on the message session. Accept a new message session.",
  );

export const sessionCannotBeLocked = (sessionId: string) =>
  new ServiceBusFault(
    "com.microsoft:session-cannot-be-locked",
    410,
    `The requested session '${sessionId}' cannot be accepted. It may be locked by another receiver.`,
  );

export const noSessionInTime = () =>
  new ServiceBusFault("com.microsoft:timeout", 408, "No session became available within the timeout.");

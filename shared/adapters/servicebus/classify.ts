import { isServiceBusError, type ServiceBusError } from "@azure/service-bus";
import { MigrationError } from "../../domain/errors.ts";
import { isTokenError } from "../azure-errors.ts";

/** The service asks a throttled client to wait this long, in milliseconds, and names no time in its answer. */
const busyPauseMs = 10_000;

/**
 * What an error of the Service Bus SDK means for the caller.
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-exceptions-latest
 */
export function classify(error: unknown): MigrationError {
  if (error instanceof MigrationError) return error;
  if (isServiceBusError(error)) return classifyServiceBusError(error);
  if (isTokenError(error))
    return new MigrationError(
      "fatal",
      "ServiceBusTokenUnavailable",
      "No token for Service Bus could be had: check the application's managed identity and AZURE_CLIENT_ID.",
      { cause: error },
    );
  return unreachable(error);
}

function classifyServiceBusError(cause: ServiceBusError): MigrationError {
  switch (cause.code) {
    case "UnauthorizedAccess":
      return new MigrationError(
        "fatal",
        "ServiceBusAccessDenied",
        'Service Bus refused access: grant the application\'s identity the roles "Azure Service Bus Data Sender" and "Azure Service Bus Data Receiver" on the namespace, and check ServiceBusConnection.',
        { cause },
      );
    case "MessagingEntityNotFound":
      return new MigrationError(
        "fatal",
        "ServiceBusQueueMissing",
        "A queue of the application is missing in Service Bus: deploy the infrastructure again, and check ServiceBusConnection.",
        { cause },
      );
    case "MessagingEntityDisabled":
      return new MigrationError(
        "fatal",
        "ServiceBusQueueDisabled",
        "A queue of the application is disabled in Service Bus: set its status to Active.",
        { cause },
      );
    case "ServiceBusy":
      return new MigrationError("throttled", "ServiceBusBusy", "Service Bus asked for a pause.", {
        retryAfterMs: busyPauseMs,
        cause,
      });
    case "QuotaExceeded":
      return new MigrationError(
        "transient",
        "ServiceBusQueueFull",
        "A queue of the application is full in Service Bus; it is tried again later. Raise the queue's maximum size if this lasts.",
        { cause },
      );
    case "MessageLockLost":
      return new MigrationError(
        "transient",
        "ServiceBusLockLost",
        "The lock of a message ended before it was settled; the message is delivered again.",
        { cause },
      );
    default:
      return cause.retryable ? unreachable(cause) : refused(cause);
  }
}

function unreachable(cause: unknown): MigrationError {
  return new MigrationError(
    "transient",
    "ServiceBusUnreachable",
    "Service Bus did not answer; it is tried again later.",
    { cause },
  );
}

function refused(cause: ServiceBusError): MigrationError {
  return new MigrationError(
    "fatal",
    "ServiceBusRequestRefused",
    `Service Bus refused a request (${cause.code}).`,
    {
      cause,
    },
  );
}

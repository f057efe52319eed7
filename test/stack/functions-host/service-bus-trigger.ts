import { availableParallelism } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type {
  ServiceBusClient,
  ServiceBusReceivedMessage,
  ServiceBusReceiver,
  ServiceBusSessionReceiver,
} from "@azure/service-bus";
import { isServiceBusError } from "@azure/service-bus";
import type { Clients } from "./clients.ts";
import type { HostConfig } from "./host-config.ts";
import type { Invoker, TriggeredFunction } from "./invocation.ts";
import { describeError, type Log } from "./log.ts";
import { toTriggerMetadata } from "./rpc.ts";
import { resolveSettings, type Settings } from "./settings.ts";
import type { TriggerListener } from "./trigger-listener.ts";

/** Milliseconds before asking again when the service had no session to give, and when it could not be asked. */
const noSessionPauseMs = 100;
const failurePauseMs = 1_000;

/** Sessions are asked for by so many at once, as in the real host's ServiceBusProcessor. */
const maxAsking = 2 * availableParallelism();

/** Answers to a request for a session that mean there is none at present. */
const noSessionCodes = ["ServiceTimeout", "SessionCannotBeLocked"];

type InTurn = (action: () => Promise<void>) => Promise<void>;

export interface ServiceBusTriggerOptions {
  readonly target: TriggeredFunction;
  readonly settings: Settings;
  readonly clients: Clients;
  readonly config: HostConfig["extensions"]["serviceBus"];
  readonly invoker: Invoker;
  readonly log: Log;
}

/**
 * Runs a function for each message of a Service Bus queue, with the limits of host.json: a message is completed when
 * the function returns and abandoned when it throws.
 * Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus#hostjson-settings
 * @throws Error for a prefetch count or a batch, which this host does not have.
 */
export function createServiceBusTrigger(options: ServiceBusTriggerOptions): TriggerListener {
  const { target, config } = options;
  if (config.prefetchCount > 0)
    throw new Error("host.json: this host does not prefetch; set prefetchCount to 0.");
  if (target.trigger.cardinality === "many")
    throw new Error(`${target.name}: this host hands messages out one at a time.`);
  return target.trigger.isSessionsEnabled === true ? listenToSessions(options) : listenToQueue(options);
}

function listenToQueue(options: ServiceBusTriggerOptions): TriggerListener {
  const { config } = options;
  const { client, queueName, dispatch, logError } = prepare(options);
  const [queue = "", subQueue] = queueName.split(/\/(\$.*)$/);
  const receiver = client.createReceiver(queue, {
    ...(subQueue !== undefined && { subQueueType: "deadLetter" as const }),
    maxAutoLockRenewalDurationInMs: config.maxAutoLockRenewalDuration,
    skipParsingBodyAsJson: true,
  });
  const inTurn = oneAtATime();
  const running = new Set<Promise<void>>();
  let subscription: { close(): Promise<void> } | undefined;
  return {
    async start() {
      subscription = receiver.subscribe(
        {
          processMessage: (message) => {
            const handling = dispatch(message, receiver, inTurn).finally(() => running.delete(handling));
            running.add(handling);
            return handling;
          },
          processError: async ({ error }) => logError("Messages not received")(error),
        },
        { autoCompleteMessages: false, maxConcurrentCalls: config.maxConcurrentCalls },
      );
    },
    async stop() {
      await subscription?.close();
      await Promise.all(running);
      await client.close();
    },
  };
}

function listenToSessions(options: ServiceBusTriggerOptions): TriggerListener {
  const { config } = options;
  const { client, queueName, dispatch, logError } = prepare(options);
  const stopping = new AbortController();
  const draining = new AbortController();
  const sessions = new Set<Promise<void>>();
  let asking = 0;
  let accepting: Promise<unknown> | undefined;

  async function acceptSessions(): Promise<void> {
    while (!stopping.signal.aborted && !draining.signal.aborted) {
      if (sessions.size + asking >= config.maxConcurrentSessions) {
        await Promise.race(sessions);
        continue;
      }
      asking++;
      const receiver = await acceptNext().finally(() => asking--);
      if (!receiver) continue;
      if (stopping.signal.aborted || draining.signal.aborted) return receiver.close();
      const session = processSession(receiver)
        .catch(logError("Session lost"))
        .finally(() => sessions.delete(session));
      sessions.add(session);
    }
  }

  async function acceptNext(): Promise<ServiceBusSessionReceiver | undefined> {
    try {
      return await client.acceptNextSession(queueName, {
        // The client counts this from the acceptance of the session, as the real host does.
        maxAutoLockRenewalDurationInMs: config.maxAutoLockRenewalDuration,
        skipParsingBodyAsJson: true,
      });
    } catch (error) {
      if (stopping.signal.aborted) return undefined;
      const noSession = isServiceBusError(error) && noSessionCodes.includes(error.code);
      if (!noSession) logError("No session accepted")(error);
      const pauseMs = noSession ? noSessionPauseMs : failurePauseMs;
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      return undefined;
    }
  }

  /** Handles the session's messages in order until none comes within the idle time, then gives it back. */
  async function processSession(receiver: ServiceBusSessionReceiver): Promise<void> {
    try {
      while (!stopping.signal.aborted) {
        // A drained listener handles no message and holds its sessions: azure-sdk-for-net#58170.
        if (draining.signal.aborted) return await aborted(stopping.signal);
        const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: config.sessionIdleTimeout });
        if (!message) return;
        await dispatch(message, receiver);
      }
    } finally {
      await receiver.close();
    }
  }

  return {
    async start() {
      const loops = Math.min(config.maxConcurrentSessions, maxAsking);
      accepting = Promise.all(Array.from({ length: loops }, acceptSessions));
    },
    drain: () => draining.abort(),
    async stop() {
      stopping.abort();
      await Promise.all(sessions);
      // A request for a session waits in the service, deaf to an abort signal; it ends with the connection.
      await client.close();
      await accepting;
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}

/** What both kinds of queue share. */
function prepare({ target, settings, clients, config, invoker, log }: ServiceBusTriggerOptions) {
  const { connection = "AzureWebJobsServiceBus", queueName, autoCompleteMessages } = target.trigger;
  const client: ServiceBusClient = clients.serviceBus(String(connection));
  const autoComplete =
    typeof autoCompleteMessages === "boolean" ? autoCompleteMessages : config.autoCompleteMessages;
  const logError = (message: string) => (error: unknown) =>
    log("error", `Host.Triggers.ServiceBus.${target.name}`, message, { error: describeError(error) });

  async function dispatch(
    message: ServiceBusReceivedMessage,
    receiver: ServiceBusReceiver,
    inTurn: InTurn = (action) => action(),
  ): Promise<void> {
    const returned = await invoker
      .invoke(target, {
        data: { string: bodyText(message.body) },
        triggerMetadata: metadataOf(message),
        traceParent: traceParentOf(message),
      })
      .then(
        () => true,
        () => false,
      );
    if (!autoComplete && returned) return;
    await inTurn(() =>
      returned ? receiver.completeMessage(message) : receiver.abandonMessage(message),
    ).catch(logError("Message not settled"));
  }

  return { client, queueName: resolveSettings(String(queueName), settings), dispatch, logError };
}

/**
 * Runs actions one after another. The client's AMQP library sends adjacent deliveries that are settled in one turn of
 * the event loop as one range with the first one's outcome, which would complete a message that is to be abandoned.
 */
function oneAtATime(): InTurn {
  let last: Promise<void> = Promise.resolve();
  return (action) => {
    const next = last.then(action);
    last = next.catch(() => undefined);
    return next;
  };
}

/** The body as text, which is what a function without `dataType` gets from the real host. */
function bodyText(body: unknown): string {
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString("utf8");
  return JSON.stringify(body);
}

/** Where clients put the trace: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-end-to-end-tracing */
function traceParentOf({ applicationProperties }: ServiceBusReceivedMessage): string | undefined {
  const id = applicationProperties?.["Diagnostic-Id"];
  return typeof id === "string" ? id : undefined;
}

function metadataOf(message: ServiceBusReceivedMessage) {
  return toTriggerMetadata({
    MessageId: message.messageId,
    // AMQP counts failed deliveries; the real host counts deliveries, so the first one is 1.
    DeliveryCount: (message.deliveryCount ?? 0) + 1,
    DeadLetterSource: message.deadLetterSource,
    LockToken: message.lockToken,
    ExpiresAtUtc: message.expiresAtUtc,
    EnqueuedTimeUtc: message.enqueuedTimeUtc,
    SequenceNumber: message.sequenceNumber?.toNumber(),
    ContentType: message.contentType,
    CorrelationId: message.correlationId,
    Subject: message.subject,
    Label: message.subject,
    To: message.to,
    ReplyTo: message.replyTo,
    ReplyToSessionId: message.replyToSessionId,
    SessionId: message.sessionId,
    PartitionKey: message.partitionKey,
    ApplicationProperties: message.applicationProperties ?? {},
    UserProperties: message.applicationProperties ?? {},
  });
}

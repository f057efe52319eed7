import { AmqpServer } from "./amqp-server.ts";
import { Entity } from "./entity.ts";
import { Queue, type QueueCounts, type QueueSettings } from "./queue.ts";
import { applicationProperties, bodyText, type Content } from "./wire.ts";

export type { QueueCounts, QueueSettings } from "./queue.ts";

/** A message in a queue, for tests to look at. */
export interface InspectedMessage {
  readonly queue: string;
  readonly state: "active" | "scheduled" | "deferred" | "locked";
  readonly messageId: string;
  readonly sessionId: string | undefined;
  readonly body: string;
  readonly applicationProperties: Readonly<Record<string, unknown>>;
  readonly deliveryCount: number;
  /** Milliseconds since 1970; of a scheduled message the time it becomes active. */
  readonly enqueuedAt: number;
}

export interface ServiceBusStandIn {
  /** For `ServiceBusClient`, and for the setting `ServiceBusConnection`. */
  readonly connectionString: string;
  readonly port: number;
  /** @throws if there is no such queue. */
  counts(queue: string): QueueCounts;
  /** All messages of a queue in any state, its dead letters included; of all queues where none is named. */
  messages(queue?: string): InspectedMessage[];
  /** Breaks every connection, as a failing network does. Clients may connect again. */
  dropConnections(): void;
  close(): Promise<void>;
}

/**
 * Starts a server in this process that unmodified Service Bus clients take for a namespace of the Standard tier.
 * Queues live in memory.
 * @throws if the port is taken.
 */
export async function startServiceBus(options: {
  /** Left out or 0: the operating system chooses one. */
  readonly port?: number;
  readonly queues: Readonly<Record<string, QueueSettings>>;
}): Promise<ServiceBusStandIn> {
  const queues = Object.entries(options.queues).map(
    ([name, settings]) => new Queue<Content>(name, settings, Date.now),
  );
  const entities = new Map(queues.flatMap(entitiesOf));
  const server = new AmqpServer(entities);
  const port = await server.start(options.port ?? 0);

  const find = (name: string): Queue<Content> => {
    const entity = entities.get(name.toLowerCase());
    if (!entity) throw new Error(`There is no queue '${name}'.`);
    return entity.queue;
  };
  return {
    connectionString: `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;`,
    port,
    counts: (name) => find(name).counts(),
    messages: (name) =>
      (name === undefined ? queues : [find(name)]).flatMap(withDeadLetters).flatMap(inspect),
    dropConnections: () => server.dropConnections(),
    async close() {
      await server.close();
      for (const entity of entities.values()) entity.close();
    },
  };
}

/** A queue and its dead-letter queue, by address. */
function entitiesOf(queue: Queue<Content>): [string, Entity][] {
  const deadLetters = queue.deadLetters && new Entity(queue.deadLetters, undefined, Date.now);
  const entity = new Entity(queue, deadLetters, Date.now);
  return [entity, ...(deadLetters ? [deadLetters] : [])].map((each) => [each.queue.name.toLowerCase(), each]);
}

function withDeadLetters(queue: Queue<Content>): Queue<Content>[] {
  return queue.deadLetters ? [queue, queue.deadLetters] : [queue];
}

function inspect(queue: Queue<Content>): InspectedMessage[] {
  return queue.peek(0, Number.POSITIVE_INFINITY).map((message) => ({
    queue: queue.name,
    state: message.lock ? "locked" : message.state,
    messageId: message.messageId,
    sessionId: message.sessionId,
    body: bodyText(message.content),
    applicationProperties: applicationProperties(message) ?? {},
    deliveryCount: message.deliveryCount,
    enqueuedAt: message.enqueuedAt,
  }));
}

import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";
import rhea, {
  type Connection,
  type Container,
  type EventContext,
  type Message,
  type Receiver,
  type Sender,
} from "rhea";
import { DispositionWriter } from "./disposition-writer.ts";
import type { Entity, SessionWaiter } from "./entity.ts";
import { entityNotFound, noSessionInTime, notAllowed, ServiceBusFault, sessionLockLost } from "./faults.ts";
import { manage } from "./management.ts";
import type { SessionLock } from "./queue.ts";
import { ReceiverLink } from "./receiver-link.ts";
import {
  answerAttachWith,
  discardLateDetach,
  postponeAttach,
  settleBeforeSending,
  writeOnceATick,
} from "./rhea-internals.ts";
import { decodeTransfer, dotNetTicks, maxMessageBytes } from "./wire.ts";

const claimsNode = "$cbs";
const managementSuffix = "/$management";
const sessionFilter = "com.microsoft:session-filter";
const timeoutProperty = "com.microsoft:timeout";
/** How long a client that names no time waits for a session, in milliseconds. */
const defaultSessionWaitMs = 60_000;

type Transfer = (context: EventContext) => void;

/** `closed`: the client said so. `lost`: its connection broke. */
type LinkEnd = (how: "closed" | "lost") => void;

/** Speaks AMQP 1.0 as Service Bus does, over plain TCP on the loopback interface. */
export class AmqpServer {
  readonly #entities: ReadonlyMap<string, Entity>;
  readonly #container: Container;
  readonly #transfers = new WeakMap<Receiver, Transfer>();
  readonly #links = new Map<Sender, LinkEnd>();
  readonly #replyLinks = new WeakMap<Connection, Map<string, Sender>>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  /** @param entities by lower-case address. */
  constructor(entities: ReadonlyMap<string, Entity>) {
    this.#entities = entities;
    this.#container = rhea.create_container({
      id: "service-bus",
      receiver_options: { autoaccept: false, max_message_size: maxMessageBytes },
      sender_options: { autosettle: false, treat_modified_as_released: false },
    });
    this.#container.sasl_server_mechanisms.enable_anonymous();
    this.#listen();
  }

  /** @returns the port. @throws if the port is taken. */
  async start(port: number): Promise<number> {
    const server = this.#container.listen({
      port,
      host: "127.0.0.1",
      max_frame_size: 65_536,
      channel_max: 4_999,
      session_buffer_size: { outgoing: 16_384, incoming: 2_048 },
    });
    server.on("connection", (socket) => {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server = server;
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  /** Breaks every connection, as a failing network does. */
  dropConnections(): void {
    // rhea notices an error or the peer's end, but not a socket destroyed without either.
    for (const socket of this.#sockets) socket.destroy(new Error("The connection was dropped."));
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = once(server, "close");
    server.close();
    this.dropConnections();
    await closed;
  }

  #listen(): void {
    const container = this.#container;
    container.on("connection_open", ({ connection }: EventContext) => {
      discardLateDetach(connection);
      writeOnceATick(connection);
    });
    container.on("receiver_open", (context: EventContext) => {
      const { receiver } = context;
      if (receiver) refuseFaults(receiver, () => this.#openForSender(receiver));
    });
    container.on("sender_open", (context: EventContext) => {
      const { sender } = context;
      if (sender) refuseFaults(sender, () => this.#openForReceiver(sender));
    });
    container.on("message", (context: EventContext) => {
      if (context.receiver) this.#transfers.get(context.receiver)?.(context);
    });
    container.on("sender_close", ({ sender }: EventContext) => {
      if (sender) this.#end(sender, "closed");
    });
    container.on("session_close", ({ session }: EventContext) => {
      this.#endAll((sender) => sender.session === session, "closed");
    });
    container.on("connection_close", ({ connection }: EventContext) => {
      this.#endAll((sender) => sender.connection === connection, "closed");
    });
    container.on("disconnected", ({ connection }: EventContext) => {
      this.#endAll((sender) => sender.connection === connection, "lost");
    });
    // The peer's errors come with the events above; without a listener rhea throws.
    for (const event of ["connection_error", "session_error", "sender_error", "receiver_error"]) {
      container.on(event, () => undefined);
    }
    // A fault of this server or of a client, after which rhea ends the connection.
    for (const event of ["protocol_error", "error"]) {
      container.on(event, (error: unknown) => console.error("Service Bus stand-in:", error));
    }
  }

  #end(sender: Sender, how: "closed" | "lost"): void {
    const end = this.#links.get(sender);
    this.#links.delete(sender);
    end?.(how);
  }

  #endAll(matches: (sender: Sender) => boolean, how: "closed" | "lost"): void {
    for (const sender of [...this.#links.keys()]) if (matches(sender)) this.#end(sender, how);
  }

  #entity(address: string): Entity {
    const entity = this.#entities.get(address.toLowerCase());
    if (!entity) throw entityNotFound(address);
    return entity;
  }

  /** The client sends: to a queue, to its management node, or a token. */
  #openForSender(receiver: Receiver): void {
    const address = receiver.target.address;
    if (address === claimsNode) {
      this.#transfers.set(receiver, (context) => this.#acceptClaim(context));
    } else if (address.endsWith(managementSuffix)) {
      const entity = this.#entity(address.slice(0, -managementSuffix.length));
      this.#transfers.set(receiver, (context) => this.#answerManagement(entity, context));
    } else {
      this.#transfers.set(receiver, storeIn(this.#entity(address)));
    }
    receiver.set_target({ address });
  }

  #acceptClaim(context: EventContext): void {
    context.delivery?.accept();
    this.#reply(context, { status: 202, description: "Accepted" });
  }

  #answerManagement(entity: Entity, context: EventContext): void {
    context.delivery?.accept();
    try {
      const body = manage(entity, context.message as Message);
      this.#reply(context, { status: body ? 200 : 204, description: "OK", body });
    } catch (error) {
      if (!(error instanceof ServiceBusFault)) throw error;
      this.#reply(context, { status: error.status, description: error.message, condition: error.condition });
    }
  }

  #reply(
    context: EventContext,
    answer: { status: number; description: string; condition?: string; body?: object | undefined },
  ): void {
    const { connection, message } = context;
    const link = this.#replyLinks.get(connection)?.get(String(message?.reply_to));
    if (!link || message?.message_id === undefined) return;
    const delivery = link.send({
      correlation_id: message.message_id,
      // Claims are answered with the first two names, management requests with the others.
      application_properties: {
        "status-code": answer.status,
        "status-description": answer.description,
        statusCode: answer.status,
        statusDescription: answer.description,
        ...(answer.condition !== undefined && { errorCondition: answer.condition }),
      },
      body: answer.body ?? {},
    });
    settleBeforeSending(delivery);
  }

  /** The client receives: from a queue, or answers to its requests. */
  #openForReceiver(sender: Sender): void {
    const address = sender.source.address;
    if (address === claimsNode || address.endsWith(managementSuffix)) this.#openReplyLink(sender, address);
    else this.#openForMessages(sender, address);
  }

  #openReplyLink(sender: Sender, address: string): void {
    sender.set_source({ address });
    const links = this.#replyLinks.get(sender.connection) ?? new Map<string, Sender>();
    this.#replyLinks.set(sender.connection, links);
    // A claims link has no target address; its requests name the link.
    const replyTo = sender.target?.address ?? sender.name;
    links.set(replyTo, sender);
    this.#links.set(sender, () => links.delete(replyTo));
  }

  #openForMessages(sender: Sender, address: string): void {
    const entity = this.#entity(address);
    const filter = sender.source.filter ?? {};
    const wantsSession = sessionFilter in filter;
    if (wantsSession !== entity.queue.settings.requiresSession) {
      throw notAllowed(
        wantsSession
          ? "A session cannot be accepted from an entity that does not require sessions."
          : "An entity that requires sessions has no receiver without a session.",
      );
    }
    if (!wantsSession) {
      sender.set_source({ address });
      this.#startReceiver(sender, entity, undefined);
      return;
    }
    const sessionId: unknown = filter[sessionFilter];
    let receiver: ReceiverLink | undefined;
    const onLost = () => receiver?.close(sessionLockLost());
    const onAccepted = (lock: SessionLock) => {
      sender.set_source({ address, filter: { [sessionFilter]: lock.sessionId } });
      const lockedUntil = rhea.types.wrap_long(dotNetTicks(lock.until));
      answerAttachWith(sender, { properties: { "com.microsoft:locked-until-utc": lockedUntil } });
      receiver = this.#startReceiver(sender, entity, lock);
    };
    if (typeof sessionId === "string") onAccepted(entity.queue.acceptSession(sessionId, onLost));
    else this.#waitForSession(sender, entity, { onAccepted, onLost });
  }

  /** Answers the attach once a session is available, or refuses when the client's time is over. */
  #waitForSession(sender: Sender, entity: Entity, { onAccepted, onLost }: SessionWaiter): void {
    postponeAttach(sender);
    const stopWaiting = () => {
      clearTimeout(timer);
      entity.stopWaiting(waiter);
    };
    const waiter: SessionWaiter = {
      onLost,
      onAccepted: (lock) => {
        clearTimeout(timer);
        onAccepted(lock);
        sender.open();
      },
    };
    const timer = setTimeout(
      () => {
        stopWaiting();
        this.#links.delete(sender);
        sender.open();
        closeWith(sender, noSessionInTime());
      },
      Number(sender.properties?.[timeoutProperty] ?? defaultSessionWaitMs),
    );
    this.#links.set(sender, (how) => {
      stopWaiting();
      // A detach is answered by an attach and a detach; rhea adds the detach.
      if (how === "closed") sender.open();
    });
    entity.waitForSession(waiter);
  }

  #startReceiver(sender: Sender, entity: Entity, lock: SessionLock | undefined): ReceiverLink {
    const deletesOnReceive = sender.snd_settle_mode === 1;
    answerAttachWith(
      sender,
      deletesOnReceive
        ? { snd_settle_mode: 1, rcv_settle_mode: 0 }
        : { snd_settle_mode: 0, rcv_settle_mode: 1 },
    );
    const receiver = new ReceiverLink(sender, entity.queue, lock, deletesOnReceive, () => entity.wake());
    sender.on("sender_flow", () => entity.wake());
    this.#links.set(sender, (how) => {
      // A session outlives a lost connection until its lock ends; so do message locks, however the link ended.
      if (lock && how === "closed") entity.queue.releaseSession(lock);
      entity.detach(receiver);
    });
    entity.attach(receiver);
    return receiver;
  }
}

function storeIn(entity: Entity): Transfer {
  const dispositions = new DispositionWriter();
  return ({ message, delivery }) => {
    if (!message || !delivery) return;
    try {
      entity.queue.send(decodeTransfer(message, delivery.format));
      dispositions.add(true, () => delivery.accept());
      entity.wake();
    } catch (error) {
      if (!(error instanceof ServiceBusFault)) throw error;
      const { condition, message: description } = error;
      dispositions.add(false, () => delivery.reject({ condition, description }));
    }
  };
}

/** Refuses a link, where opening it is not possible, with the reason. */
function refuseFaults(link: Sender | Receiver, open: () => void): void {
  try {
    open();
  } catch (error) {
    if (!(error instanceof ServiceBusFault)) throw error;
    closeWith(link, error);
  }
}

function closeWith(link: Sender | Receiver, fault: ServiceBusFault): void {
  link.close({ condition: fault.condition, description: fault.message });
}

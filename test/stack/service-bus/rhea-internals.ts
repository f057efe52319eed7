import type { Socket } from "node:net";
import type { Connection, Delivery, link, Sender, Typed } from "rhea";

/**
 * The parts of rhea 3.0 that its typings leave out and a server cannot do without. Everything that leans on
 * them is in this file.
 */
interface LinkInternals {
  readonly state: { open_requests: number; local_open: boolean };
  readonly local: { readonly attach: LocalAttach };
}

interface LocalAttach {
  snd_settle_mode?: 0 | 1 | 2;
  rcv_settle_mode?: 0 | 1;
  properties?: Record<string, Typed>;
}

interface SenderInternals {
  readonly credit: number;
  readonly session: {
    readonly outgoing: {
      available(): number;
      readonly next_delivery_id: number;
      readonly next_pending_delivery: number;
    };
  };
}

interface ConnectionInternals {
  readonly socket: Socket;
  output(): void;
  readonly remote_channel_map: Readonly<Record<number, unknown>>;
  on_detach(frame: { readonly channel: number }): void;
}

/**
 * Discards the end of a link that comes after the end of its session (AMQP 1.0, 2.5.5): a client that gives up a link while it
 * is being opened may send both the other way round, for which rhea would end the connection with everything on it.
 */
export function discardLateDetach(connection: Connection): void {
  const internals = connection as unknown as ConnectionInternals;
  const { on_detach: onDetach } = internals;
  internals.on_detach = (frame) => {
    if (internals.remote_channel_map[frame.channel] !== undefined) onDetach.call(connection, frame);
  };
}

/** Frames of one turn of the event loop go out together: rhea hands each one to the system by itself. */
export function writeOnceATick(connection: Connection): void {
  const internals = connection as unknown as ConnectionInternals;
  const { socket, output } = internals;
  internals.output = () => {
    if (socket.writableCorked === 0) {
      socket.cork();
      setImmediate(() => socket.uncork());
    }
    output.call(connection);
  };
}

/** Fields of the attach frame with which the server will answer. */
export function answerAttachWith(link: link, fields: LocalAttach): void {
  Object.assign((link as unknown as LinkInternals).local.attach, fields);
}

/** Takes back the answer to an attach that rhea is about to send; `link.open()` sends it later. */
export function postponeAttach(link: link): void {
  const { state } = link as unknown as LinkInternals;
  state.open_requests = 0;
  state.local_open = false;
}

/** How many more messages fit: rhea lowers the credit only when it writes, and its buffer overflows with an error. */
export function remainingCredit(sender: Sender): number {
  const { credit, session } = sender as unknown as SenderInternals;
  const { outgoing } = session;
  return Math.min(
    outgoing.available(),
    credit - (outgoing.next_delivery_id - outgoing.next_pending_delivery),
  );
}

/** Answers a client that drains: rhea marks the link, but sends that only when something else makes it write. */
export function returnCredit(sender: Sender): void {
  sender.set_drained(true);
  sender.connection._register();
}

/**
 * Tells the client the outcome of a delivery and forgets it. A client that settles second never confirms, so that
 * rhea would keep the delivery for ever.
 */
export function settleForGood(delivery: Delivery, outcome: unknown): void {
  delivery.update(true, outcome);
  (delivery as { remote_settled: boolean }).remote_settled = true;
}

/** Sends without asking the client to settle. */
export function settleBeforeSending(delivery: Delivery): void {
  (delivery as { settled: boolean }).settled = true;
}

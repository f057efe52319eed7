import type { ImapFlow } from "imapflow";
import type { Argument } from "./wire.ts";

/** Two commands sent at once (RFC 9051, 5.5) need no capability; named as one that a server may be seen to refuse. */
export const TWO_AT_ONCE = "two commands at once";

/** True for a server that takes literals unasked (RFC 7888), so that it reads on while it has a command to answer. */
export function readsOn(has: (capability: string) => boolean): boolean {
  return has("LITERAL+") || has("LITERAL-");
}

interface ExecOptions {
  /** Called once the command has its turn: all that was sent before it is answered. */
  readonly onSend?: () => void;
}

interface Request<Options> {
  readonly tag: string;
  readonly command: string;
  readonly attributes: readonly Argument[];
  readonly options: Options;
  sent?: boolean;
}

/** What imapflow 2.10 sends commands by, one at a time. */
interface Sender<Options, Answer> {
  exec(command: string, attributes: readonly Argument[], options: Options): Promise<Answer>;
  send(request: Request<Options>): Promise<void>;
  readonly tagCounter: number;
  readonly currentRequest: Request<Options> | false;
  readonly requestQueue: readonly unknown[];
}

/**
 * Lets imapflow send a command behind one that is under way. The library reads the answers in order all the same, and
 * takes each for the command whose turn it is.
 * @returns sends such a command; in its turn where none is under way.
 */
export function earlySender<Options extends ExecOptions, Answer>(
  client: ImapFlow,
): Sender<Options, Answer>["exec"] {
  const sender = client as unknown as Sender<Options, Answer>;
  const send = sender.send.bind(client);
  const early = new Set<string>();
  sender.send = async (request) => {
    if (!early.delete(request.tag)) return send(request);
    // It is on its way since long.
    request.options.onSend?.();
    if (sender.currentRequest) sender.currentRequest.sent = true;
  };
  return (command, attributes, options) => {
    const isNext = sender.currentRequest !== false && sender.requestQueue.length === 0;
    const answer = sender.exec(command, attributes, options);
    if (!isNext) return answer;
    const tag = sender.tagCounter.toString(16).toUpperCase();
    early.add(tag);
    const { onSend, ...others } = options;
    void send({ tag, command, attributes, options: others as Options }).catch(() => early.delete(tag));
    return answer;
  };
}

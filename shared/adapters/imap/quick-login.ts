import type { ImapFlow, ImapResponse, NamespacesObject } from "imapflow";
import { readsOn, TWO_AT_ONCE } from "./early-command.ts";
import type { Login } from "./login.ts";
import { type Argument, textsOf, type UntaggedHandlers } from "./wire.ts";

/** What the client says of itself (RFC 2971). */
export const clientInfo = { name: "imap-to-m365", vendor: "imap-to-m365", version: "1" } as const;

/** The command that says it, without its tag. */
export const idCommand = `ID (${Object.entries(clientInfo)
  .map(([key, value]) => `"${key}" "${value}"`)
  .join(" ")})`;

/** Initial responses (RFC 4959), which servers offer and refuse at times: Coremail answers BAD to one of PLAIN. */
const INITIAL_RESPONSE = "SASL-IR";

/** No tag of imapflow's, which are hexadecimal: the library passes over the answer to it. */
const ID_TAG = "ID1";
/** Names and values of an answer to ID (RFC 2971, 3.3). */
const MAX_ID_VALUES = 60;

export interface Shortcuts {
  /** What this server offers and then refuses. */
  readonly refused: ReadonlySet<string>;
  /** Those of the mailbox, where another connection has asked for them. */
  readonly namespaces?: NamespacesObject | undefined;
  /** True if whoever gets the connection says who the client is. */
  readonly leavesId?: boolean | undefined;
}

/** What imapflow 2.10 goes through to log in. */
interface Steps {
  run(command: string, ...parameters: readonly unknown[]): Promise<unknown>;
  exec(command: string, attributes: readonly Argument[], options: unknown): Promise<unknown>;
  write(line: string): void;
  readonly socket: { setNoDelay(noDelay: boolean): void } | null;
  readonly untaggedHandlers: Record<string, UntaggedHandlers[string]>;
}

/**
 * Spares a login round trips that imapflow takes: ID comes once, behind the login, as servers that insist on it want it
 * (NetEase), and with NAMESPACE right behind it where the server takes literals unasked, so that it reads on by itself; SASL
 * PLAIN sends its answer with the command (RFC 4959) where the server offers that; namespaces that are known are not asked
 * for. Nothing is sent ahead of the login's answer: a proxy that hands the session on may drop it.
 * @returns once the login has failed: which of these the server did not understand, so that it is to be done without.
 */
export function shorten(client: ImapFlow, login: Login, shortcuts: Shortcuts): () => string | undefined {
  const { refused, namespaces, leavesId } = shortcuts;
  const steps = client as unknown as Steps;
  const run = steps.run.bind(client);
  const exec = steps.exec.bind(client);
  let stumbledOver: string | undefined;
  let isIdSent = false;

  steps.run = async (command, ...parameters) => {
    if (command === "ID") {
      if (!client.authenticated || leavesId) return undefined;
      if (namespaces !== undefined || !joinsId(client, refused)) return run(command, ...parameters);
      sendId(client, steps);
      isIdSent = true;
      return undefined;
    }
    if (command !== "NAMESPACE") return run(command, ...parameters);
    if (namespaces !== undefined) {
      client.namespaces = namespaces;
      return undefined;
    }
    // As long as there is no answer, whatever ends the connection may have been this.
    if (isIdSent) stumbledOver = TWO_AT_ONCE;
    const answer = await run(command, ...parameters);
    if (isIdSent && isNotUnderstood(answer))
      throw new Error("The server did not answer the second of two commands.");
    stumbledOver = undefined;
    return answer;
  };

  steps.exec = (command, attributes, options) => {
    const response = isPlain(command, attributes) ? login.response : undefined;
    const { capabilities } = client;
    // A server that takes no password here could not stop this one.
    const isEarly =
      capabilities.has(INITIAL_RESPONSE) &&
      !capabilities.has("LOGINDISABLED") &&
      !refused.has(INITIAL_RESPONSE);
    if (response === undefined || !isEarly) return exec(command, attributes, options);
    const initial: Argument = { type: "ATOM", value: response, sensitive: true };
    // As long as there is no answer, whatever ends the connection may have been this.
    stumbledOver = INITIAL_RESPONSE;
    return exec(command, [...attributes, initial], options).then(
      (answer) => {
        stumbledOver = undefined;
        return answer;
      },
      (error: unknown) => {
        if (isRefusal(error)) stumbledOver = undefined;
        throw error;
      },
    );
  };

  return () => stumbledOver;
}

function joinsId({ capabilities }: ImapFlow, refused: ReadonlySet<string>): boolean {
  return (
    capabilities.has("NAMESPACE") &&
    readsOn((capability) => capabilities.has(capability)) &&
    !refused.has(TWO_AT_ONCE)
  );
}

/** Says who the client is, and waits for no answer: that has come when the one to the next command has. */
function sendId(client: ImapFlow, steps: Steps): void {
  steps.untaggedHandlers.ID = async ({ attributes }: ImapResponse) => {
    const [list] = attributes ?? [];
    const values = Array.isArray(list) ? textsOf(list.slice(0, MAX_ID_VALUES)) : [];
    const at = values.findIndex((value, index) => index % 2 === 0 && value.toLowerCase() === "name");
    if (at >= 0) client.serverInfo = { name: values[at + 1] };
  };
  // Else the next command would wait until this one has arrived.
  steps.socket?.setNoDelay(true);
  steps.write(`${ID_TAG} ${idCommand}`);
}

function isPlain(command: string, attributes: readonly Argument[]): boolean {
  if (command !== "AUTHENTICATE" || attributes.length !== 1) return false;
  const [mechanism] = attributes;
  return mechanism !== undefined && !Array.isArray(mechanism) && mechanism.value === "PLAIN";
}

/** NO is said of a password, which is not to be sent twice; BAD of the command (RFC 9051, 6.2.2). */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && "responseStatus" in error && error.responseStatus === "NO";
}

/** True if imapflow got BAD, or no answer at all, for NAMESPACE. */
function isNotUnderstood(answer: unknown): boolean {
  return (
    typeof answer === "object" &&
    answer !== null &&
    "error" in answer &&
    (!("status" in answer) || answer.status === undefined || answer.status === "BAD")
  );
}

import { isIP } from "node:net";
import type { Duplex, Transform } from "node:stream";
import { ImapFlow, type ImapResponse, type NamespaceObject, type NamespacesObject } from "imapflow";
import type { MigrationError } from "../../domain/errors.ts";
import { notPermitted, permittedLookup } from "../pinned-lookup.ts";
import { type AnswerBudget, AnswerGuard, putInFront, shortAnswer, type TakeBody } from "./answer-guard.ts";
import { classifyFailure, classifyReply, replyOf, type Scene } from "./classify.ts";
import { earlySender, readsOn, TWO_AT_ONCE } from "./early-command.ts";
import { type Credentials, Login } from "./login.ts";
import { Pace } from "./pace.ts";
import { clientInfo, shorten } from "./quick-login.ts";
import { type Argument, type Reply, responseCodeOf, textOf, type UntaggedHandlers } from "./wire.ts";
import { repairResponses } from "./wire-repair.ts";

export interface Timeouts {
  /** DNS, TCP and TLS, in milliseconds. */
  readonly connectMs: number;
  readonly greetingMs: number;
  /** Everything from the connection to the end of the login. */
  readonly loginMs: number;
  /** Silence of the server in the middle of a FETCH, or too little of a message's body. */
  readonly stallMs: number;
  /** One command in all, silent or not, other than an APPEND or a FETCH of bodies. */
  readonly commandMs: number;
  /** A FETCH of bodies in all, without the time for which the server waits for us. */
  readonly transferMs: number;
  /** The listing of all folders, however many commands it takes. */
  readonly listingMs: number;
}

export const defaultTimeouts: Timeouts = {
  connectMs: 30_000,
  greetingMs: 30_000,
  loginMs: 120_000,
  stallMs: 90_000,
  commandMs: 240_000,
  transferMs: 240_000,
  listingMs: 1_200_000,
};

export interface ConnectionSettings {
  readonly side: Scene["side"];
  readonly host: string;
  readonly port: number;
  readonly security: "ssl" | "tls" | "none";
  readonly acceptUntrustedCertificates: boolean;
  readonly allowCompression: boolean;
  readonly credentials: Credentials;
  readonly timeouts: Timeouts;
  /** Which addresses may be connected to; all where left out. */
  readonly isPermitted?: ((address: string) => boolean) | undefined;
  /** Capabilities that this server offers and then refuses, as found out so far; added to. */
  readonly refused: Set<string>;
  /** Of another connection to the same mailbox, whose namespaces are these. */
  readonly namespaces?: NamespacesObject | undefined;
  /** True if whoever gets the connection says who the client is (ID, RFC 2971). */
  readonly leavesId?: boolean | undefined;
}

export interface CommandOptions {
  readonly untagged?: UntaggedHandlers;
  /** What the server may answer; default a short answer. */
  readonly budget?: AnswerBudget;
  /** Milliseconds for the whole command. */
  readonly timeoutMs?: number;
  /** For a FETCH, whose rows are taken no faster than they can be used: its time counts only while the server is to blame. */
  readonly paced?: boolean;
  /** For a paced FETCH of one body: takes it as it comes, in place of the library, to which it looks empty. */
  readonly body?: TakeBody;
  /** Called once the command line is on its way. */
  readonly onSent?: () => void;
  /**
   * True for a command that is sent right behind the one before, whose answer is still to come; not behind one with a `body`.
   * Its answer is of use only where that one was answered OK.
   */
  readonly early?: boolean;
}

const LOGOUT_MS = 2_000;
const COMPRESSION = "COMPRESS=DEFLATE";
/** Of a message's body in the time of a stall: with 90 s some 700 bytes a second. */
const FLOOR_BYTES = 64 * 1024;
/** Milliseconds between two looks at how a FETCH goes. */
const LOOK_MS = 5_000;
/** Namespaces of one kind that are looked at. */
const MAX_NAMESPACES = 50;
/** Tokens of one response; more than this are read neither fast nor for any use. Numbers of SEARCH are not counted. */
const MAX_RESPONSE_TOKENS = 50_000;

interface Watch {
  readonly pace?: Pace;
  stop(): void;
}

interface Answer {
  readonly response: ImapResponse;
  next(): void;
}

/**
 * What imapflow 2.10 leaves out of its type declarations. Its public commands answer false instead of failing, add
 * items of their own to FETCH and prepend the namespace to names; `exec` sends exactly what it is given.
 */
interface Internals {
  exec(
    command: string,
    attributes: readonly Argument[],
    options: { readonly untagged?: UntaggedHandlers; readonly onSend?: () => void },
  ): Promise<Answer>;
  throttleWait(delayMs: number): Promise<boolean>;
  readonly socket: { setNoDelay(noDelay: boolean): void; setTimeout(milliseconds: number): void } | null;
  readonly streamer: Transform;
  /** For what comes outside of any command, and for what a command has no handler for. */
  readonly untaggedHandlers: Record<string, (response: ImapResponse) => Promise<void>>;
}

/** A logged-in IMAP connection, one command at a time. Only MigrationError leaves it. */
export class ImapConnection {
  readonly #client: ImapFlow;
  readonly #internals: Internals;
  readonly #timeouts: Timeouts;
  readonly #scene: Scene;
  readonly #guard: AnswerGuard;
  readonly #refused: Set<string>;
  #exists = 0;
  #expunged = 0;
  #openings = 0;
  #loggedIn = false;
  readonly #execEarly: Internals["exec"];
  /** Of the last of the commands that were asked for: when it is on its way, and when it is answered. */
  #last = { sent: Promise.resolve(), ended: Promise.resolve() };
  /** Why the connection ended, where that is known better than by the command it took along. */
  #cause: unknown;

  private constructor(client: ImapFlow, settings: ConnectionSettings) {
    this.#client = client;
    this.#internals = client as unknown as Internals;
    this.#timeouts = settings.timeouts;
    this.#scene = { side: settings.side, host: settings.host, port: settings.port, stage: "session" };
    this.#guard = new AnswerGuard(this.#scene);
    this.#refused = settings.refused;
    this.#execEarly = earlySender(client);
    putInFront(this.#guard, this.#internals.streamer, () => this.#loggedIn);
    repairResponses(this.#internals.streamer);
    client.on("error", (error: unknown) => {
      this.#cause ??= error;
    });
    // The library would sleep inside its reader for as long as the server suggests; a pause is the caller's matter.
    this.#internals.throttleWait = async () => false;
  }

  /**
   * Connects and logs in.
   * @throws MigrationError `mailbox` or `fatal` for what an operator must mend, `transient` or `throttled` otherwise.
   */
  static async open(settings: ConnectionSettings): Promise<ImapConnection> {
    const { timeouts } = settings;
    const scene: Scene = {
      side: settings.side,
      host: settings.host,
      port: settings.port,
      stage: "login",
      byToken: settings.credentials.kind === "token",
    };
    const { isPermitted } = settings;
    // An address is looked up by nobody.
    if (isPermitted && isIP(settings.host) !== 0 && !isPermitted(settings.host))
      throw classifyFailure({ code: notPermitted }, scene);
    const login = new Login(settings.credentials, scene);
    const client: ImapFlow = new ImapFlow({
      host: settings.host,
      port: settings.port,
      secure: settings.security === "ssl",
      ...(settings.security === "ssl" ? {} : { doSTARTTLS: settings.security === "tls" }),
      // The library hands these to the socket with and without TLS.
      tls: {
        rejectUnauthorized: !settings.acceptUntrustedCertificates,
        ...(isPermitted ? { lookup: permittedLookup(isPermitted) } : {}),
      },
      auth: login.authFor(() => client),
      clientInfo: { ...clientInfo, "support-url": "" },
      logger: false,
      disableAutoIdle: true,
      disableAutoEnable: true,
      disableCompression: !settings.allowCompression || settings.refused.has(COMPRESSION),
      connectionTimeout: timeouts.connectMs,
      greetingTimeout: timeouts.greetingMs,
      // A command may be silent for as long as it may take. A FETCH has a pace to keep.
      socketTimeout: timeouts.commandMs + 1_000,
      maxResponseTokens: MAX_RESPONSE_TOKENS,
    });
    const connection = new ImapConnection(client, settings);
    const stumbledOver = shorten(client, login, settings);
    const timer = setTimeout(() => connection.abort(connection.#late(timeouts.loginMs)), timeouts.loginMs);
    try {
      await client.connect();
      login.verify();
      connection.#loggedIn = true;
      connection.#countMessages();
      // The end of a large APPEND is a small write of its own, which must not wait for the server's delayed ACK.
      connection.#internals.socket?.setNoDelay(true);
    } catch (error) {
      client.close();
      const cause = connection.#cause ?? error;
      const refused = isDecompressionFailure(cause) ? COMPRESSION : stumbledOver();
      if (refused !== undefined && !settings.refused.has(refused)) {
        settings.refused.add(refused);
        return ImapConnection.open(settings);
      }
      throw classifyFailure(cause, scene);
    } finally {
      clearTimeout(timer);
    }
    return connection;
  }

  get usable(): boolean {
    return this.#client.usable && !this.#client.isClosed;
  }

  /** What errors of the session say about where they happened. */
  get scene(): Scene {
    return this.#scene;
  }

  /**
   * Gives the socket to somebody who speaks on it himself from now on; what the server said of itself can still be asked
   * for. Only without COMPRESS, and while no command is under way.
   */
  handOver(): { readonly socket: Duplex; readonly guard: AnswerGuard } {
    this.#internals.socket?.setTimeout(0);
    const { writeSocket } = this.#client.unbind();
    this.#guard.expect(shortAnswer);
    return { socket: writeSocket as Duplex, guard: this.#guard };
  }

  /** The server's first line, which often names the software. */
  get greeting(): string {
    return this.#client.greeting ?? "";
  }

  /** The name of the software by ID (RFC 2971), which a proxy in front of it passes on; empty if it is not told. */
  get software(): string {
    const name: unknown = this.#client.serverInfo?.name;
    return typeof name === "string" ? name : "";
  }

  /** True if the server names the capability (RFC 9051, 6.1.1), and has not been seen to refuse it. */
  has(capability: string): boolean {
    return this.#client.capabilities.has(capability) && !this.#refused.has(capability);
  }

  /** True for a server that takes another command while it has one to answer, and has not been seen to lose it. */
  get readsOn(): boolean {
    return readsOn((capability) => this.has(capability)) && !this.#refused.has(TWO_AT_ONCE);
  }

  /** Sends no command any more before the one before it is answered, on all connections to the server. */
  sendOneByOne(): void {
    this.forgo(TWO_AT_ONCE);
  }

  /** How it stands with a capability that the server may name. */
  stateOf(capability: string): "works" | "refused" | "missing" {
    if (this.#refused.has(capability)) return "refused";
    return this.#client.capabilities.has(capability) ? "works" : "missing";
  }

  /** Does without capabilities that the server offers and refuses, from now on and on all connections to it. */
  forgo(...capabilities: readonly string[]): void {
    for (const capability of capabilities) this.#refused.add(capability);
  }

  /** Messages in the open folder, as the server has counted them last. */
  get exists(): number {
    return this.#exists;
  }

  /** Messages that the server has said to be gone since the connection was opened; sequence numbers hold while it stays. */
  get expunged(): number {
    return this.#expunged;
  }

  /** How often a folder was asked to be opened: what is asked for afterwards is about the last one. */
  get openings(): number {
    return this.#openings;
  }

  /** Value of a capability such as APPENDLIMIT=n. */
  limit(capability: string): number | undefined {
    const value = this.#client.capabilities.get(capability);
    return typeof value === "number" ? value : undefined;
  }

  /** The namespaces as another connection to the mailbox takes them. */
  get knownNamespaces(): NamespacesObject | undefined {
    return this.#client.namespaces;
  }

  /** The namespaces (RFC 2342); where the server has no NAMESPACE, the root as the one personal namespace. */
  get namespaces(): {
    readonly personal: readonly NamespaceObject[];
    readonly foreign: readonly NamespaceObject[];
  } {
    const all = this.#client.namespaces;
    const some = (namespaces: readonly NamespaceObject[] | false | undefined) =>
      (namespaces || []).slice(0, MAX_NAMESPACES);
    return { personal: some(all?.personal), foreign: [...some(all?.other), ...some(all?.shared)] };
  }

  /**
   * Sends one command and waits for its tagged answer, whatever it is. Waits before for the end of one under way, whose
   * budget and time are its own: that may be one whose answer nobody takes any more.
   * @throws MigrationError if there was no answer.
   */
  async attempt(
    command: string,
    parameters: readonly Argument[] = [],
    options: CommandOptions = {},
  ): Promise<Reply> {
    if (opensFolder(command)) this.#openings++;
    const before = this.#last;
    const sent = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    this.#last = { sent: sent.promise, ended: ended.promise };
    await (options.early ? before.sent : before.ended);
    try {
      const answered = this.#exchange(command, parameters, options);
      sent.resolve();
      return await answered;
    } finally {
      ended.resolve();
    }
  }

  async #exchange(command: string, parameters: readonly Argument[], options: CommandOptions): Promise<Reply> {
    const { budget = shortAnswer, untagged = {}, body, early = false, paced = false } = options;
    if (opensFolder(command)) this.#exists = 0;
    if (early) this.#guard.alsoExpect(budget);
    let watch: Watch | undefined;
    const held = (work: () => Promise<void>) => (watch?.pace ? watch.pace.held(work) : work());
    const exec = early ? this.#execEarly : this.#internals.exec.bind(this.#internals);
    try {
      const { response, next } = await exec(command, parameters, {
        untagged: paced ? holding(untagged, held) : untagged,
        // What was sent before is answered: from here on it is this command that the server keeps waiting.
        onSend: () => {
          watch = this.#watch(options);
          this.#guard.expect(budget, body && ((bytes, size) => held(() => body(bytes, size))));
          options.onSent?.();
        },
      });
      next();
      const code = responseCodeOf(response);
      return {
        status: "OK",
        code: code.code,
        codeArguments: code.arguments.map((argument) => textOf(argument)),
        text: "",
      };
    } catch (error) {
      const reply = refusalIn(error);
      if (reply) return reply;
      const cause = this.#cause ?? error;
      this.#client.close();
      throw classifyFailure(cause, this.#scene);
    } finally {
      watch?.stop();
    }
  }

  /** Ends the connection once a command has taken too long. */
  #watch({ budget = shortAnswer, timeoutMs, paced = false }: CommandOptions): Watch {
    const { commandMs, transferMs, stallMs } = this.#timeouts;
    const hasBodies = budget.bodyBytes > 0;
    const limitMs = Math.max(0, timeoutMs ?? (paced && hasBodies ? transferMs : commandMs));
    if (!paced) {
      const timer = setTimeout(() => this.abort(this.#late(limitMs)), limitMs);
      return { stop: () => clearTimeout(timer) };
    }
    const pace = new Pace(
      { limitMs, stallMs, floorBytes: hasBodies ? FLOOR_BYTES : 1 },
      this.#guard.received,
      Date.now(),
    );
    const timer = setInterval(
      () => {
        const verdict = pace.judge(this.#guard.received, Date.now());
        if (verdict === "late") this.abort(this.#late(limitMs));
        if (verdict === "silent") this.abort({ code: "ETIMEOUT" });
        if (verdict === "slow") this.abort({ code: "TransferTooSlow" });
      },
      Math.min(LOOK_MS, stallMs / 4),
    );
    return { pace, stop: () => clearInterval(timer) };
  }

  #countMessages(): void {
    const { untaggedHandlers } = this.#internals;
    untaggedHandlers.EXISTS = async (response) => {
      this.#exists = Number(response.command) || 0;
    };
    untaggedHandlers.EXPUNGE = async () => {
      this.#exists = Math.max(0, this.#exists - 1);
      this.#expunged += 1;
    };
  }

  #late(limitMs: number): { readonly code: string; readonly limitMs: number } {
    return { code: "CommandTimeout", limitMs };
  }

  /**
   * Like {@link attempt}, for commands whose refusal is a failure.
   * @throws MigrationError also for a refusal, `CommandRefused` if the server gives no known reason.
   */
  async run(
    command: string,
    parameters: readonly Argument[] = [],
    options: CommandOptions = {},
  ): Promise<Reply> {
    const reply = await this.attempt(command, parameters, options);
    if (reply.status !== "OK") throw this.refusal(reply);
    return reply;
  }

  /** The error a refusal stands for. */
  refusal(reply: Reply): MigrationError {
    return classifyReply(reply, this.#scene);
  }

  /** Ends the connection at once; the command in flight fails with `cause`. */
  abort(cause: unknown): void {
    this.#cause ??= cause;
    this.#client.close();
  }

  /**
   * Holds several commands to one limit: each may be slow in its own time, and a server that makes many of them needful
   * would go on for ever.
   * @throws MigrationError `transient`/`CommandTimeout` when the limit is over; the connection is at its end then.
   */
  async within<T>(limitMs: number, work: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.abort(this.#late(limitMs)), limitMs);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
    }
  }

  /** Milliseconds for the listing of all folders. */
  get listingMs(): number {
    return this.#timeouts.listingMs;
  }

  /** LOGOUT, then the socket is closed. Never throws. */
  async close(): Promise<void> {
    if (!this.usable) {
      this.#client.close();
      return;
    }
    const timer = setTimeout(() => this.#client.close(), LOGOUT_MS);
    try {
      await this.#client.logout();
    } catch {
      this.#client.close();
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The same handlers; the time they take is time in which the server is held back. */
function holding(
  handlers: UntaggedHandlers,
  held: (work: () => Promise<void>) => Promise<void>,
): UntaggedHandlers {
  return Object.fromEntries(
    Object.entries(handlers).map(([name, handle]): [string, typeof handle] => [
      name,
      (response) => held(() => handle(response)),
    ]),
  );
}

function opensFolder(command: string): boolean {
  return command === "SELECT" || command === "EXAMINE";
}

function isDecompressionFailure(error: unknown): boolean {
  return error instanceof Error && "code" in error && /^(?:Z_|COMPRESS_)/.test(String(error.code));
}

function refusalIn(error: unknown): Reply | undefined {
  const reply = replyOf(error);
  if (!reply) return undefined;
  const { response } = error as { readonly response?: ImapResponse };
  if (typeof response !== "object") return reply;
  const { code, arguments: parameters } = responseCodeOf(response);
  return { ...reply, code, codeArguments: parameters.map((parameter) => textOf(parameter)) };
}

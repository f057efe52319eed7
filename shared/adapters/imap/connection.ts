import { ImapFlow, type ImapResponse, type NamespaceObject } from "imapflow";
import type { MigrationError } from "../../domain/errors.ts";
import { classifyFailure, classifyReply, replyOf, type Scene } from "./classify.ts";
import { type Credentials, Login } from "./login.ts";
import { type Argument, type Reply, responseCodeOf, textOf, type UntaggedHandlers } from "./wire.ts";

export interface Timeouts {
  /** DNS, TCP and TLS, in milliseconds. */
  readonly connectMs: number;
  readonly greetingMs: number;
  /** Silence of the server while it owes an answer. */
  readonly stallMs: number;
  /** One command in all, other than a FETCH or an APPEND. */
  readonly commandMs: number;
}

export const defaultTimeouts: Timeouts = {
  connectMs: 30_000,
  greetingMs: 30_000,
  stallMs: 90_000,
  commandMs: 600_000,
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
}

export interface CommandOptions {
  readonly untagged?: UntaggedHandlers;
  /** Milliseconds for the whole command; Infinity leaves only the stall time-out. */
  readonly timeoutMs?: number;
  /** Called once the command line is on its way. */
  readonly onSent?: () => void;
}

/** A literal of this size ends the connection: no message the product copies is larger. */
const MAX_LITERAL_BYTES = 256 * 1024 * 1024;
const LOGOUT_MS = 2_000;

/**
 * What imapflow 2.10 leaves out of its type declarations. Its public commands answer false instead of failing, add
 * items of their own to FETCH and prepend the namespace to names; `exec` sends exactly what it is given.
 */
interface Internals {
  exec(
    command: string,
    attributes: readonly Argument[],
    options: { readonly untagged?: UntaggedHandlers; readonly onSend?: () => void },
  ): Promise<{ readonly response: ImapResponse; next(): void }>;
  throttleWait(delayMs: number): Promise<boolean>;
  readonly socket: { setNoDelay(noDelay: boolean): void } | null;
}

/** A logged-in IMAP connection, one command at a time. Only MigrationError leaves it. */
export class ImapConnection {
  readonly #client: ImapFlow;
  readonly #internals: Internals;
  readonly #timeouts: Timeouts;
  readonly #scene: Scene;
  /** Why the connection ended, where that is known better than by the command it took along. */
  #cause: unknown;

  private constructor(client: ImapFlow, settings: ConnectionSettings) {
    this.#client = client;
    this.#internals = client as unknown as Internals;
    this.#timeouts = settings.timeouts;
    this.#scene = { side: settings.side, host: settings.host, port: settings.port, stage: "session" };
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
    const login = new Login(settings.credentials, scene);
    const client: ImapFlow = new ImapFlow({
      host: settings.host,
      port: settings.port,
      secure: settings.security === "ssl",
      ...(settings.security === "ssl" ? {} : { doSTARTTLS: settings.security === "tls" }),
      tls: { rejectUnauthorized: !settings.acceptUntrustedCertificates },
      auth: login.authFor(() => client),
      clientInfo: { name: "imap-to-m365", vendor: "imap-to-m365", version: "1", "support-url": "" },
      logger: false,
      disableAutoIdle: true,
      disableAutoEnable: true,
      disableCompression: !settings.allowCompression,
      connectionTimeout: timeouts.connectMs,
      greetingTimeout: timeouts.greetingMs,
      socketTimeout: timeouts.stallMs,
      maxLiteralSize: MAX_LITERAL_BYTES,
    });
    const connection = new ImapConnection(client, settings);
    try {
      await client.connect();
      login.verify();
      // The end of a large APPEND is a small write of its own, which must not wait for the server's delayed ACK.
      connection.#internals.socket?.setNoDelay(true);
    } catch (error) {
      client.close();
      throw classifyFailure(error, scene);
    }
    return connection;
  }

  get usable(): boolean {
    return this.#client.usable && !this.#client.isClosed;
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

  /** True if the server names the capability (RFC 9051, 6.1.1). */
  has(capability: string): boolean {
    return this.#client.capabilities.has(capability);
  }

  /** Value of a capability such as APPENDLIMIT=n. */
  limit(capability: string): number | undefined {
    const value = this.#client.capabilities.get(capability);
    return typeof value === "number" ? value : undefined;
  }

  /** The namespaces (RFC 2342); where the server has no NAMESPACE, the root as the one personal namespace. */
  get namespaces(): {
    readonly personal: readonly NamespaceObject[];
    readonly foreign: readonly NamespaceObject[];
  } {
    const all = this.#client.namespaces;
    return { personal: all?.personal ?? [], foreign: [...(all?.other || []), ...(all?.shared || [])] };
  }

  /**
   * Sends one command and waits for its tagged answer, whatever it is.
   * @throws MigrationError if there was no answer.
   */
  async attempt(
    command: string,
    parameters: readonly Argument[] = [],
    options: CommandOptions = {},
  ): Promise<Reply> {
    const timeoutMs = options.timeoutMs ?? this.#timeouts.commandMs;
    const timer = Number.isFinite(timeoutMs)
      ? setTimeout(() => this.abort({ code: "ETIMEOUT" }), Math.max(0, timeoutMs))
      : undefined;
    try {
      const { response, next } = await this.#internals.exec(command, parameters, {
        ...(options.untagged ? { untagged: options.untagged } : {}),
        ...(options.onSent ? { onSend: options.onSent } : {}),
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
      clearTimeout(timer);
    }
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

function refusalIn(error: unknown): Reply | undefined {
  const reply = replyOf(error);
  if (!reply) return undefined;
  const { response } = error as { readonly response?: ImapResponse };
  if (typeof response !== "object") return reply;
  const { code, arguments: parameters } = responseCodeOf(response);
  return { ...reply, code, codeArguments: parameters.map((parameter) => textOf(parameter)) };
}

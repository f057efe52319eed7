import type { Socket } from "node:net";
import { ImapPartReader } from "../imap-parts.ts";
import type { Reaction } from "./faults.ts";

/** Thrown to leave a command whose connection has been ended on purpose, or by the client. */
export class ConnectionEnded extends Error {}

/** A client's connection: whole commands in, responses out, with a fault in the middle where one is asked for. */
export class ScriptedConnection {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #reader = new ImapPartReader();
  #parts: ReturnType<ImapPartReader["push"]> = [];
  #reaction: Reaction | undefined;
  #responses = 0;
  #bytes = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]();
    // A response is several small writes, which would wait for each other's acknowledgement.
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
  }

  /** The next command, literals in place; synchronizing ones are asked for. Undefined at the end. */
  async readCommand(): Promise<Buffer | undefined> {
    const bytes: Buffer[] = [];
    for (;;) {
      const part = this.#parts.shift();
      if (part === undefined) {
        const chunk = await this.#nextChunk();
        if (chunk === undefined) return undefined;
        this.#parts = this.#reader.push(chunk);
        continue;
      }
      bytes.push(part.bytes);
      if (part.kind === "literal") continue;
      if (part.literal === undefined) return Buffer.concat(bytes);
      if (part.literal.synchronizing) this.#socket.write("+ Ready\r\n");
    }
  }

  /** From now on the fault takes effect that is wanted in the middle of an answer; undefined for none. */
  arm(reaction: Reaction | undefined): void {
    this.#reaction = reaction;
    this.#responses = 0;
    this.#bytes = 0;
  }

  /** Sends one response; the line end is added. */
  async send(response: string | Buffer): Promise<void> {
    const bytes = Buffer.concat([Buffer.from(response), Buffer.from("\r\n")]);
    const reaction = this.#reaction;
    if (reaction?.kind === "bye" && this.#responses >= (reaction.afterResponses ?? 0)) {
      return this.end(`* BYE ${reaction.text}\r\n`);
    }
    if (reaction?.kind === "drop" && this.#bytes + bytes.length > (reaction.afterBytes ?? 0)) {
      return this.end(bytes.subarray(0, Math.max(0, (reaction.afterBytes ?? 0) - this.#bytes)));
    }
    this.#responses += 1;
    this.#bytes += bytes.length;
    await this.#write(bytes);
  }

  /** Sends the last bytes and ends the connection. @throws ConnectionEnded always */
  async end(last: string | Buffer): Promise<never> {
    this.#socket.end(last);
    throw new ConnectionEnded();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #nextChunk(): Promise<Buffer | undefined> {
    try {
      const { value, done } = await this.#chunks.next();
      return done === true ? undefined : value;
    } catch {
      // A reset is as good an end as any.
      return undefined;
    }
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#socket.destroyed) throw new ConnectionEnded();
    if (this.#socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      this.#socket.once("drain", resolve);
      this.#socket.once("close", () => resolve());
    });
  }
}

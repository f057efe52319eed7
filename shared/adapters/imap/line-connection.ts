import type { Socket } from "node:net";

/** Bytes of a line, and of what may wait to be read: no greeting or list of capabilities is longer. */
const maxLineBytes = 16_384;

/** Text lines over a socket, before a login. Errors have the `code` that Node or imapflow would give them. */
export class LineConnection {
  readonly #socket: Socket;
  #received = "";
  #failure: unknown;
  #wake: () => void = () => undefined;
  readonly #onData = (chunk: Buffer) => {
    this.#received += chunk.toString("latin1");
    if (this.#received.length > maxLineBytes) this.#onEnd({ code: "ResponseTooLarge" });
    this.#wake();
  };
  readonly #onEnd = (error?: unknown) => {
    this.#failure ??= error || { code: "ECONNRESET" };
    this.#wake();
  };

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", this.#onData).on("error", this.#onEnd).on("close", this.#onEnd);
  }

  /** The next line without its end. @throws what ended the connection. */
  async readLine(): Promise<string> {
    for (;;) {
      const line = /^([^\n]*?)\r?\n/.exec(this.#received);
      if (line) {
        this.#received = this.#received.slice(line[0].length);
        return line[1] ?? "";
      }
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  write(line: string): void {
    this.#socket.write(`${line}\r\n`);
  }

  /**
   * Gives the socket back, to start TLS on it.
   * @returns false if the server sent something that would count as protected although it was not (RFC 9051, 6.2.1).
   */
  release(): boolean {
    this.#socket.off("data", this.#onData).off("error", this.#onEnd).off("close", this.#onEnd);
    return this.#received === "";
  }
}

import { connect, type Socket } from "node:net";

export interface RawMessage {
  readonly content: Buffer;
  readonly flags?: readonly string[];
  /** IMAP date-time, as sent. */
  readonly date?: string;
}

/** A bare IMAP client for arranging and checking a server's state, independent of the code under test. */
export class RawImap {
  readonly #socket: Socket;
  #received = "";
  #ended = false;
  #wake: () => void = () => undefined;
  #tag = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => {
      this.#received += text;
      this.#wake();
    });
    socket.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
    socket.on("error", () => undefined);
  }

  /** Connects in plain text and logs in. */
  static async login(
    server: { host: string; port: number },
    user: string,
    password: string,
  ): Promise<RawImap> {
    const client = new RawImap(connect(server.port, server.host));
    await client.#take(/^\* OK[^\n]*\n/);
    await client.command(`LOGIN "${user}" "${password}"`);
    return client;
  }

  /** Sends one command. @returns everything the server answered, as Latin-1. @throws if the answer is not OK. */
  async command(text: string, literal?: Buffer): Promise<string> {
    const tag = `r${++this.#tag}`;
    this.#socket.write(`${tag} ${text}${literal ? ` {${literal.length}}` : ""}\r\n`);
    if (literal) {
      await this.#take(/^(?:\*[^\n]*\n)*\+[^\n]*\n/);
      this.#socket.write(Buffer.concat([literal, Buffer.from("\r\n")]));
    }
    const answer = await this.#take(new RegExp(`^(?:[^]*\\n)?${tag} [^\\n]*\\n`));
    if (!new RegExp(`(?:^|\\n)${tag} OK`).test(answer))
      throw new Error(`${text.slice(0, 40)}: ${answer.slice(-200)}`);
    return answer;
  }

  async append(path: string, { content, flags = [], date }: RawMessage): Promise<void> {
    await this.command(`APPEND "${path}" (${flags.join(" ")})${date ? ` "${date}"` : ""}`, content);
  }

  async close(): Promise<void> {
    await this.command("LOGOUT");
    this.#socket.destroy();
  }

  async #take(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#received);
      if (match) {
        this.#received = this.#received.slice(match[0].length);
        return match[0];
      }
      if (this.#ended) throw new Error(`connection closed: ${this.#received.slice(-200)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

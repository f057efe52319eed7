import type { Socket } from "node:net";
import { setTimeout as timer } from "node:timers/promises";
import { type ImapPart, ImapPartReader } from "../imap-parts.ts";
import type { ProxyState } from "./delay-proxy.ts";

const LOOK_AGAIN_MS = 20;

/** An APPEND command as it came from the client, in parts. */
interface Append {
  readonly tag: string;
  readonly parts: ImapPart[];
}

/** One client's connection to the server, APPENDs held back on the way. */
export class ProxiedConnection {
  /** Settles when both sides are gone. */
  readonly closed: Promise<void>;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #state: ProxyState;
  readonly #clientGone: Promise<void>;
  readonly #serverGone: Promise<void>;
  readonly #fromClient = new ImapPartReader();
  readonly #fromServer = new ImapPartReader();
  /** When the client died, in milliseconds since 1970. */
  #clientGoneAt: number | undefined;
  #work: Promise<void> = Promise.resolve();
  #bytes = 0;
  #append: Append | undefined;
  /** The APPEND that the server is at, and who waits for its next answer. */
  #played: { readonly tag: string; answered: (answer: "continue" | "tagged") => void } | undefined;

  constructor(client: Socket, server: Socket, state: ProxyState) {
    this.#client = client;
    this.#server = server;
    this.#state = state;
    // Every part is a write of its own, and must not wait for the acknowledgement of the one before.
    client.setNoDelay(true);
    server.setNoDelay(true);
    this.#clientGone = gone(client);
    this.#serverGone = gone(server);
    this.closed = Promise.all([this.#clientGone, this.#serverGone]).then(() => undefined);
    client.on("data", (chunk: Buffer) => this.#enqueue(() => this.#takeFromClient(chunk)));
    void this.#clientGone.then(() => {
      this.#clientGoneAt = Date.now();
      this.#enqueue(() => this.#finishForClient());
    });
    server.on("data", (chunk: Buffer) => {
      server.pause();
      void this.#takeFromServer(chunk).finally(() => server.resume());
    });
    void this.#serverGone.then(() => client.destroy());
  }

  destroy(): void {
    this.#client.destroy();
    this.#server.destroy();
  }

  #enqueue(step: () => Promise<void>): void {
    this.#work = this.#work.then(step);
  }

  async #takeFromClient(chunk: Buffer): Promise<void> {
    if (!(await this.#pass(chunk.length))) return;
    for (const part of this.#fromClient.push(chunk)) {
      this.#append ??= beginningOfAppend(part);
      if (this.#append === undefined) {
        // A client that died gets nothing done any more, except what it appended.
        if (this.#clientGoneAt === undefined) this.#server.write(part.bytes);
        continue;
      }
      this.#append.parts.push(part);
      if (part.kind !== "line") continue;
      if (part.literal?.synchronizing) this.#client.write("+ Ready for literal data\r\n");
      if (part.literal === undefined) await this.#deliver(this.#append);
    }
  }

  async #finishForClient(): Promise<void> {
    const append = this.#append;
    const end = append?.parts.at(-1);
    if (append !== undefined && end?.kind === "literal" && end.last) {
      append.parts.push({ kind: "line", bytes: Buffer.from("\r\n"), first: false });
      await this.#deliver(append);
    }
    this.#server.end();
  }

  /** Gives an APPEND to the server, sooner or later, and waits for its answer. */
  async #deliver(append: Append): Promise<void> {
    this.#append = undefined;
    const { behaviour, counters, random } = this.#state;
    if (behaviour.holdAppendMs > 0) {
      await Promise.race([delay(random.next() * behaviour.holdAppendMs), this.#clientGone]);
    }
    if (this.#clientGoneAt !== undefined && !this.#server.destroyed) {
      counters.lateAppends += 1;
      // Of many in flight none comes later than that, either.
      const left = Math.max(0, this.#clientGoneAt + behaviour.lateAppendMs - Date.now());
      await Promise.race([delay(random.next() * left), this.#serverGone]);
    }
    if (this.#server.destroyed) return;
    for (const [index, part] of append.parts.entries()) {
      this.#server.write(part.bytes);
      const waits = part.kind === "line" && part.literal?.synchronizing;
      const isEnd = index === append.parts.length - 1;
      if ((waits || isEnd) && (await this.#answerTo(append.tag)) !== "continue") return;
    }
  }

  async #answerTo(tag: string): Promise<"continue" | "tagged" | "closed"> {
    const answer = new Promise<"continue" | "tagged">((resolve) => {
      this.#played = { tag, answered: resolve };
    });
    return await Promise.race([answer, this.#serverGone.then(() => "closed" as const)]);
  }

  async #takeFromServer(chunk: Buffer): Promise<void> {
    if (!(await this.#pass(chunk.length))) return;
    for (const part of this.#fromServer.push(chunk)) {
      const bytes = this.#answerFor(part);
      if (bytes === undefined || this.#clientGoneAt !== undefined) continue;
      if (!this.#client.write(bytes)) await Promise.race([drained(this.#client), this.#clientGone]);
    }
  }

  /** What the client gets to see of a part of the server's answer. */
  #answerFor(part: ImapPart): Buffer | undefined {
    if (part.kind === "literal" || !part.first) return part.bytes;
    const line = part.bytes.toString("latin1");
    const played = this.#played;
    if (played !== undefined && line.startsWith("+")) {
      this.#played = undefined;
      played.answered("continue");
      return undefined;
    }
    if (played !== undefined && line.startsWith(`${played.tag} `)) {
      this.#played = undefined;
      played.answered("tagged");
      this.#state.counters.appends += 1;
      if (this.#losesAnswer()) return undefined;
    }
    return isCapabilityList(line) ? Buffer.from(withoutBlindfolds(line), "latin1") : part.bytes;
  }

  #losesAnswer(): boolean {
    const { behaviour, counters } = this.#state;
    if (behaviour.loseAppendAnswers <= 0) return false;
    this.#state.behaviour = { ...behaviour, loseAppendAnswers: behaviour.loseAppendAnswers - 1 };
    counters.lostAnswers += 1;
    this.destroy();
    return true;
  }

  /** Lets so many bytes through, in their time. False when the connection was cut instead. */
  async #pass(count: number): Promise<boolean> {
    while (this.#state.behaviour.stalled && !this.#client.destroyed) await delay(LOOK_AGAIN_MS);
    const { bytesPerSecond, dropAfterBytes } = this.#state.behaviour;
    if (bytesPerSecond !== null) await delay((count / bytesPerSecond) * 1_000);
    this.#bytes += count;
    if (dropAfterBytes === null || this.#bytes <= dropAfterBytes) return true;
    if (!this.#client.destroyed) this.#state.counters.drops += 1;
    this.destroy();
    return false;
  }
}

function beginningOfAppend(part: ImapPart): Append | undefined {
  if (part.kind !== "line" || !part.first || part.literal === undefined) return undefined;
  const tag = /^(\S+) APPEND /i.exec(part.bytes.toString("latin1"))?.[1];
  return tag === undefined ? undefined : { tag, parts: [] };
}

function isCapabilityList(line: string): boolean {
  return /^(\* CAPABILITY |\S+ OK \[CAPABILITY )/i.test(line);
}

/** Compressed or encrypted, the traffic could not be read here. */
function withoutBlindfolds(line: string): string {
  return line.replace(/ (STARTTLS|COMPRESS=DEFLATE)\b/gi, "");
}

function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on("error", () => resolve());
    socket.once("end", resolve);
    socket.once("close", () => resolve());
  });
}

/** The sockets keep the process alive, not a wait that may have lost its race. */
function delay(milliseconds: number): Promise<void> {
  return timer(milliseconds, undefined, { ref: false });
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("drain", resolve));
}

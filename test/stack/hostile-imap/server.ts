import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createDeflateRaw } from "node:zlib";

/** A command as it arrived: literals left out, since the client's own are few and small. */
export interface HostileCommand {
  readonly tag: string;
  /** In upper case; `UID FETCH` counts as one. */
  readonly verb: string;
  readonly line: string;
}

/** Bytes of an answer, one after the other; `pause` stands for so many milliseconds of silence. */
export type Piece = string | Buffer | { readonly pause: number };

/** What a server sends instead of the honest answer, the tagged line included; undefined answers honestly. */
export type Answer = (command: HostileCommand) => Iterable<Piece> | undefined;

export interface HostileBehaviour {
  /** Default: `* OK ready`. */
  readonly greeting?: () => Iterable<Piece>;
  readonly capabilities?: string;
  readonly answer?: Answer;
}

export interface HostileServer {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** Bytes handed to sockets so far, before compression. What lies in their buffers is counted, too. */
  readonly bytesSent: number;
  readonly commands: readonly string[];
  stop(): Promise<void>;
}

const messageCount = 10;
const body = Buffer.from(
  "Date: Wed, 1 Jan 2020 00:00:00 +0000\r\nFrom: a@example.com\r\nSubject: x\r\n\r\nbody\r\n",
);

/** Starts an IMAP server that answers as it is told, and honestly otherwise: one folder with ten messages. */
export async function startHostileImap(behaviour: HostileBehaviour): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  const commands: string[] = [];
  let bytesSent = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
    void serve(socket, behaviour, commands, (bytes) => {
      bytesSent += bytes;
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    get bytesSent() {
      return bytesSent;
    },
    commands,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function serve(
  socket: Socket,
  {
    greeting = () => ["* OK ready\r\n"],
    capabilities = "IMAP4rev1 ID NAMESPACE ESEARCH",
    answer,
  }: HostileBehaviour,
  commands: string[],
  onSent: (bytes: number) => void,
): Promise<void> {
  let out: NodeJS.WritableStream = socket;
  const send = async (pieces: Iterable<Piece>) => {
    for (const piece of pieces) {
      if (socket.destroyed) return;
      if (typeof piece === "object" && "pause" in piece) {
        await sleep(piece.pause, undefined, { ref: false });
        continue;
      }
      onSent(piece.length);
      if (!out.write(typeof piece === "string" ? Buffer.from(piece, "latin1") : piece))
        await drained(out, socket);
    }
  };
  await send(greeting());
  let rest = "";
  try {
    for await (const chunk of socket) {
      rest += (chunk as Buffer).toString("latin1");
      for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
        const line = rest.slice(0, end).replace(/\r$/, "");
        rest = rest.slice(end + 1);
        const [tag = "", first = "", second = ""] = line.split(" ");
        const verb = /^uid$/i.test(first) ? `UID ${second.toUpperCase()}` : first.toUpperCase();
        const command = { tag, verb, line };
        commands.push(verb);
        await send(answer?.(command) ?? honest(command, capabilities));
        if (verb === "LOGOUT") socket.end();
        if (verb === "COMPRESS") {
          const deflate = createDeflateRaw();
          deflate.on("error", () => undefined).pipe(socket);
          out = deflate;
        }
      }
    }
  } catch {
    // The client's end of the connection is its own matter.
  }
}

/** Waits until more may be written, or nothing any more. */
async function drained(out: NodeJS.WritableStream, socket: Socket): Promise<void> {
  await new Promise<void>((resolve) => {
    const go = () => {
      out.off("drain", go);
      socket.off("close", go);
      resolve();
    };
    out.once("drain", go);
    socket.once("close", go);
    if (socket.destroyed) go();
  });
}

/** The right answer of a small mailbox. */
export function* honest({ tag, verb, line }: HostileCommand, capabilities: string): Generator<Piece> {
  if (verb === "CAPABILITY") yield `* CAPABILITY ${capabilities}\r\n`;
  if (verb === "NAMESPACE") yield `* NAMESPACE (("" "/")) NIL NIL\r\n`;
  if (verb === "ID") yield "* ID NIL\r\n";
  if (verb === "LIST") yield `* LIST () "/" INBOX\r\n`;
  if (verb === "LSUB") yield `* LSUB () "/" INBOX\r\n`;
  if (verb === "STATUS")
    yield `* STATUS INBOX (MESSAGES ${messageCount} UIDNEXT ${messageCount + 1} UIDVALIDITY 1 UNSEEN 0)\r\n`;
  if (verb === "EXAMINE")
    yield `* ${messageCount} EXISTS\r\n* OK [UIDVALIDITY 1] ok\r\n* OK [UIDNEXT ${messageCount + 1}] ok\r\n`;
  if (verb === "UID SEARCH")
    yield /RETURN/i.test(line)
      ? `* ESEARCH (TAG "${tag}") UID ALL 1:${messageCount}\r\n`
      : "* SEARCH 1 2 3 4 5 6 7 8 9 10\r\n";
  if (verb === "UID FETCH") for (let uid = 1; uid <= messageCount; uid++) yield* row(uid, line);
  yield `${tag} OK done\r\n`;
}

function* row(uid: number, line: string): Generator<Piece> {
  yield `* ${uid} FETCH (UID ${uid} FLAGS () INTERNALDATE "01-Jan-2020 00:00:00 +0000" RFC822.SIZE ${body.length}`;
  if (/BODY/i.test(line)) {
    yield ` BODY[]${/<0\./.test(line) ? "<0>" : ""} {${body.length}}\r\n`;
    yield body;
  }
  yield ")\r\n";
}

/** A text over and over, in pieces of some 64 KB, so that a flood of any length costs its server next to nothing. */
export function* flood(text: string, times: number): Generator<Piece> {
  const perPiece = Math.max(1, Math.floor(65_536 / text.length));
  const piece = Buffer.from(text.repeat(perPiece));
  for (let left = times; left > 0; left -= perPiece) yield left >= perPiece ? piece : text.repeat(left);
}

/** A text of the numbers from `first`, each `step` above the one before. */
export function* numbers(count: number, step: number, format: (value: number) => string): Generator<Piece> {
  for (let at = 0; at < count; at += 5_000) {
    let piece = "";
    for (let i = at; i < Math.min(count, at + 5_000); i++) piece += format(1 + i * step);
    yield piece;
  }
}

/** A byte now and then, for ever. */
export function* drip(text: string, pauseMs: number): Generator<Piece> {
  for (;;) {
    for (const letter of text) {
      yield letter;
      yield { pause: pauseMs };
    }
  }
}

import { type AddressInfo, createServer, type Socket } from "node:net";

export interface Exchange {
  readonly tag: string;
  /** The command without its tag. */
  readonly command: string;
  readonly socket: Socket;
  /** Writes lines, each ended with CRLF. */
  send(...lines: readonly string[]): void;
}

export interface Script {
  readonly greeting?: string;
  readonly capabilities?: string;
  /** Answers a command and returns true, or leaves it to the defaults. */
  readonly on?: (exchange: Exchange) => boolean | Promise<boolean>;
  /** Called with what came of a command when it announces a literal, whose bytes are read all the same. */
  readonly onLiteral?: (exchange: Exchange) => void;
}

export interface ScriptedServer {
  readonly host: string;
  readonly port: number;
  /** Every command received, without tags. */
  readonly commands: readonly string[];
  stop(): Promise<void>;
}

/** An IMAP server that answers as a test wants: for behaviour that no server at hand shows. Logs everybody in. */
export async function startScriptedServer(script: Script = {}): Promise<ScriptedServer> {
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.setMaxListeners(0);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    const send = (...lines: readonly string[]) => {
      for (const line of lines) if (!socket.destroyed) socket.write(Buffer.from(`${line}\r\n`, "latin1"));
    };
    send(script.greeting ?? "* OK ready");
    let pending = "";
    let literal = 0;
    /** A command up to its last literal. */
    let begun = "";
    let work = Promise.resolve();
    socket.on("data", (chunk: Buffer) => {
      pending += chunk.toString("latin1");
      for (;;) {
        if (literal > 0) {
          if (pending.length < literal) return;
          pending = pending.slice(literal);
          literal = 0;
        }
        const end = pending.indexOf("\r\n");
        if (end < 0) return;
        const line = pending.slice(0, end);
        pending = pending.slice(end + 2);
        const announced = /\{(\d+)(\+?)\}$/.exec(line);
        begun += line;
        if (announced) {
          literal = Number(announced[1]);
          const [tag = "", ...words] = begun.split(" ");
          script.onLiteral?.({ tag, command: words.join(" "), socket, send });
          if (announced[2] === "") send("+ go on");
          continue;
        }
        const whole = begun;
        begun = "";
        if (whole === "") continue;
        const space = whole.indexOf(" ");
        const [tag, command] = [whole.slice(0, space), whole.slice(space + 1)];
        commands.push(command);
        work = work.then(async () => {
          if (!(await script.on?.({ tag, command, socket, send }))) answer(script, tag, command, send);
        });
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    commands,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(script: Script, tag: string, command: string, send: Exchange["send"]): void {
  const verb = command.split(" ")[0]?.toUpperCase();
  if (verb === "CAPABILITY") send(`* CAPABILITY IMAP4rev1 ${script.capabilities ?? "NAMESPACE"}`);
  else if (verb === "NAMESPACE") send('* NAMESPACE (("" "/")) NIL NIL');
  else if (verb === "LIST") send('* LIST () "/" INBOX');
  else if (verb === "STATUS") send("* STATUS INBOX (MESSAGES 3 UIDNEXT 4 UIDVALIDITY 7 UNSEEN 0)");
  else if (verb === "EXAMINE" || verb === "SELECT")
    send("* 3 EXISTS", "* OK [UIDVALIDITY 7] ok", "* OK [UIDNEXT 4] ok", "* OK [PERMANENTFLAGS (\\*)] ok");
  else if (verb === "LOGOUT") send("* BYE bye");
  send(`${tag} OK done`);
}

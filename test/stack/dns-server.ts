import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  type StringAnswer,
  streamEncode,
  TRUNCATED_RESPONSE,
} from "dns-packet";

/** A record as a test writes it; `name` without a final dot, `ttl` in seconds, 60 where left out. */
export type DnsRecord = { readonly ttl?: number } & (
  | { readonly name: string; readonly type: "A" | "AAAA" | "NS" | "CNAME"; readonly data: string }
  | {
      readonly name: string;
      readonly type: "MX";
      readonly data: { readonly exchange: string; readonly preference: number };
    }
  | {
      readonly name: string;
      readonly type: "SRV";
      /** The target `.` says that the service is not offered. */
      readonly data: {
        readonly target: string;
        readonly port: number;
        readonly priority?: number;
        readonly weight?: number;
      };
    }
);

export interface DnsServer {
  /** For the `servers` of a resolver. */
  readonly address: string;
  readonly port: number;
  /** Every question so far, `type name`. */
  readonly questions: readonly string[];
  /** Replaces all records. */
  setRecords(records: readonly DnsRecord[]): void;
  stop(): Promise<void>;
}

const responseCodes = { noError: 0, serverFailure: 2, nameError: 3 };

/**
 * A DNS server (RFC 1035) on loopback, by UDP and TCP. Names below `broken.test` fail, those below `silent.test` get no
 * answer, and answers below `large.test` do not fit into a packet.
 * @param options.authoritative true for the name server of the zones it knows, false for a resolver.
 */
export async function startDnsServer(
  records: readonly DnsRecord[] = [],
  options: { readonly authoritative?: boolean } = {},
): Promise<DnsServer> {
  let zone = records;
  const questions: string[] = [];

  function answerTo(message: Buffer, transport: "udp" | "tcp"): Packet | undefined {
    const query = decoded(message);
    const [question] = query?.questions ?? [];
    if (query === undefined || question === undefined) return undefined;
    const name = question.name.toLowerCase();
    questions.push(`${question.type} ${name}`);
    if (name.endsWith("silent.test")) return undefined;
    const known = zone.filter((record) => record.name === name);
    const code = name.endsWith("broken.test")
      ? responseCodes.serverFailure
      : known.length > 0
        ? responseCodes.noError
        : responseCodes.nameError;
    const truncated = transport === "udp" && name.endsWith("large.test");
    const answers = known.filter(({ type }) => type === question.type || type === "CNAME");
    return {
      type: "response",
      flags:
        code |
        (options.authoritative === true ? AUTHORITATIVE_ANSWER : 0) |
        (truncated ? TRUNCATED_RESPONSE : 0),
      ...(query.id === undefined ? {} : { id: query.id }),
      questions: [question],
      answers: truncated ? [] : answers.map((record) => ({ ttl: 60, ...record }) as StringAnswer),
    };
  }

  const { socket, stream } = await listen();
  socket.on("message", (message, from) => {
    const answer = answerTo(message, "udp");
    if (answer) socket.send(encode(answer), from.port, from.address);
  });
  stream.on("connection", (client) => {
    client.on("error", () => undefined);
    client.on("data", (bytes) => {
      const answer = answerTo(bytes.subarray(2), "tcp");
      if (answer) client.end(streamEncode(answer));
    });
  });
  const { port } = socket.address();
  return {
    address: `127.0.0.1:${port}`,
    port,
    questions,
    setRecords(replacement) {
      zone = replacement;
    },
    async stop() {
      await new Promise<void>((resolve) => socket.close(() => resolve()));
      await new Promise<void>((resolve) => stream.close(() => resolve()));
    },
  };
}

/** @returns undefined for what is no message of DNS: whoever looks for open ports sends anything. */
function decoded(message: Buffer): Packet | undefined {
  try {
    return decode(message);
  } catch {
    return undefined;
  }
}

/** Both on one port, which the system has free for the one and perhaps not for the other. */
async function listen(): Promise<{ readonly socket: Socket; readonly stream: Server }> {
  for (let attempt = 1; ; attempt++) {
    const socket = createSocket("udp4");
    const stream = createServer();
    try {
      socket.bind(0, "127.0.0.1");
      await once(socket, "listening");
      stream.listen(socket.address().port, "127.0.0.1");
      await once(stream, "listening");
      return { socket, stream };
    } catch (error) {
      socket.close();
      if (attempt === 20) throw error;
    }
  }
}

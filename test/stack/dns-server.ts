import { createSocket } from "node:dgram";
import { decode, encode, type StringAnswer } from "dns-packet";

/** A record as a test writes it; `name` without a final dot. */
export type DnsRecord =
  | { readonly name: string; readonly type: "A" | "AAAA"; readonly data: string }
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
    };

export interface DnsServer {
  /** For the `servers` of a resolver. */
  readonly address: string;
  /** Every question so far, `type name`. */
  readonly questions: readonly string[];
  /** Replaces all records. */
  setRecords(records: readonly DnsRecord[]): void;
  stop(): Promise<void>;
}

const responseCodes = { noError: 0, serverFailure: 2, nameError: 3 };

/** A DNS server (RFC 1035) on loopback, by UDP. Names below `broken.test` fail, those below `silent.test` get no answer. */
export async function startDnsServer(records: readonly DnsRecord[] = []): Promise<DnsServer> {
  let zone = records;
  const questions: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (message, from) => {
    const query = decode(message);
    const [question] = query.questions ?? [];
    if (question === undefined) return;
    const name = question.name.toLowerCase();
    questions.push(`${question.type} ${name}`);
    if (name.endsWith("silent.test")) return;
    const known = zone.filter((record) => record.name === name);
    const code = name.endsWith("broken.test")
      ? responseCodes.serverFailure
      : known.length > 0
        ? responseCodes.noError
        : responseCodes.nameError;
    const answers = known.filter(({ type }) => type === question.type);
    const response = encode({
      type: "response",
      flags: code,
      ...(query.id === undefined ? {} : { id: query.id }),
      questions: [question],
      answers: answers.map((record) => ({ ttl: 60, ...record }) as StringAnswer),
    });
    socket.send(response, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    questions,
    setRecords(replacement) {
      zone = replacement;
    },
    stop: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

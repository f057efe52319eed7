import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { type DecodedPacket, decode, encode, type Packet, RECURSION_DESIRED, streamEncode } from "dns-packet";

/** A name server: an address, and 53 where no other port is named. */
export interface NameServer {
  readonly address: string;
  readonly port: number;
}

export interface Answer {
  readonly packet: DecodedPacket;
  /** The server answered for a zone of its own (RFC 1035, 4.1.1, AA). */
  readonly authoritative: boolean;
}

/** Milliseconds that a server has for an answer, and how often it is asked by UDP: a packet may be lost. */
const answerMs = 2_000;
const tries = 2;
/** Bytes of an answer by UDP that pass every network (https://www.dnsflagday.net/2020/). */
const udpBytes = 1_232;

/**
 * Asks one server for the MX records of a name: by UDP, and by TCP if the answer does not fit. Answers of others, to other
 * questions and unreadable ones are ignored.
 * @param recursive true for a resolver that asks others, false for a zone's own name server.
 * @throws Error if there is no answer.
 */
export async function askForMx(server: NameServer, name: string, recursive: boolean): Promise<Answer> {
  const question: Packet = {
    type: "query",
    id: randomInt(65_536),
    flags: recursive ? RECURSION_DESIRED : 0,
    questions: [{ type: "MX", name }],
    additionals: [{ type: "OPT", name: ".", udpPayloadSize: udpBytes, flags: 0, options: [] }] as never,
  };
  let packet: DecodedPacket | undefined;
  for (let attempt = 1; packet === undefined; attempt++)
    packet = await byUdp(server, question).catch((error: unknown) => {
      if (attempt === tries) throw error;
      return undefined;
    });
  const whole = packet.flag_tc ? await byTcp(server, question) : packet;
  return { packet: whole, authoritative: whole.flag_aa };
}

function byUdp({ address, port }: NameServer, question: Packet): Promise<DecodedPacket> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  return answered(
    (resolve, reject) => {
      socket.on("error", reject);
      socket.on("message", (bytes) => {
        const packet = read(() => decode(bytes), question);
        if (packet) resolve(packet);
      });
      // A connected socket takes nothing from others.
      socket.connect(port, address, () => socket.send(encode(question)));
    },
    () => socket.close(),
  );
}

function byTcp({ address, port }: NameServer, question: Packet): Promise<DecodedPacket> {
  const socket = connect({ host: address, port });
  let received = Buffer.alloc(0);
  return answered(
    (resolve, reject) => {
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("the name server hung up")));
      socket.on("data", (bytes) => {
        received = Buffer.concat([received, bytes]);
        const whole = received.length >= 2 && received.length >= received.readUInt16BE(0) + 2;
        if (!whole) return;
        const packet = read(() => decode(received.subarray(2)), question);
        if (packet) resolve(packet);
        else socket.destroy();
      });
      socket.write(streamEncode(question));
    },
    () => socket.destroy(),
  );
}

/** The answer to the question; undefined for anything else. */
function read(parse: () => DecodedPacket, { id, questions }: Packet): DecodedPacket | undefined {
  try {
    const packet = parse();
    const asked = packet.questions?.[0];
    const [wanted] = questions ?? [];
    const same = asked?.type === "MX" && asked.name.toLowerCase() === wanted?.name.toLowerCase();
    return packet.type === "response" && packet.id === id && same ? packet : undefined;
  } catch {
    return undefined;
  }
}

async function answered<T>(
  ask: (resolve: (answer: T) => void, reject: (error: Error) => void) => void,
  close: () => void,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error("no answer")), answerMs);
      ask(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    close();
  }
}

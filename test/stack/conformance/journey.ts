import { Readable } from "node:stream";
import { createGraphTarget } from "../../../shared/adapters/graph/index.ts";
import { isMigrationError } from "../../../shared/domain/errors.ts";
import type { Stamp, TargetFolderId, Uid } from "../../../shared/domain/names.ts";
import type { OutgoingMessage, TargetMailbox } from "../../../shared/migration/ports/target.ts";
import { type GraphOptions, type GraphStandIn, type MessageInspection, startGraph } from "../graph/index.ts";
import { type Aspect, compareArrival } from "./aspects.ts";
import { type Sample, samples, smimeEntity, smimeSample } from "./samples.ts";
import { createSmimeUser, type SmimeUser } from "./smime.ts";

export interface Row {
  readonly kind: string;
  readonly aspects: readonly Aspect[];
}

/** A Graph stand-in with one mailbox, opened through the adapter. */
export interface Journey {
  readonly graph: GraphStandIn;
  readonly mailbox: TargetMailbox;
  readonly inbox: TargetFolderId;
  send(sample: Sample): Promise<MessageInspection>;
  close(): Promise<void>;
}

const address = "bob@example.com";
/** Streamed above this by the product as well as here. */
const streamedFrom = 6 * 1024 * 1024;

export async function startJourney(options: GraphOptions = {}): Promise<Journey> {
  const graph = await startGraph(options);
  graph.addMailbox({ userPrincipalName: address });
  const target = createGraphTarget({
    baseUrl: graph.baseUrl,
    token: async () => graph.token,
    concurrencyPerMailbox: 4,
  });
  const mailbox = await target.open(await target.resolve(address));
  const inbox = (await mailbox.ensureFolder(["INBOX"], "inbox")).id;
  let uid = 0;
  return {
    graph,
    mailbox,
    inbox,
    async send(sample) {
      uid++;
      const id = await mailbox.write(inbox, outgoing(sample, uid));
      const arrival = graph.mailbox(address).messages.find((message) => message.id === id);
      if (arrival === undefined) throw new Error(`"${sample.kind}" was written, but is not in the mailbox.`);
      return arrival;
    },
    close: async () => {
      await mailbox.close();
      await graph.close();
    },
  };
}

export function outgoing(sample: Sample, uid: number): OutgoingMessage {
  const { content, flags, internalDate } = sample;
  return {
    uid: uid as Uid,
    stamp: `stamp-${uid}` as Stamp,
    chunkToken: "conformance",
    internalDate,
    flags,
    size: content.length,
    content: content.length < streamedFrom ? content : async () => Readable.from(pieces(content)),
    timeoutMs: 120_000,
  };
}

function* pieces(content: Buffer): Generator<Buffer> {
  const step = 1 << 20;
  for (let at = 0; at < content.length; at += step) yield content.subarray(at, at + step);
}

/** Sends every kind of message through the adapter into the stand-in and compares what arrived. */
export async function runConformance(): Promise<readonly Row[]> {
  const user = await createSmimeUser(address);
  const journey = await startJourney();
  try {
    const rows: Row[] = [];
    for (const sample of [...samples(), ...(await smimeSamples(user))])
      rows.push({ kind: sample.kind, aspects: await aspectsOf(sample, journey, user) });
    return rows;
  } finally {
    await journey.close();
    await user.dispose();
  }
}

/** A message that is skipped is lost as a whole; its row says how the operator learns of it. */
async function aspectsOf(sample: Sample, journey: Journey, user: SmimeUser): Promise<readonly Aspect[]> {
  let arrival: MessageInspection;
  try {
    arrival = await journey.send(sample);
  } catch (error) {
    if (!isMigrationError(error) || error.kind !== "item") throw error;
    return [{ what: `the message (skipped as ${error.code})`, form: "lost" }];
  }
  return compareArrival(sample, arrival, user);
}

async function smimeSamples(user: SmimeUser): Promise<readonly Sample[]> {
  return [
    smimeSample("S/MIME clear-signed", "clearSigned", await user.protect("clearSigned", smimeEntity)),
    smimeSample("S/MIME opaque-signed", "opaqueSigned", await user.protect("opaqueSigned", smimeEntity)),
    smimeSample("S/MIME encrypted", "encrypted", await user.protect("encrypted", smimeEntity)),
  ];
}

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type GraphStandIn, startGraph } from "../stack/graph/index.ts";
import { Random } from "../stack/random.ts";
import { attachmentOf, faultMessages, lateMs } from "./graph-faults-messages.ts";

let graph: GraphStandIn;

/** 30% of the answers fail; half of the time-outs and resets took effect all the same, some of them late. */
const faults = {
  throttled: 0.08,
  unavailable: 0.07,
  gatewayTimeout: 0.08,
  reset: 0.07,
  stored: 0.5,
  storeDelayMs: lateMs - 300,
  retryAfterDate: 0.5,
  retryAfterMissing: 0.1,
  retryAfterSeconds: 1,
};

beforeAll(async () => {
  graph = await startGraph();
});

afterAll(async () => {
  await graph.close();
});

function startWorker(address: string): ChildProcess {
  const worker = join(import.meta.dirname, "graph-faults-worker.ts");
  return spawn(process.execPath, [worker, graph.baseUrl, graph.token, address], {
    stdio: ["ignore", "ignore", "inherit"],
  });
}

async function finish(worker: ChildProcess): Promise<number | null> {
  const [code] = (await once(worker, "exit")) as [number | null];
  return code;
}

/** Ranges of upload sessions that were taken and did not complete one. */
function rangesTaken(): number {
  return graph.statistics.snapshot().routes["PUT AttachmentSessions"]?.["200"] ?? 0;
}

/** Waits until a session has taken one more range, and not its last one; or until the worker has ended. */
async function nextRangeTaken(worker: ChildProcess): Promise<void> {
  const before = rangesTaken();
  while (rangesTaken() === before && worker.exitCode === null) await sleep(5);
}

function expectEverythingOnce(address: string): void {
  const mailbox = graph.mailbox(address);
  const arrived = mailbox.folder("inbox")?.messages ?? [];
  const byId = new Map(arrived.map((message) => [message.internetMessageId, message]));
  expect(arrived).toHaveLength(faultMessages().length);
  faultMessages().forEach((message, index) => {
    const arrival = byId.get(`<${index}@example.org>`);
    expect(arrival).toMatchObject({
      isDraft: false,
      isRead: message.flags.includes("\\Seen"),
      receivedDateTime: message.internalDate,
    });
    const attachment = attachmentOf(index);
    expect(arrival?.attachments.map((one) => one.bytes().equals(attachment ?? Buffer.alloc(0)))).toEqual(
      attachment === undefined ? [] : [true],
    );
  });
  const statistics = graph.statistics.snapshot().mailboxes[mailbox.id];
  expect(statistics).toMatchObject({ overConcurrency: 0, insideRetryAfter: 0, withoutImmutableId: 0 });
  expect(statistics?.maxConcurrency).toBeLessThanOrEqual(4);
}

describe("a Graph that fails every third time", () => {
  it("gets every message once, never more than four requests at once, and none inside a pause", async () => {
    const address = "steady@example.com";
    graph.addMailbox({ userPrincipalName: address });
    graph.faults.set({ ...faults, seed: 4 });
    expect(await finish(startWorker(address))).toBe(0);
    graph.faults.clear();
    await graph.faults.settled();
    expectEverythingOnce(address);
  });

  it("gets every message once although its worker is killed again and again, also in the middle of uploads", async () => {
    const address = "killed@example.com";
    graph.addMailbox({ userPrincipalName: address });
    graph.faults.set({ ...faults, seed: 7 });
    const random = new Random("killed workers");
    const deaths = { atRandom: 0, inUpload: 0 };
    for (let life = 0; life < 6; life++) {
      const worker = startWorker(address);
      const ended = finish(worker);
      const cause = life % 2 === 0 ? "atRandom" : "inUpload";
      const moment = cause === "atRandom" ? sleep(900 + random.integer(0, 2500)) : nextRangeTaken(worker);
      const first = await Promise.race([ended, moment.then(() => "alive" as const)]);
      if (first !== "alive") break;
      worker.kill("SIGKILL");
      await ended;
      deaths[cause]++;
      // The next worker starts only when the lease of the last one has ended.
      await sleep(lateMs + 1200);
    }
    expect(deaths.atRandom).toBeGreaterThan(0);
    expect(deaths.inUpload).toBeGreaterThan(0);
    expect(await finish(startWorker(address))).toBe(0);
    graph.faults.clear();
    await graph.faults.settled();
    expectEverythingOnce(address);
  });
});

import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { bufferSource } from "../../../shared/adapters/byte-source.ts";
import { planMessage } from "../../../shared/adapters/graph/mime/plan.ts";
import { smallMessage } from "../links/loads.ts";

// What a mailbox takes at most: creates of the same size and form as the app's, one after another on four kept connections,
// with nothing to read, to convert or to remember. Honours Retry-After, and counts a doubt as done. A process of its own,
// run by `plain.ts`; prints what it cost.

const [baseUrl, token, mailbox, messages] = process.argv.slice(2);
const total = Number(messages);
const concurrency = 4;

/** Stands for a message's number. */
const placeholder = 987_654_321;
const { message } = await planMessage(bufferSource(Buffer.from(smallMessage(placeholder))), {
  internalDate: new Date(),
  flags: ["\\Seen"],
  stamp: `stamp-${placeholder}`,
  chunkToken: "plain",
});
const template = JSON.stringify(message);

const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
const url = `${baseUrl}/v1.0/users/${mailbox}/mailFolders/inbox/messages`;

interface Answer {
  /** Undefined where the connection broke. */
  readonly status: number | undefined;
  readonly retryAfter: string | undefined;
}

function post(body: string): Promise<Answer> {
  return new Promise((resolve) => {
    const sent = request(url, {
      method: "POST",
      agent,
      headers: {
        Authorization: `Bearer ${token}`,
        "Content-Type": "application/json",
        "Content-Length": Buffer.byteLength(body),
        Prefer: 'IdType="ImmutableId"',
      },
    });
    sent.once("response", (response) => {
      response.resume();
      response.once("end", () =>
        resolve({ status: response.statusCode, retryAfter: response.headers["retry-after"] }),
      );
    });
    sent.once("error", () => resolve({ status: undefined, retryAfter: undefined }));
    sent.end(body);
  });
}

let next = 1;
let pausedUntil = 0;

async function write(number: number): Promise<void> {
  const body = template.replaceAll(String(placeholder), String(number));
  for (;;) {
    for (let left = pausedUntil - Date.now(); left > 0; left = pausedUntil - Date.now()) await sleep(left);
    const { status, retryAfter } = await post(body);
    if (retryAfter === undefined) {
      if (status !== undefined && status >= 400 && status < 500) throw new Error(`refused: ${status}`);
      return;
    }
    pausedUntil = Math.max(pausedUntil, Date.now() + Number(retryAfter) * 1000);
  }
}

async function writeOn(): Promise<void> {
  while (next <= total) await write(next++);
}

const cpu = process.cpuUsage();
const begun = Date.now();
await Promise.all(Array.from({ length: concurrency }, writeOn));
const seconds = (Date.now() - begun) / 1000;
const { user, system } = process.cpuUsage(cpu);
agent.destroy();
console.log(
  JSON.stringify({
    seconds,
    copyingSeconds: seconds,
    cpuSeconds: (user + system) / 1e6,
    peakMB: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);

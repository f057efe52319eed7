import { open } from "node:fs/promises";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { type ByteSource, bufferSource } from "../../shared/adapters/byte-source.ts";
import { jsonOf } from "../../shared/adapters/graph/json.ts";
import { streamContent } from "../../shared/adapters/graph/mime/content.ts";
import { planMessage } from "../../shared/adapters/graph/mime/plan.ts";

/** What a process of the application makes of a hostile message, beside an ordinary one that is planned again and again. */
export interface Measured {
  /** What is counted for the operator; a crash or an attachment whose size is not what was said. */
  readonly outcome: string;
  readonly failed: boolean;
  readonly ms: number;
  /** The longest time for which the event loop did nothing else, of its thread's own time. */
  readonly blockMs: number;
  /** The longest time that planning the ordinary message took, of its thread's own time. */
  readonly neighbourMs: number;
  readonly peakMb: number;
}

const facts = { internalDate: new Date("2020-05-06T07:08:09Z"), flags: [], stamp: "s", chunkToken: "c" };
const ordinary = bufferSource(
  Buffer.from(
    "From: a@example.org\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--b--\r\n",
  ),
);
const tickMs = 5;

async function measure(path: string): Promise<Measured> {
  globalThis.gc?.();
  let [lastTick, lastCpu] = [performance.now(), cpuMs()];
  let blockMs = 0;
  let peakBytes = 0;
  const look = () => {
    const [now, cpu] = [performance.now(), cpuMs()];
    // On a busy machine the process may just not have had its turn: that is no block.
    blockMs = Math.max(blockMs, Math.min(now - lastTick - tickMs, cpu - lastCpu));
    [lastTick, lastCpu] = [now, cpu];
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
  };
  const ticking = setInterval(look, tickMs);
  let going = true;
  let neighbourMs = 0;
  const beside = (async () => {
    while (going) {
      const [before, cpuBefore] = [performance.now(), cpuMs()];
      await planMessage(ordinary, facts);
      neighbourMs = Math.max(neighbourMs, Math.min(performance.now() - before, cpuMs() - cpuBefore));
      await sleep(20);
    }
  })();
  await sleep(tickMs * 4);
  blockMs = 0;
  const began = performance.now();
  const { outcome, failed } = await carry(path).catch((error: unknown) => ({
    outcome: `crash: ${String(error).slice(0, 200)}`,
    failed: true,
  }));
  const ms = performance.now() - began;
  await sleep(tickMs * 2);
  look();
  going = false;
  await beside;
  clearInterval(ticking);
  return {
    outcome,
    failed,
    ms: Math.round(ms),
    blockMs: Math.round(blockMs),
    neighbourMs: Math.round(neighbourMs),
    peakMb: Math.round(peakBytes / 1024 / 1024),
  };
}

/** All that a write does with a message but the requests: it is planned, and every attachment is read. */
async function carry(path: string): Promise<{ readonly outcome: string; readonly failed: boolean }> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const source: ByteSource = {
      size,
      async read(start, end) {
        const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(end, size) - start));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
        return buffer.subarray(0, bytesRead);
      },
    };
    const { attachments, notes, message } = await planMessage(source, facts);
    const total = attachments.reduce((sum, one) => sum + one.size, 0);
    if (total > 150 * 1024 * 1024) return { outcome: "MessageTooLarge", failed: false };
    for (const attachment of attachments) {
      let bytes = 0;
      for await (const piece of streamContent(source, attachment.content)) bytes += piece.length;
      if (bytes !== attachment.size)
        return {
          outcome: `an attachment of ${bytes} bytes was announced as ${attachment.size}`,
          failed: true,
        };
    }
    const json = Buffer.byteLength(await jsonOf(message));
    if (json > 4_000_000) return { outcome: `a request of ${json} bytes`, failed: true };
    const told = [...notes].filter((note) => /^[A-Z]/.test(note)).toSorted();
    return { outcome: `copied${told.length === 0 ? "" : `, ${told.join(", ")}`}`, failed: false };
  } finally {
    await file.close();
  }
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

process.on("message", (path: string) => {
  void measure(path).then((measured) => process.send?.(measured));
});
process.on("disconnect", () => process.exit(0));

/**
 * Loaded into a worker process before the app (`--import`): what comes in from a server with one of these marks in it makes
 * the process do what no message should be able to. So deaths are real ones, and the app holds nothing for the test.
 */
import { TLSSocket } from "node:tls";

/** Marks in the text of a message. */
export const marks = { memory: "takes-all-memory", loop: "blocks-the-loop" } as const;

/** Longer than what counts as standing still, in milliseconds. */
const blockMs = 15_000;

const push = TLSSocket.prototype.push;
TLSSocket.prototype.push = function (chunk: unknown, encoding?: BufferEncoding): boolean {
  if (Buffer.isBuffer(chunk)) {
    if (chunk.includes(marks.memory)) takeAllMemory();
    if (chunk.includes(marks.loop)) block();
  }
  return push.call(this, chunk, encoding);
};

/** Ends the process as V8 ends one whose heap is full. */
function takeAllMemory(): never {
  const taken: number[][] = [];
  for (;;) taken.push(Array.from({ length: 100_000 }, (_, n) => n + taken.length));
}

function block(): void {
  for (const until = performance.now() + blockMs; performance.now() < until; );
}

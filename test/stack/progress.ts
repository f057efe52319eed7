import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

const pollMs = 500;
const barWidth = 24;

const countersSchema = z.object({
  status: z.string(),
  syncedItemCount: z.number(),
  skippedItemCount: z.number(),
  totalItemsInSourceMailboxCount: z.number(),
  bytesTransferred: z.number(),
  percentageComplete: z.number(),
});
const batchSchema = countersSchema.extend({ name: z.string(), totalCount: z.number() });
const mailboxSchema = countersSchema.extend({
  emailAddress: z.string(),
  error: z.object({ code: z.string(), message: z.string() }).nullish(),
});
const mailboxesSchema = z.object({ value: z.array(mailboxSchema) });

export type BatchProgress = z.infer<typeof batchSchema>;
type MailboxProgress = z.infer<typeof mailboxSchema>;

/** Statuses a batch does not leave by itself. */
const finalStatuses = ["Synced", "SyncedWithErrors", "Failed", "Stopped", "Completed", "CompletedWithErrors"];

/** Lines for people: a part that is drawn again in place on a terminal, and notes that stay. */
export interface Display {
  /** Replaces what was drawn before. */
  draw(lines: readonly string[]): void;
  /** Lets what is drawn stay as it is. */
  keep(): void;
  /** Writes a line that stays, above what is drawn. */
  note(line: string): void;
}

/** @param output a terminal, or a file or pipe, which gets each drawn line only when it is a new one. */
export function createDisplay(output: NodeJS.WriteStream): Display {
  let drawn: readonly string[] = [];
  const erase = (): string => (drawn.length > 0 ? `\x1b[${drawn.length}A\x1b[J` : "");
  const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");
  const keep = (): void => {
    drawn = [];
  };
  if (!output.isTTY)
    return {
      keep,
      draw(lines) {
        output.write(text(lines.filter((line) => !drawn.includes(line))));
        drawn = lines;
      },
      note: (line) => output.write(`${line}\n`),
    };
  return {
    keep,
    draw(lines) {
      // A line that wraps would take two rows and be erased by half.
      const fitting = lines.map((line) => line.slice(0, output.columns - 1));
      output.write(erase() + text(fitting));
      drawn = fitting;
    },
    note: (line) => output.write(`${erase()}${line}\n${text(drawn)}`),
  };
}

/**
 * Shows a batch through the app's API until it stops moving.
 * @returns its last state.
 * @throws the signal's reason when it aborts.
 */
export async function followBatch(
  apiUrl: string,
  batch: string,
  display: Display,
  signal: AbortSignal,
): Promise<BatchProgress> {
  while (true) {
    const progress = await read(`${apiUrl}/batches/${batch}`, batchSchema, signal);
    const mailboxes = await read(`${apiUrl}/batches/${batch}/mailboxes`, mailboxesSchema, signal);
    display.draw(
      progress
        ? [batchLine(progress), ...(mailboxes?.value ?? []).map(mailboxLine)]
        : [`${batch}: waits to be read`],
    );
    if (progress && finalStatuses.includes(progress.status)) {
      display.keep();
      return progress;
    }
    await sleep(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

/** Undefined while there is no answer: no batch yet, or the app is starting again. */
async function read<T>(url: string, schema: z.ZodType<T>, signal: AbortSignal): Promise<T | undefined> {
  let response: Response;
  try {
    response = await fetch(url, { signal });
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
  if (response.ok) return schema.parse(await response.json());
  await response.body?.cancel();
  return undefined;
}

function batchLine({ name, totalCount, ...counters }: BatchProgress): string {
  return `${`${name} (${totalCount} mailboxes)`.padEnd(28)} ${countersText(counters)}`;
}

function mailboxLine({ emailAddress, error, ...counters }: MailboxProgress): string {
  const problem = error ? `  ${error.code}: ${error.message}` : "";
  return `  ${emailAddress.padEnd(26)} ${countersText(counters)}${problem}`;
}

function countersText(counters: z.infer<typeof countersSchema>): string {
  const { status, percentageComplete, syncedItemCount, skippedItemCount, bytesTransferred } = counters;
  const filled = Math.round((percentageComplete / 100) * barWidth);
  const bar = "█".repeat(filled).padEnd(barWidth, "·");
  const items = `${syncedItemCount}/${counters.totalItemsInSourceMailboxCount}`.padStart(9);
  const skipped = skippedItemCount > 0 ? `, ${skippedItemCount} skipped` : "";
  return `${bar} ${`${Math.floor(percentageComplete)}%`.padStart(4)} ${items} messages ${megabytes(bytesTransferred)}${skipped}  ${status}`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`.padStart(8);
}

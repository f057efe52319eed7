import type { BatchView } from "../../shared/domain/api/batches.ts";
import type { MailboxListAnswer as MailboxList } from "../../shared/domain/api/mailboxes.ts";
import { batchHead, watchLines } from "./answers.ts";
import { ApiError, type Client } from "./client.ts";
import { pauses } from "./pauses.ts";
import type { Terminal } from "./terminal.ts";

/** As often as the app looks at its own figures. */
const longestPauseMs = 5_000;
/** What is out of reach for so long ends the watch. */
const patienceMs = 10 * 60_000;
const statuses = ["Syncing", "IncrementalSyncing", "Failed", "Queued"] as const;

export interface WatchOptions {
  /** A line of JSON for each change instead of a table. */
  readonly json: boolean;
  /** Looks once. */
  readonly once: boolean;
}

/** True once nothing of the batch is at work, or will be by itself. */
export function isSettled({
  status,
  activeCount,
  operations,
  totalCount,
  failedCount,
  syncedCount,
}: BatchView): boolean {
  if (operations.length > 0 || activeCount > 0) return false;
  return status === "Stopped" || status === "Created" || failedCount + syncedCount >= totalCount;
}

/**
 * Shows a batch until nothing of it is at work: on a terminal as a table that is written over, elsewhere as a line for
 * each change.
 * @returns 0 if every mailbox is synced, 3 if one failed or the batch was stopped.
 */
export async function watch(
  client: Client,
  terminal: Terminal,
  batch: string,
  { json, once }: WatchOptions,
): Promise<0 | 3> {
  let drawn = 0;
  let last = "";
  let awaySince: number | undefined;
  const pause = pauses(longestPauseMs);
  for (;;) {
    const view = await look(client, batch, awaySince);
    if ("awaySince" in view) {
      awaySince = view.awaySince;
      await pause();
      continue;
    }
    awaySince = undefined;
    const settled = isSettled(view);
    if (json) last = tellChange(terminal, last, view, JSON.stringify(view));
    else if (terminal.live || once) drawn = draw(terminal, drawn, await linesOf(client, terminal, view));
    else last = tellChange(terminal, last, view, batchHead(view, terminal)[0] ?? "");
    if (settled || once) {
      if (!json && !terminal.live && !once) terminal.show(batchHead(view, terminal));
      return settled && view.failedCount === 0 && view.status !== "Stopped" ? 0 : 3;
    }
    await pause();
  }
}

/** The batch; where the app is away, since when. @throws Error if it has been for too long, or does not know the batch. */
async function look(
  client: Client,
  batch: string,
  awaySince: number | undefined,
): Promise<BatchView | { readonly awaySince: number }> {
  try {
    return await client.get<BatchView>(`batches/${encodeURIComponent(batch)}`);
  } catch (error) {
    if (error instanceof ApiError && error.status < 500) throw error;
    const since = awaySince ?? Date.now();
    if (Date.now() - since > patienceMs) throw error;
    return { awaySince: since };
  }
}

/** Those mailboxes that tell most; of a batch that is done, the first ones. */
async function linesOf(client: Client, terminal: Terminal, view: BatchView): Promise<readonly string[]> {
  const path = `batches/${encodeURIComponent(view.name)}/mailboxes`;
  const $top = String(terminal.height);
  const small = view.totalCount <= terminal.height;
  const lists = small
    ? [await client.get<MailboxList>(path, { $top, $orderby: "emailAddress" })]
    : await Promise.all(statuses.map((status) => client.get<MailboxList>(path, { $top, status })));
  const found = lists.flatMap(({ value }) => value);
  const mailboxes = found.length > 0 ? found : (await client.get<MailboxList>(path, { $top })).value;
  return watchLines(view, mailboxes, terminal);
}

const upLines = (count: number) => `\u001b[${count}A`;
const clearDown = "\u001b[0J";

/** Writes over the lines that were drawn before. @returns how many lines there are now. */
function draw(terminal: Terminal, drawn: number, lines: readonly string[]): number {
  const over = terminal.live && drawn > 0 ? `${upLines(drawn)}${clearDown}` : "";
  terminal.write(`${over}${lines.join("\n")}\n`);
  return lines.length;
}

/** @returns what tells this state from others. */
function tellChange(terminal: Terminal, last: string, view: BatchView, line: string): string {
  const { asOf: _, ...state } = view;
  const now = JSON.stringify(state);
  if (now !== last) terminal.write(`${line}\n`);
  return now;
}

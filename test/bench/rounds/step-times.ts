import type { LogEvent } from "../../stack/app-process.ts";
import type { Deployment } from "../../stack/deployment.ts";

/** Sessions are kept for half a minute after a round; the next one then begins with a login. */
export const untilLoggedOutMs = 35_000;

/**
 * Begins a round, and waits for its end.
 * @returns seconds from the start of its first step to the last mailbox's Synced, by the log.
 */
export async function roundSeconds(
  deployment: Deployment,
  batch: string,
  mailboxes: number,
): Promise<number> {
  const mark = deployment.log.length;
  await deployment.request("POST", `batches/${batch}/sync`);
  const later = () => deployment.log.slice(mark);
  const isSynced = ({ message }: LogEvent) => message === "mailbox.synced";
  await deployment.app.waitForEvent(() => later().filter(isSynced).length >= mailboxes, 1_200_000);
  const begun = later().find(
    ({ message, functionName }) => message === "Executing" && functionName === "folder-sync",
  );
  const ended = later().filter(isSynced)[mailboxes - 1];
  if (begun === undefined || ended === undefined) throw new Error("the log tells no step");
  return (Date.parse(ended.time) - Date.parse(begun.time)) / 1000;
}

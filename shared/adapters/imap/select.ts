import type { ImapResponse } from "imapflow";
import type { ImapConnection } from "./connection.ts";
import { hasModseq } from "./listing.ts";
import { atom, digitsOf, mailbox, numberOf, refusesForm, responseCodeOf, textsOf } from "./wire.ts";

/** What SELECT or EXAMINE tells (RFC 9051, 6.3.2). */
export interface OpenedMailbox {
  readonly uidValidity: string | undefined;
  readonly uidNext: number | undefined;
  readonly messages: number;
  readonly highestModseq: string | undefined;
  /** Flags that can be stored; undefined if the server does not say, which means all. */
  readonly permanentFlags: readonly string[] | undefined;
  /** True if the first command for it opened it, so that one sent right behind that was about this folder. */
  readonly atOnce: boolean;
}

/**
 * Opens a folder. EXAMINE changes nothing, not even \Recent.
 * @returns undefined if the server refuses the folder for a reason of the folder's.
 */
export async function openMailbox(
  connection: ImapConnection,
  command: "SELECT" | "EXAMINE",
  path: string,
): Promise<OpenedMailbox | undefined> {
  let uidValidity: string | undefined;
  let uidNext: number | undefined;
  let highestModseq: string | undefined;
  let permanentFlags: readonly string[] | undefined;
  const noteCode = async (response: ImapResponse) => {
    const { code, arguments: values } = responseCodeOf(response);
    if (code === "UIDVALIDITY") uidValidity = digitsOf(values[0]);
    else if (code === "UIDNEXT") uidNext = numberOf(values[0]);
    else if (code === "HIGHESTMODSEQ") highestModseq = digitsOf(values[0]);
    else if (code === "PERMANENTFLAGS") permanentFlags = textsOf(values[0]);
  };
  const open = (withModseq: boolean) =>
    connection.attempt(command, withModseq ? [mailbox(path), [atom("CONDSTORE")]] : [mailbox(path)], {
      untagged: { OK: noteCode },
    });
  const withModseq = hasModseq(connection);
  let reply = await open(withModseq);
  const atOnce = reply.status === "OK";
  if (withModseq && refusesForm(reply)) {
    reply = await open(false);
    if (reply.status === "OK") connection.forgo("CONDSTORE", "QRESYNC");
  }
  if (reply.status !== "OK") {
    const error = connection.refusal(reply);
    if (error.code !== "CommandRefused") throw error;
    return undefined;
  }
  return {
    uidValidity,
    uidNext,
    messages: connection.exists,
    // What a server tells without the extension is of no use: changes since it cannot be asked for.
    highestModseq: hasModseq(connection) ? highestModseq : undefined,
    permanentFlags,
    atOnce,
  };
}

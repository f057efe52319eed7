import type { TargetFolderId } from "../../../domain/names.ts";
import type { CheckRequest, TargetCheck } from "../../../migration/ports/target-check.ts";
import type { IdentityToken } from "../../identity-token.ts";
import { GraphClient } from "../client.ts";
import { MailboxGate } from "../gate.ts";
import { GraphMailbox } from "../mailbox.ts";
import { callMailbox, type MailboxSession } from "../session.ts";
import { checkAccess } from "./access.ts";
import { advice } from "./advice.ts";
import { tryExperiments } from "./experiments.ts";
import { type Bench, checkAnsweredLater, checkMessage, checkSigned } from "./messages.ts";
import { type CheckSizes, checkSizes, checkSpeed, usualSizes } from "./sizes.ts";
import { failed, ok, Steps } from "./steps.ts";
import { checkFolderName, findFolder, tidyUp } from "./workplace.ts";

export interface GraphCheckSettings {
  /** Service root without the version. */
  readonly baseUrl: string;
  readonly token: IdentityToken;
  readonly concurrencyPerMailbox: number;
  /** The usual ones when absent. */
  readonly sizes?: CheckSizes;
}

/** Counts the pauses that the service asks for. */
class CountingGate extends MailboxGate {
  pauses = 0;
  longestPauseMs = 0;

  override pauseUntil(instant: number): void {
    this.pauses++;
    this.longestPauseMs = Math.max(this.longestPauseMs, instant - Date.now());
    super.pauseUntil(instant);
  }
}

/**
 * Tries Microsoft Graph with a mailbox of the tenant by the code that a migration runs, under the application's own
 * identity. Whatever it makes lies in a folder of its own, and goes again.
 */
export function createGraphCheck({
  baseUrl,
  token,
  concurrencyPerMailbox,
  sizes = usualSizes,
}: GraphCheckSettings): TargetCheck {
  const root = new URL(baseUrl).origin;
  return {
    async check(request, note) {
      const steps = new Steps(note);
      const client = new GraphClient(root, token);
      const gate = new CountingGate(concurrencyPerMailbox);
      const user = await checkAccess(steps, client, gate, token, request);
      if (user === undefined) return;
      const session = { client, gate, root: `/users/${encodeURIComponent(user)}` };
      await checkMail(steps, session, gate, request, sizes, { baseUrl: root, token, user });
    },
  };
}

async function checkMail(
  steps: Steps,
  session: MailboxSession,
  gate: CountingGate,
  { experiments }: CheckRequest,
  sizes: CheckSizes,
  raw: { readonly baseUrl: string; readonly token: IdentityToken; readonly user: string },
): Promise<void> {
  const tidy = await steps.take("leftovers", "what an earlier check may have left", async () => {
    const { messages } = await tidyUp(session);
    return ok(messages === 0 ? "There is nothing." : `${messages} messages are removed.`);
  });
  // Without that nothing would be removed afterwards, either.
  if (tidy === undefined) return;
  const mailbox = new GraphMailbox(session, () => undefined);
  try {
    const folder = await steps.take(
      "folder",
      "a folder, and straight after it by id and by name",
      async () => {
        const { id } = await mailbox.ensureFolder([checkFolderName]);
        const found = (await isThere(session, id)) && (await findFolder(session, checkFolderName)) === id;
        return found
          ? { ...ok("It is created and found."), result: id }
          : failed("It is created, and not found.", advice.folderNotFound);
      },
    );
    if (folder === undefined) return;
    const bench: Bench = { steps, session, mailbox, folder };
    await checkMessage(bench);
    await checkAnsweredLater(bench);
    await checkSigned(bench);
    await checkSizes(bench, sizes);
    await checkSpeed(bench, gate);
    if (experiments === true) await tryExperiments(bench, raw);
  } finally {
    await steps.take("removal", "to remove all that was made", async () => {
      await tidyUp(session);
      return (await findFolder(session, checkFolderName)) === undefined
        ? ok("The mailbox is as it was.")
        : failed("The folder is still there.", advice.notRemoved);
    });
  }
}

async function isThere(session: MailboxSession, folder: TargetFolderId): Promise<boolean> {
  const { status } = await callMailbox(session, {
    method: "GET",
    path: `/mailFolders/${encodeURIComponent(folder)}`,
    query: { $select: "id" },
    effect: "read",
    expect: [404],
  });
  return status === 200;
}

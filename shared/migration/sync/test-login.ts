import type { MailboxState } from "../mailbox/change.ts";
import { loginPassed, waitsForOthers } from "../mailbox/life.ts";
import type { MailboxRecord } from "../ports/registry.ts";
import type { TargetConnector } from "../ports/target.ts";
import { openSource, type SourceParts } from "./sessions.ts";

/**
 * Logs in at the source and looks the target up, as a migration does, and changes nothing there. A mailbox that passes
 * waits as Queued in another round. Repeatable.
 * @returns false if the row was mended meanwhile, so that another login has to be tested.
 * @throws MigrationError for a login that fails, or cannot be tried. @throws Superseded
 */
export async function testLogin(
  parts: SourceParts & { readonly target: TargetConnector },
  state: MailboxState,
): Promise<boolean> {
  const tested = state.mailbox;
  const targetId = await tryLogin(parts, tested);
  await state.update((mailbox) => loginPassed(mailbox, tested, targetId));
  return waitsForOthers(state.mailbox);
}

async function tryLogin(
  parts: SourceParts & { readonly target: TargetConnector },
  mailbox: MailboxRecord,
): Promise<string> {
  const source = await openSource(parts, mailbox);
  await source.close();
  return (await parts.target.resolve(mailbox.emailAddress)).id;
}

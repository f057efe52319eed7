import type { BatchOptions } from "../../domain/batch-options.ts";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { MailboxRecord } from "../ports/registry.ts";
import type { TargetConnector } from "../ports/target.ts";
import { isActive, type MailboxState } from "./mailbox-state.ts";
import { openSource, type SourceParts } from "./sessions.ts";

/** Transient failures in a row that fail a test, after two or three minutes: the whole batch waits for it. */
const maxTestAttempts = 5;

/** True while nothing of the mailbox may be copied before its login has been tested. Pure. */
export function needsLoginTest({ testLogins }: BatchOptions, mailbox: MailboxRecord): boolean {
  return testLogins && mailbox.loginTest === undefined && mailbox.startedAt === undefined;
}

/** True if other mailboxes of the batch wait for the test of this one. Pure. */
export function isBeingTested(options: BatchOptions, mailbox: MailboxRecord): boolean {
  return needsLoginTest(options, mailbox) && (isActive(mailbox) || mailbox.status === "Created");
}

/** True if the mailbox has passed its test and waits until every other one has been tested. Pure. */
export function waitsForOthers(mailbox: MailboxRecord): boolean {
  return mailbox.loginTest === "passed";
}

/**
 * Logs in at the source and looks the target up, as a migration does, and changes nothing there. A mailbox that passes
 * waits as Queued in another round. Repeatable.
 * @returns false if the row was mended meanwhile, so that another login has to be tested.
 * @throws MigrationError for a login that fails; a server that cannot be reached is no longer transient after a few
 * attempts. @throws Superseded
 */
export async function testLogin(
  parts: SourceParts & { readonly target: TargetConnector },
  state: MailboxState,
): Promise<boolean> {
  const tested = state.mailbox;
  const targetId = await tryLogin(parts, tested);
  await state.update((mailbox) =>
    hasSameLogin(mailbox, tested)
      ? {
          ...mailbox,
          targetId,
          loginTest: "passed",
          status: "Queued",
          round: mailbox.round + 1,
          attempts: 0,
          error: undefined,
          notBefore: undefined,
        }
      : mailbox,
  );
  return waitsForOthers(state.mailbox);
}

async function tryLogin(
  parts: SourceParts & { readonly target: TargetConnector },
  mailbox: MailboxRecord,
): Promise<string> {
  try {
    const source = await openSource(parts, mailbox);
    await source.close();
    return (await parts.target.resolve(mailbox.emailAddress)).id;
  } catch (error) {
    const lasts =
      isMigrationError(error) && error.kind === "transient" && mailbox.attempts + 1 >= maxTestAttempts;
    throw lasts ? new MigrationError("mailbox", error.code, error.message, { cause: error }) : error;
  }
}

function hasSameLogin(a: MailboxRecord, b: MailboxRecord): boolean {
  return a.userName === b.userName && a.userRoot === b.userRoot && a.sealedPassword === b.sealedPassword;
}

import { createImapSource, type Timeouts } from "../../../shared/adapters/imap/index.ts";
import { endpointSchema } from "../../../shared/domain/endpoint.ts";
import { isMigrationError, type MigrationError } from "../../../shared/domain/errors.ts";
import { intersectionOf, sizeOf, type UidSet } from "../../../shared/domain/uid-set.ts";

export interface VisitResult {
  /** The last step that was begun. */
  readonly stage:
    | "open"
    | "list"
    | "examine"
    | "search"
    | "summaries"
    | "messages"
    | "flags"
    | "parts"
    | "end";
  /** What ended it; undefined if the server was served to the end. */
  readonly error: MigrationError | undefined;
  readonly folders: number;
  readonly uids: number;
}

/** Messages of which a visit reads the summaries; of so many bodies at most. */
const readMessages = 10;
/** The highest UID whose flags are read. */
const flagsUpTo = 50_000;

/**
 * Does with a server once all that a migration does with its source.
 * @throws what is no MigrationError: nothing else may leave the adapter.
 */
export async function visitSource(port: number, timeouts: Partial<Timeouts> = {}): Promise<VisitResult> {
  let stage: VisitResult["stage"] = "open";
  let folders = 0;
  let uids: UidSet = [];
  try {
    const mailbox = await createImapSource({ timeouts }).open({
      endpoint: endpointSchema.parse({ host: "127.0.0.1", port, security: "none", allowInsecure: true }),
      userName: "user",
      password: "secret",
    });
    try {
      stage = "list";
      folders = (await mailbox.listFolders()).length;
      stage = "examine";
      const folder = await mailbox.openFolder("INBOX");
      stage = "search";
      uids = await folder.searchUids();
      const some: UidSet = [[1, readMessages]];
      stage = "summaries";
      await drain(folder.fetchSummaries(some));
      stage = "messages";
      await drain(folder.fetchMessages(some));
      stage = "flags";
      await drain(folder.fetchFlags(intersectionOf(uids, [[1, flagsUpTo]])));
      stage = "parts";
      for await (const part of await folder.openMessage(1 as never)) void part;
      stage = "end";
    } finally {
      await mailbox.close();
    }
    return { stage, error: undefined, folders, uids: sizeOf(uids) };
  } catch (error) {
    if (!isMigrationError(error)) throw error;
    return { stage, error, folders, uids: sizeOf(uids) };
  }
}

async function drain(rows: AsyncIterable<unknown>): Promise<void> {
  for await (const row of rows) void row;
}

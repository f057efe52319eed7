import type { Provider } from "../domain/providers.ts";
import type { FolderRecord } from "./ports/ledger-store.ts";

/** Something an operator should know although nothing failed. */
export interface Warning {
  /** Stable and documented in infra/docs/error-codes.md. */
  readonly code: string;
  /** A sentence. */
  readonly message: string;
}

/**
 * The warning about a folder that holds exactly as many messages as its provider shows at most by IMAP: there may be
 * more. Pure.
 * @param provider of the source server, if it is a well-known one.
 */
export function folderCapWarning(
  provider: Pick<Provider, "name" | "folderCap"> | undefined,
  folder: Pick<FolderRecord, "totalItemCount" | "shownItemCount">,
): Warning | undefined {
  const cap = provider?.folderCap;
  const messages = folder.shownItemCount ?? folder.totalItemCount;
  if (!cap?.messages.includes(messages)) return undefined;
  return {
    code: "FolderCapReached",
    message: `The folder shows exactly ${messages} messages, where ${provider?.name} stops: older ones may be hidden. ${cap.remedy}`,
  };
}

/** The same for a mailbox, of which so many folders have that warning. Pure. */
export function mailboxCapWarning(folders: number): Warning | undefined {
  if (folders === 0) return undefined;
  return {
    code: "FolderCapReached",
    message: `Folders that show exactly as many messages as their provider shows at most: ${folders}. Older messages may be hidden; see the mailbox's folders for what to do.`,
  };
}

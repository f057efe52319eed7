import type { FolderMap, IsExpected } from "../compare/imap-to-imap.ts";
import type { UserRow } from "../deployment.ts";
import type { ImapAccess } from "../imap-access.ts";

/** How a row of the file names user and administrator. */
export type CredentialForm =
  | "own password"
  | "app password"
  | "User*Admin"
  | "authzid by adminUser"
  | "UserRoot"
  | "Domain/Admin/User"
  | "#user@domain#Admin#"
  | "XOAUTH2, client credentials"
  | "XOAUTH2, refresh token"
  | "XOAUTH2, service account";

/** One source mailbox, filled, with the login the cell is about. */
export interface CellSource {
  /** The server with its version. */
  readonly server: string;
  /** Settings of `endpoints/{name}.json`. */
  readonly endpoint: object;
  readonly row: Omit<UserRow, "emailAddress">;
  /** What the operator puts into Key Vault for the endpoint. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** The user's own way in, to look at the mailbox. */
  readonly access: ImapAccess;
  /** Where a source folder has to be in the target; default the same. */
  readonly folderMap?: FolderMap;
  readonly isExpected?: IsExpected;
  /** Puts one message into the inbox and flags the first one there. */
  change(message: Buffer): Promise<void>;
  /** Ends what the server does wrong, so that its mailbox can be looked at. */
  behave?(): void;
}

/** One row of the matrix that has to be copied. */
export interface Cell {
  readonly title: string;
  readonly login: CredentialForm;
  /** Milliseconds that a round may take, where that is more than usual. */
  readonly settleMs?: number | undefined;
  readonly open: () => Promise<CellSource>;
}

/** One row whose login has to be refused, because it would open somebody else's mailbox. */
export interface RefusedCell {
  readonly title: string;
  readonly code: string;
  readonly open: () => Promise<Pick<CellSource, "server" | "endpoint" | "row" | "secrets">>;
}

/** What stands in a message of every administrator's own mailbox. */
export const adminMarker = "administrators-own-mail-4f1d";

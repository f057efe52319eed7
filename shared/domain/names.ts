import { z } from "zod";

declare const brand: unique symbol;
type Branded<T, Name extends string> = T & { readonly [brand]: Name };

/** Name of a migration endpoint, lower case. */
export type EndpointName = Branded<string, "EndpointName">;
/** Name of a batch, lower case; unique in a deployment. */
export type BatchName = Branded<string, "BatchName">;
/** Identifies one row of a batch; also the Service Bus session of that mailbox. 32 hex digits. */
export type MailboxId = Branded<string, "MailboxId">;
/** Identifies the copying relation of one source account to one target mailbox. 32 hex digits. */
export type LedgerId = Branded<string, "LedgerId">;
/** Our own, stable identity of a source folder within a ledger. It survives a rename at the source. */
export type FolderId = Branded<string, "FolderId">;
/** An IMAP unique identifier (RFC 9051, 2.3.1.1), 1 to 4,294,967,295. */
export type Uid = Branded<number, "Uid">;
/** UIDVALIDITY of a folder as decimal digits. */
export type UidValidity = Branded<string, "UidValidity">;
/** Identifies an item in the target: an immutable Graph id, or the UID an IMAP target assigned. */
export type TargetItemId = Branded<string, "TargetItemId">;
/** Identifies a folder in the target: a Graph id, or the path on an IMAP target. */
export type TargetFolderId = Branded<string, "TargetFolderId">;
/** SHA-256 over a message's identity, base64url. Marks the copy in the target where the target can hold a mark. */
export type Stamp = Branded<string, "Stamp">;

const namePattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
const nameRule = "expected a letter or digit followed by up to 63 letters, digits, '-' or '_'";

export const endpointNameSchema = z
  .string()
  .regex(namePattern, nameRule)
  .transform((name) => name.toLowerCase() as EndpointName);
export const batchNameSchema = z
  .string()
  .regex(namePattern, nameRule)
  .transform((name) => name.toLowerCase() as BatchName);

const hexId = z.string().regex(/^[0-9a-f]{32}$/, "expected 32 hexadecimal digits");
export const folderIdSchema = z
  .string()
  .regex(/^[0-9a-f]{16}$/, "expected 16 hexadecimal digits")
  .transform((id) => id as FolderId);
export const mailboxIdSchema = hexId.transform((id) => id as MailboxId);

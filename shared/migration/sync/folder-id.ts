import { randomUUID } from "node:crypto";
import type { FolderId } from "../../domain/names.ts";

/** A new identity for a folder. */
export function newFolderId(): FolderId {
  return randomUUID().replaceAll("-", "").slice(0, 16) as FolderId;
}

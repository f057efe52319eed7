import type { LedgerId } from "../../domain/names.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { KnownMessage } from "./steady-source.ts";

/** How many messages are looked at for small ones, in how many folders, and how many are given of each. */
const looks = 50;
const folders = 3;
const samples = 2;

/** A few small messages that were copied, as read at the source: where they can be read again, the source gives messages. */
export async function knownMessages(
  ledger: LedgerStore,
  ledgerId: LedgerId,
): Promise<readonly KnownMessage[]> {
  const known: KnownMessage[] = [];
  const filled = (await ledger.listFolders(ledgerId)).filter(
    ({ state, counts }) => state !== "gone" && counts.synced > 0,
  );
  for (const { folderId, uidValidity, source } of filled.slice(0, folders)) {
    const seen: KnownMessage[] = [];
    for await (const { uid, size } of ledger.listItems(ledgerId, folderId, uidValidity)) {
      seen.push({ path: source.path, uid, size });
      if (seen.length >= looks) break;
    }
    seen.sort((a, b) => a.size - b.size);
    known.push(...seen.slice(0, samples));
  }
  return known;
}

import type { Generation, ItemRecord } from "../ports/ledger-store.ts";
import type { MessageSummary } from "../ports/source.ts";
import { envelopeDigest, headerDigest } from "./digest.ts";
import { copiedFlags } from "./flags.ts";
import { keyOf } from "./item-records.ts";

/** Item record of a message as it was just written. Pure. @param header its header section. */
export function itemOf(
  folder: Generation,
  message: MessageSummary,
  size: number,
  header: Buffer,
  targetId: ItemRecord["targetId"],
): ItemRecord {
  return {
    ...keyOf({ ...folder, uid: message.uid }),
    targetId,
    digest: headerDigest(header),
    envelope: envelopeDigest(header),
    internalDate: message.internalDate.getTime(),
    size,
    flags: copiedFlags(message.flags),
  };
}

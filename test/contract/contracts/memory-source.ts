import { MemorySource, SourceFolderState, type SourceState } from "../../stack/memory/memory-source.ts";
import type { SourceUnderTest } from "./source-contract.ts";

/** A mailbox of a source in memory. */
export async function memorySourceUnderTest(): Promise<SourceUnderTest> {
  const source = new MemorySource();
  const mailbox: SourceState = new Map([["INBOX", new SourceFolderState("inbox")]]);
  source.mailboxes.set("ann", mailbox);
  const folder = (name: string): SourceFolderState => {
    const found = mailbox.get(name);
    if (found === undefined) throw new Error("there is no such folder");
    return found;
  };
  /** UIDVALIDITY of folders that were deleted, by name. */
  const deleted = new Map<string, number>();
  return {
    open: () => source.open({ userName: "ann" }),
    openWrongly: () => source.open({ userName: "nobody" }),
    user: {
      async createFolder(name) {
        const made = new SourceFolderState();
        made.uidValidity = (deleted.get(name) ?? 0) + 1;
        mailbox.set(name, made);
      },
      async deleteFolder(name) {
        deleted.set(name, folder(name).uidValidity);
        mailbox.delete(name);
      },
      async renameFolder(name, to) {
        mailbox.set(to, folder(name));
        mailbox.delete(name);
      },
      async append(name, { content, flags = [], date = new Date() }) {
        folder(name).add({ text: content.toString(), internalDate: date.getTime(), flags });
      },
      async setFlags(name, uid, flags) {
        const found = folder(name).messages.get(uid);
        if (found) folder(name).messages.set(uid, { ...found, flags });
      },
      async delete(name, uid) {
        folder(name).messages.delete(uid);
      },
      async flagsIn(name) {
        return [...folder(name).messages.values()].map(({ flags }) => flags);
      },
    },
    async cutAfter(bytes) {
      source.cutAfterBytes = bytes;
    },
    async settle() {
      source.cutAfterBytes = undefined;
    },
    close: async () => undefined,
  };
}

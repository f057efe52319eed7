import { setTimeout } from "node:timers/promises";
import type { TargetFolderId } from "../../../shared/domain/names.ts";
import { MemoryTarget, type TargetKind } from "../../stack/memory/memory-target.ts";
import type { TargetUnderTest } from "./target-contract.ts";

const lateMs = 50;

/** A mailbox of a target in memory. */
export async function memoryTargetUnderTest(kind: TargetKind): Promise<TargetUnderTest> {
  const connector = new MemoryTarget(kind);
  const emailAddress = "ann@example.com";
  const state = connector.add(emailAddress);
  const placeOf = (folder: TargetFolderId) => {
    const found = state.folder(folder);
    if (found === undefined) throw new Error("there is no such folder");
    return found;
  };
  return {
    connector,
    emailAddress,
    unknownAddress: "nobody@example.com",
    user: {
      async messagesIn(folder) {
        return state.items
          .filter((item) => item.folder === folder)
          .map(({ text, internalDate }) => ({
            subject: /^Subject: ([^\r\n]*)/m.exec(text)?.[1] ?? "",
            receivedAt: internalDate,
          }));
      },
      deleteFolder: async (folder) => state.deleteFolder(placeOf(folder).path),
      async add(folder, subject) {
        const text = `Subject: ${subject}\r\n\r\nx\r\n`;
        const none = { stamp: undefined, chunkToken: undefined };
        state.place(placeOf(folder), { text, internalDate: Date.now(), flags: [], ...none });
      },
      async flag(folder, id) {
        const item = state.items.find((one) => one.folder === folder && one.id === id);
        if (item) item.flags = [...item.flags, "\\Flagged"];
      },
      async delete(folder, id) {
        state.items = state.items.filter((item) => item.folder !== folder || item.id !== id);
      },
    },
    async interrupt(kind) {
      state.interruption = kind === "landsLate" ? { kind, afterMs: lateMs } : { kind };
    },
    async settle() {
      state.interruption = undefined;
      await setTimeout(2 * lateMs);
    },
    close: async () => undefined,
  };
}

import { setTimeout } from "node:timers/promises";
import { createImapTarget } from "../../../shared/adapters/imap/index.ts";
import type { TargetFolderId, TargetItemId } from "../../../shared/domain/names.ts";
import { startDelayProxy, TRANSPARENT } from "../../stack/delay-proxy/delay-proxy.ts";
import type { ImapServer } from "../../stack/imap-servers/server.ts";
import { RawImap } from "../imap/raw-imap.ts";
import type { SeenMessage, TargetUnderTest } from "./target-contract.ts";

/** Bytes of a connection in both directions, before it is cut in the middle of a large message. */
const cutAfterBytes = 300_000;

/** A mailbox of a running server, reached through a proxy that interrupts. @param user counted from 1. */
export async function imapUnderTest(server: ImapServer, user: number): Promise<TargetUnderTest> {
  const emailAddress = server.userName(user);
  const proxy = await startDelayProxy({ targetHost: server.host, targetPort: server.port });
  const raw = await RawImap.login(server, emailAddress, server.password);
  /** APPENDs that the server had answered before one that is to land late. */
  let beforeLate: number | undefined;

  /** Opens a folder for writing and does something with one of its messages. */
  const change = async (folder: TargetFolderId, item: TargetItemId, flag: string) => {
    const [uidValidity, uid] = item.split(":");
    const selected = await raw.command(`SELECT "${folder}"`);
    if (!selected.includes(`UIDVALIDITY ${uidValidity}`)) throw new Error("the item is of an older folder");
    await raw.command(`UID STORE ${uid} +FLAGS.SILENT (${flag})`);
  };
  const unselect = () => raw.command("CLOSE");

  return {
    connector: createImapTarget({
      host: proxy.host,
      port: proxy.port,
      security: "none",
      authentication: "password",
      userFormat: "{emailAddress}",
      password: server.password,
      acceptUntrustedCertificates: true,
      connectionsPerMailbox: 3,
    }),
    emailAddress,
    user: {
      async messagesIn(folder) {
        await raw.command(`EXAMINE "${folder}"`);
        const answer = await raw.command("UID FETCH 1:* (INTERNALDATE BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
        await raw.command("CLOSE");
        return answer
          .split(/^(?=\* \d+ FETCH)/m)
          .filter((row) => /^\* \d+ FETCH/.test(row))
          .map(
            (row): SeenMessage => ({
              subject: /^Subject: ([^\r\n]*)/im.exec(row)?.[1] ?? "",
              receivedAt: instantOf(/INTERNALDATE "([^"]*)"/.exec(row)?.[1] ?? ""),
            }),
          );
      },
      async deleteFolder(folder) {
        await raw.command(`DELETE "${folder}"`);
      },
      async add(folder, subject) {
        await raw.append(folder, { content: Buffer.from(`Subject: ${subject}\r\n\r\nx\r\n`) });
      },
      async flag(folder, item) {
        await change(folder, item, "\\Flagged");
        await unselect();
      },
      async delete(folder, item) {
        await change(folder, item, "\\Deleted");
        await raw.command("EXPUNGE");
        await unselect();
      },
    },
    async interrupt(interruption) {
      if (interruption === "landsLate") beforeLate = (await proxy.counters()).appends;
      await proxy.set(
        {
          answerLost: { loseAppendAnswers: 1 },
          cutBefore: { dropAfterBytes: cutAfterBytes },
          // Held for longer than the write may take.
          landsLate: { holdAppendMs: 1e9, lateAppendMs: 300 },
        }[interruption],
      );
    },
    async settle() {
      await proxy.set(TRANSPARENT);
      while ((await proxy.counters()).appends === beforeLate) await setTimeout(20);
      beforeLate = undefined;
    },
    async close() {
      await raw.close();
      await proxy.stop();
    },
  };
}

/** Milliseconds since 1970 of a date-time of IMAP (RFC 9051, 9). */
function instantOf(dateTime: string): number {
  const [, day, month, year, rest] = /^ ?(\d+)-(\w+)-(\d+) (.*)$/.exec(dateTime) ?? [];
  return Date.parse(`${day} ${month} ${year} ${rest}`);
}

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compareImapToImap } from "../stack/compare/imap-to-imap.ts";
import { generateCorpus } from "../stack/corpus/corpus.ts";
import { fillMailbox } from "../stack/corpus/fill.ts";
import { userAccess, withSession } from "../stack/imap-access.ts";
import { startDovecot } from "../stack/imap-servers/dovecot.ts";
import type { ImapServer } from "../stack/imap-servers/server.ts";

const corpus = generateCorpus({ seed: "compare", mailboxes: 1, messages: 140, largest: 1_500_000 });
let source: ImapServer;
let target: ImapServer;

beforeAll(async () => {
  source = await startDovecot({ users: 2, separator: ".", prefix: "INBOX.", timeZone: "NPT-5:45" });
  target = await startDovecot({ users: 2 });
});

afterAll(async () => {
  await Promise.all([source.stop(), target.stop()]);
});

async function filled(server: ImapServer, n: number) {
  const access = userAccess(server, server.userName(n));
  for (const mailbox of corpus) {
    expect(await fillMailbox(access, mailbox)).toEqual({ appended: 140, refused: [] });
  }
  return access;
}

/** The inbox's children lose their parent where a server puts everything below the inbox. */
const folderMap = (folder: string) => (folder === "Team (intern)" ? "INBOX/Team (intern)" : folder);
const everything = () => true;

describe("compareImapToImap", () => {
  it("finds two mailboxes equal across separators, prefixes and time zones", async () => {
    const [from, to] = [await filled(source, 1), await filled(target, 1)];
    const difference = await compareImapToImap(from, to, folderMap, everything);
    expect(difference.report).toBe("140 messages expected, 140 found");
    expect(difference.equal).toBe(true);
  });

  it("reports what is missing, doubled, unexpected and changed", async () => {
    const [from, to] = [await filled(source, 2), await filled(target, 2)];
    await withSession(to, async (client) => {
      await client.mailboxOpen("INBOX");
      await client.messageFlagsAdd("1", ["Touched"]);
      await client.messageDelete("2");
      const twin = await client.fetchOne("2", { source: true, internalDate: true });
      if (twin === false || twin.source === undefined || twin.internalDate === undefined)
        throw new Error("no message 2");
      await client.append("INBOX", twin.source, [], twin.internalDate);
      await client.append("INBOX", "Subject: mail of the user\r\n\r\nhello\r\n");
      const later = await client.fetchOne("3", { source: true, flags: true });
      if (later === false || later.source === undefined) throw new Error("no message 3");
      await client.messageDelete("3");
      await client.append("INBOX", later.source, [...(later.flags ?? [])], new Date("2001-02-03T04:05:06Z"));
      await client.mailboxDelete("R&D");
    });

    const difference = await compareImapToImap(from, to, folderMap, everything);

    expect(difference.equal).toBe(false);
    const inbox = difference.folders.find(({ folder }) => folder === "INBOX");
    expect(inbox?.missing.length).toBe(1);
    expect(inbox?.doubled.length).toBe(1);
    expect(inbox?.unexpected.length).toBe(1);
    expect(inbox?.changed.map(({ what }) => what.map((words) => words.split(" ")[0]))).toEqual(
      expect.arrayContaining([["flags"], ["date"]]),
    );
    expect(difference.folders.find(({ folder }) => folder === "R&D")?.folderMissing).toBe(true);
    expect(difference.folders.length).toBe(2);
    expect(difference.report).toMatch(/R&D \(folder missing\)/);
    expect(difference.report).toMatch(/2001-02-03T04:05:06.000Z/);
  });

  it("does not expect messages that the source has marked as deleted", async () => {
    const from = userAccess(source, source.userName(1));
    const difference = await compareImapToImap(from, userAccess(target, target.userName(1)), folderMap);
    expect(difference.expectedCount).toBeLessThan(140);
    expect(difference.folders.flatMap(({ missing }) => missing)).toEqual([]);
    const surplus = difference.folders.flatMap(({ doubled, unexpected }) => [...doubled, ...unexpected]);
    expect(surplus.length).toBe(140 - difference.expectedCount);
    expect(surplus.every(({ flags }) => flags.includes("\\Deleted"))).toBe(true);
  });
});

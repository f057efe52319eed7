import { describe, expect, test } from "vitest";
import { nonMailFolders } from "../../../shared/adapters/imap/non-mail-folders.ts";

const server = (greeting: string, software = "", ...capabilities: readonly string[]) => ({
  greeting,
  software,
  has: (name: string) => capabilities.includes(name),
});
const exchange = server("* OK The Microsoft Exchange IMAP4 service is ready. [QQ==]");

describe("folders that hold no mail", () => {
  test.each([
    [["Calendar"], true],
    [["Calendar", "Birthdays"], true],
    [["Sync Issues", "Conflicts"], true],
    [["Postausgang"], true],
    [["Boi\u0302te d\u2019envoi"], true],
    [["Projects", "Calendar"], false],
    [["Calendars"], false],
    [["INBOX"], false],
    [["Conversation History"], false],
    [["Archive"], false],
  ])("of Exchange: %j is %s", (segments, expected) => {
    expect(nonMailFolders(exchange)(segments)).toBe(expected);
  });

  test("of an Exchange with another greeting", () => {
    expect(nonMailFolders(server("* OK ready", "", "CLIENTACCESSRULES"))(["Tasks"])).toBe(true);
  });

  test("of Zimbra", () => {
    const holdsNoMail = nonMailFolders(server("* OK IMAP4 ready", "Zimbra"));
    expect([["Briefcase"], ["Emailed Contacts"], ["Chats"], ["Journal"]].map(holdsNoMail)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test("are folders of mail anywhere else", () => {
    expect(nonMailFolders(server("* OK Dovecot ready."))(["Calendar"])).toBe(false);
  });
});

import { describe, expect, test } from "vitest";
import { onRequestFolders, type ServerTraits } from "../../../../shared/adapters/imap/on-request-folders.ts";

const server = (greeting: string, software = "", ...capabilities: readonly string[]) => ({
  greeting,
  software,
  has: (name: string) => capabilities.includes(name),
});
const exchange = server("* OK The Microsoft Exchange IMAP4 service is ready. [QQ==]");

function isLeftOut(
  traits: ServerTraits,
  segments: readonly string[],
  ...attributes: readonly string[]
): boolean {
  return onRequestFolders(traits)({ segments, attributes: new Set(attributes) });
}

describe("folders that are left out unless asked for", () => {
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
    expect(isLeftOut(exchange, segments)).toBe(expected);
  });

  test("of an Exchange with another greeting", () => {
    expect(isLeftOut(server("* OK ready", "", "CLIENTACCESSRULES"), ["Tasks"])).toBe(true);
  });

  test("of Zimbra", () => {
    const zimbra = server("* OK IMAP4 ready", "Zimbra");
    expect(
      [["Briefcase"], ["Emailed Contacts"], ["Chats"], ["Journal"]].map((folder) =>
        isLeftOut(zimbra, folder),
      ),
    ).toEqual([true, true, false, false]);
  });

  test("are views of mail in other folders, on any server", () => {
    const dovecot = server("* OK Dovecot ready.");
    expect(isLeftOut(dovecot, ["virtual", "All"], "\\all")).toBe(true);
    expect(isLeftOut(dovecot, ["virtual", "Flagged"], "\\flagged")).toBe(true);
    expect(isLeftOut(exchange, ["Important"], "\\important")).toBe(true);
    expect(isLeftOut(dovecot, ["Sent"], "\\sent")).toBe(false);
  });

  test("are folders of mail anywhere else", () => {
    expect(isLeftOut(server("* OK Dovecot ready."), ["Calendar"])).toBe(false);
  });
});

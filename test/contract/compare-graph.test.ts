import { afterAll, beforeAll, expect, it } from "vitest";
import { compareImapToGraph } from "../stack/compare/imap-to-graph.ts";
import { type GraphStandIn, startGraph } from "../stack/graph/index.ts";
import { type ImapAccess, userAccess, withSession } from "../stack/imap-access.ts";
import { startDovecot } from "../stack/imap-servers/dovecot.ts";
import type { ImapServer } from "../stack/imap-servers/server.ts";

const RECEIVED = new Date("2014-05-06T07:08:09Z");
const FILE = Buffer.from("bytes of a file\r\n");
const CALENDAR = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n";

const withFile = [
  "Message-ID: <file@example.com>",
  "Content-Type: multipart/mixed; boundary=b",
  "",
  "--b",
  "Content-Type: text/plain",
  "",
  "see below",
  "--b",
  "Content-Type: application/pdf",
  "Content-Transfer-Encoding: base64",
  "",
  FILE.toString("base64"),
  "--b",
  "Content-Type: text/calendar",
  "",
  CALENDAR,
  "--b--",
  "",
].join("\r\n");
const withoutId = "Subject: no id\r\n\r\nbody\r\n";

let server: ImapServer;
let graph: GraphStandIn;
let source: ImapAccess;

beforeAll(async () => {
  server = await startDovecot({ users: 1 });
  graph = await startGraph();
  source = userAccess(server, server.userName(1));
  await withSession(source, async (client) => {
    await client.append("INBOX", withFile, ["\\Seen", "\\Flagged"], RECEIVED);
    await client.append("INBOX", withoutId, [], RECEIVED);
    await client.append("INBOX", "Subject: going\r\n\r\n", ["\\Deleted"], RECEIVED);
  });
});
afterAll(async () => {
  await Promise.all([server.stop(), graph.close()]);
});

const attachment = (name: string, content: string | Buffer) => ({
  "@odata.type": "#microsoft.graph.fileAttachment",
  name,
  contentBytes: Buffer.from(content).toString("base64"),
});

/** The flagged, read message with its two attachments, as it should arrive. */
const arrivedWithFile = {
  flag: { flagStatus: "flagged" },
  attachments: [attachment("a.pdf", FILE), attachment("invite.ics", CALENDAR)],
  singleValueExtendedProperties: [
    { id: "Integer 0x0E07", value: "1" },
    { id: "SystemTime 0x0E06", value: RECEIVED.toISOString() },
    { id: "String 0x1035", value: "<file@example.com>" },
  ],
};
const arrivedWithoutId = {
  subject: "no id",
  singleValueExtendedProperties: [
    { id: "Integer 0x0E07", value: "0" },
    { id: "SystemTime 0x0E06", value: RECEIVED.toISOString() },
  ],
};

async function mailboxWith(user: string, folder: string, messages: readonly object[]) {
  graph.addMailbox({ userPrincipalName: user });
  for (const message of messages) {
    const response = await fetch(`${graph.baseUrl}/v1.0/users/${user}/mailFolders/${folder}/messages`, {
      method: "POST",
      headers: { authorization: `Bearer ${graph.token}`, "content-type": "application/json" },
      body: JSON.stringify(message),
    });
    expect(response.status).toBe(201);
  }
  return graph.mailbox(user);
}

it("finds a faithful arrival equal, whatever the id and the line ends of a text attachment", async () => {
  const mailbox = await mailboxWith("faithful@contoso.example", "inbox", [arrivedWithoutId, arrivedWithFile]);
  const difference = await compareImapToGraph(source, mailbox);
  expect(difference.report).toBe("2 messages expected, 2 found");
  expect(difference.equal).toBe(true);
});

it("names everything that a message lost", async () => {
  const changed = {
    attachments: [attachment("a.pdf", "other bytes"), attachment("invite.ics", CALENDAR)],
    singleValueExtendedProperties: [{ id: "String 0x1035", value: "<file@example.com>" }],
    isRead: false,
  };
  const mailbox = await mailboxWith("lossy@contoso.example", "inbox", [changed]);
  const difference = await compareImapToGraph(source, mailbox);
  expect(difference.equal).toBe(false);
  const [inbox] = difference.folders;
  expect(inbox?.missing.map(({ facts }) => facts.messageId)).toEqual([undefined]);
  expect(inbox?.changed.flatMap(({ what }) => what).sort()).toEqual([
    "1 attachments that the source does not have",
    "1 of 2 attachments lost or changed",
    "is a draft",
    "is not flagged",
    "is unread",
    expect.stringMatching(/^received \(2014-05-06T07:08:09.000Z -> 20/),
  ]);
});

it("finds what is doubled, and what lies in another folder", async () => {
  const doubled = await mailboxWith("double@contoso.example", "inbox", [
    arrivedWithFile,
    arrivedWithFile,
    arrivedWithoutId,
  ]);
  const [inbox] = (await compareImapToGraph(source, doubled)).folders;
  expect(inbox).toMatchObject({ folder: "inbox", missing: [], unexpected: [], changed: [] });
  expect(inbox?.doubled.length).toBe(1);

  const elsewhere = await mailboxWith("elsewhere@contoso.example", "archive", [
    arrivedWithFile,
    arrivedWithoutId,
  ]);
  const difference = await compareImapToGraph(source, elsewhere);
  expect(
    difference.folders.map(({ folder, missing, unexpected }) => [folder, missing.length, unexpected.length]),
  ).toEqual([
    ["archive", 0, 2],
    ["inbox", 2, 0],
  ]);
  const mapped = await compareImapToGraph(source, elsewhere, (folder) =>
    folder === "INBOX" ? "archive" : undefined,
  );
  expect(mapped.equal).toBe(true);
});

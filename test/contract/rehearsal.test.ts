import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGraphTarget } from "../../shared/adapters/graph/index.ts";
import { createImapSource, createImapTarget } from "../../shared/adapters/imap/index.ts";
import { batchOptionsSchema } from "../../shared/domain/batch-options.ts";
import { endpointSchema } from "../../shared/domain/endpoint.ts";
import type { TargetConnector } from "../../shared/migration/ports/target.ts";
import { type Rehearsal, rehearseMailbox } from "../../shared/migration/rehearsal/rehearse-mailbox.ts";
import { SteadySource } from "../../shared/migration/sync/steady-source.ts";
import { type GraphStandIn, startGraph } from "../stack/graph/index.ts";
import { startDovecot } from "../stack/imap-servers/dovecot.ts";
import type { ImapServer } from "../stack/imap-servers/server.ts";
import { changingCommands } from "./imap/changing-commands.ts";
import { RawImap } from "./imap/raw-imap.ts";
import { type RecordingProxy, startRecordingProxy } from "./imap/recording-proxy.ts";

const address = "ann@contoso.example";
const messageOf = (n: number) =>
  Buffer.from(
    `From: a@example.com\r\nSubject: ${n}\r\nMessage-ID: <${n}@example.com>\r\nDate: Mon, 01 Jan 2001 00:00:00 +0000\r\n\r\n${n}\r\n`,
  );

const quota = `
protocol imap {
  mail_plugins = $mail_plugins quota imap_quota
}
plugin {
  quota = count:User quota
  quota_rule = *:storage=2K:messages=100
  quota_vsizes = yes
}`;

let source: ImapServer;
let target: ImapServer;
let graph: GraphStandIn;
let toSource: RecordingProxy;
let toTarget: RecordingProxy;

beforeAll(async () => {
  [source, target, graph] = await Promise.all([
    startDovecot({ users: ["ann"] }),
    startDovecot({ users: [address], extraConfig: quota }),
    startGraph(),
  ]);
  [toSource, toTarget] = await Promise.all([startRecordingProxy(source), startRecordingProxy(target)]);
  const ann = await RawImap.login(source, "ann", source.password);
  for (const folder of ["Projects", "Projects/2019", "Spam"]) await ann.command(`CREATE "${folder}"`);
  for (let n = 1; n <= 5; n++) await ann.append("INBOX", { content: messageOf(n) });
  await ann.append("Projects/2019", { content: messageOf(6), flags: ["\\Flagged"] });
  await ann.append("Spam", { content: messageOf(7) });
  await ann.close();

  // One of the messages is in both targets already.
  const there = await RawImap.login(target, address, target.password);
  await there.append("INBOX", { content: messageOf(2) });
  await there.close();
  graph.addMailbox({ userPrincipalName: address });
  await fetch(`${graph.baseUrl}/v1.0/users/${address}/mailFolders/inbox/messages`, {
    method: "POST",
    headers: { Authorization: `Bearer ${graph.token}`, "Content-Type": "application/json" },
    body: JSON.stringify({
      subject: "2",
      internetMessageId: "<2@example.com>",
      singleValueExtendedProperties: [{ id: "SystemTime 0x0039", value: "2001-01-01T00:00:00Z" }],
    }),
  });
});

afterAll(async () => {
  await Promise.all([toSource?.stop(), toTarget?.stop(), graph?.close(), source?.stop(), target?.stop()]);
});

const plainly = { security: "none", acceptUntrustedCertificates: false } as const;

function graphTarget(): TargetConnector {
  return createGraphTarget({
    baseUrl: graph.baseUrl,
    token: async () => graph.token,
    concurrencyPerMailbox: 4,
  });
}

function imapTarget(): TargetConnector {
  const { host, port } = toTarget;
  const login = {
    authentication: "password",
    userFormat: "{emailAddress}",
    password: target.password,
  } as const;
  return createImapTarget({ ...plainly, ...login, host, port, connectionsPerMailbox: 3 });
}

/** Rehearses the mailbox as the app does, with everything that is looked at. */
async function rehearse(connector: TargetConnector): Promise<Rehearsal> {
  const { host, port } = toSource;
  const endpoint = endpointSchema.parse({ ...plainly, allowInsecure: true, host, port });
  const from = await createImapSource().open({ endpoint, userName: "ann", password: source.password });
  const to = await connector.open(await connector.resolve(address));
  try {
    return await rehearseMailbox({
      options: batchOptionsSchema.parse({ dryRun: true, adoptExisting: "folder", excludeFolders: ["Spam"] }),
      source: new SteadySource(from, async () => [], Date.now, Number.POSITIVE_INFINITY),
      pace: {
        waits: false,
        portion: { bytes: 0, messages: 0 },
        take: async () => undefined,
        settle: async () => undefined,
      },
      target: to,
      maxBytesPerDay: undefined,
      timeIsUp: () => false,
      clock: Date.now,
      checkpoint: () => undefined,
    });
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
}

/** Everything that a client can see of all folders, the marks that reading leaves included. */
async function everythingIn(server: ImapServer, user: string): Promise<string> {
  const client = await RawImap.login(server, user, server.password);
  const folders = [...(await client.command('LIST "" "*"')).matchAll(/"\/" "?([^"\r\n]+)"?\r\n/g)];
  let seen = await client.command('LIST (SUBSCRIBED) "" "*"');
  for (const [, folder] of folders) {
    seen += await client.command(
      `STATUS "${folder}" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ RECENT)`,
    );
    await client.command(`EXAMINE "${folder}"`);
    seen += await client.command("UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE MODSEQ)");
  }
  await client.close();
  return seen
    .split("\r\n")
    .filter((line) => line.startsWith("*"))
    .sort()
    .join("\n");
}

describe("a rehearsal over the wire", () => {
  const found = {
    outcome: { items: 6, folders: 6, foldersLeftOut: 1, adoptable: 1, ambiguous: 0, foldersEstimated: 0 },
  };

  it("sends a source and an IMAP target no command that changes anything", async () => {
    const before = [await everythingIn(source, "ann"), await everythingIn(target, address)];
    toSource.takeCommands();
    toTarget.takeCommands();
    // Of the quota's 2 KiB one message takes a part, which the server rounds up.
    const { outcome } = await rehearse(imapTarget());
    expect(outcome).toMatchObject({ ...found.outcome, freeBytes: 1024, freeItems: 99, fits: true });
    for (const proxy of [toSource, toTarget]) {
      const commands = proxy.takeCommands();
      expect(commands.filter((command) => /^UID FETCH .*BODY\.PEEK\[/.test(command)).length).toBeGreaterThan(
        0,
      );
      expect(commands.filter((command) => /^EXAMINE/.test(command)).length).toBeGreaterThan(0);
      expect(changingCommands(commands)).toEqual([]);
    }
    expect([await everythingIn(source, "ann"), await everythingIn(target, address)]).toEqual(before);
  });

  it("sends Microsoft Graph nothing but GET", async () => {
    const before = graph.statistics.snapshot().requests.length;
    const items = () => graph.mailbox(address).folders.map(({ id, messages }) => [id, messages.length]);
    const state = items();
    const { outcome } = await rehearse(graphTarget());
    expect(outcome).toMatchObject({ ...found.outcome, freeBytes: undefined, fits: undefined });
    const sent = graph.statistics
      .snapshot()
      .requests.slice(before)
      .map(({ route }) => route);
    expect(sent.length).toBeGreaterThan(3);
    expect(sent.filter((route) => !/^GET \//.test(route))).toEqual([]);
    expect(items()).toEqual(state);
  });

  it("says that a mailbox is larger than the room in the target", async () => {
    const ann = await RawImap.login(source, "ann", source.password);
    await ann.append("Projects", { content: Buffer.from(`Subject: 8\r\n\r\n${"x".repeat(700)}\r\n`) });
    await ann.close();
    expect((await rehearse(imapTarget())).outcome).toMatchObject({ freeBytes: 1024, fits: false });
  });

  it("would show each command that changes something", () => {
    const changing = [
      "SELECT INBOX",
      "CLOSE",
      'APPEND "INBOX" {3}',
      "UID STORE 1 +FLAGS (\\Seen)",
      "UID COPY 1 Trash",
      "UID MOVE 1 Trash",
      "EXPUNGE",
      "CREATE New",
      "DELETE Old",
      "RENAME Old New",
      "SUBSCRIBE Old",
      "SETMETADATA INBOX (/private/x NIL)",
      "UID FETCH 1 (UID BODY[])",
      "UID FETCH 1 (RFC822)",
      "UID FETCH 1 (RFC822.TEXT)",
      "UID FETCH 1 (BINARY[1])",
    ];
    expect(changingCommands(changing)).toEqual(changing);
    expect(
      changingCommands([
        "AUTHENTICATE PLAIN",
        "AGFubgBzZWNyZXQ=",
        "UID FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE RFC822.HEADER BODY.PEEK[] BODYSTRUCTURE)",
      ]),
    ).toEqual([]);
  });
});

import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, it } from "vitest";
import { maxChunkItems } from "../../shared/migration/sync/limits.ts";
import { type Deployment, startDeployment } from "../stack/deployment.ts";
import { runMatrix } from "../stack/matrix/journey.ts";
import { realServers } from "../stack/matrix/real-servers.ts";
import { scriptedServers } from "../stack/matrix/scripted-servers.ts";
import { FULL, THROTTLES, without } from "../stack/scripted-imap/dialects.ts";
import { type ScriptedServer, startScriptedImap } from "../stack/scripted-imap/server.ts";

const stops: (() => Promise<void>)[] = [];
const onStart = (stop: () => Promise<void>) => stops.push(stop);
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Cells that stand for the others; `node test/stack/matrix.ts` runs all of them. */
const chosen = [
  "separator /, sdbox",
  "separator ., below INBOX., maildir",
  "classic names",
  "shared folders",
  "non-mail folders left out",
  "one token for every mailbox",
  "RFC 3501 with UIDPLUS",
  "RFC 3501 and nothing else",
  "NAMESPACE without any",
  "NAMESPACE with shared folders at the root",
  "RFC822.SIZE too small",
  "RFC822.SIZE of a message too large to hold",
  "throttles FETCH",
  "BYE in the middle of a FETCH",
  "labels, each message once",
  "drops the connection in the middle of a message",
];

describe("source servers", () => {
  it("are copied by every form of login, and never show the administrator's mail", async () => {
    const sources = [realServers(onStart), scriptedServers(onStart)];
    const cells = sources.flatMap((source) => source.cells).filter(({ title }) => chosen.includes(title));
    const refused = sources.flatMap((source) => source.refused);
    const result = await runMatrix(cells, refused);
    expect(result.cells.length).toBeGreaterThan(chosen.length);
    for (const cell of result.cells)
      expect(cell).toMatchObject({ initialCopy: undefined, secondRound: undefined, newMail: undefined });
    expect(result.refused).toHaveLength(refused.length);
    for (const cell of result.refused) expect(cell.refused, `${cell.server}, ${cell.title}`).toBeUndefined();
    expect(result.adminMail).toBeUndefined();
  }, 400_000);
});

async function startScripted(options: Parameters<typeof startScriptedImap>[0]): Promise<ScriptedServer> {
  const server = await startScriptedImap(options);
  onStart(() => server.stop());
  return server;
}

async function deploy(server: ScriptedServer, users: readonly string[], settings = {}): Promise<Deployment> {
  const deployment = await startDeployment();
  onStart(() => deployment.stop());
  for (const user of users) deployment.stack.graph?.addMailbox({ userPrincipalName: `${user}@contoso.com` });
  const { host, port } = server;
  await deployment.putEndpoint("source", { host, port, security: "none", allowInsecure: true, ...settings });
  const rows = users.map((user) => ({
    emailAddress: `${user}@contoso.com`,
    userName: user,
    password: "secret",
  }));
  await deployment.upload("source", "moves", rows);
  return deployment;
}

describe("a provider's daily cap", () => {
  it("pauses the mailbox and gives its place to the next one", async () => {
    const users = ["alice", "bob"];
    const server = await startScripted({ users: users.map((name) => ({ name, password: "secret" })) });
    for (const user of users) server.account(user).folder("INBOX").append({ content: "Subject: x\r\n\r\n" });
    server.faults.add({
      command: /^UID FETCH/,
      reaction: { kind: "reply", text: THROTTLES.gmailBandwidth },
    });
    const deployment = await deploy(server, users, { maxConcurrentMigrations: 1 });
    let mailboxes = await deployment.mailboxes("moves");
    while (mailboxes.filter(({ status }) => status === "Synced").length < 1) {
      await sleep(250);
      mailboxes = await deployment.mailboxes("moves");
    }
    const paused = mailboxes.find(({ status }) => status !== "Synced");
    expect(paused).toMatchObject({ status: "Queued", error: { code: "ServerThrottled" } });
  });
});

describe("maxBytesPerDayPerMailbox", () => {
  it("pauses a mailbox until the next day when a chunk has used it up", async () => {
    const server = await startScripted({});
    const inbox = server.account("alice").folder("INBOX");
    for (let number = 1; number <= maxChunkItems + 20; number++)
      inbox.append({ content: `Subject: ${number}\r\nMessage-ID: <${number}@x>\r\n\r\n` });
    const deployment = await deploy(server, ["alice"], { maxBytesPerDayPerMailbox: 1 });
    let [mailbox] = await deployment.mailboxes("moves");
    while (!mailbox?.error) {
      await sleep(250);
      [mailbox] = await deployment.mailboxes("moves");
    }
    expect(mailbox).toMatchObject({ status: "Queued", error: { code: "DailyCapReached" } });
    expect(mailbox.syncedItemCount).toBe(maxChunkItems);
  });
});

describe("changes of flags alone on a server without mod-sequences", () => {
  it("arrive with the number of unread messages, or at the latest in the last round", async () => {
    const server = await startScripted({ dialect: without(FULL, "CONDSTORE") });
    const inbox = server.account("alice").folder("INBOX");
    for (const subject of ["one", "two"])
      inbox.append({ content: `Subject: ${subject}\r\nMessage-ID: <${subject}@x>\r\n\r\n` });
    const deployment = await deploy(server, ["alice"]);
    await deployment.waitUntilSettled("moves");
    const copies = () =>
      Object.fromEntries(
        (deployment.stack.graph?.mailbox("alice@contoso.com").messages ?? []).map((message) => [
          message.internetMessageId,
          [message.isRead, message.properties.flag?.flagStatus],
        ]),
      );

    inbox.setFlags(1, ["\\Seen"]);
    await deployment.request("POST", "batches/moves/sync");
    await deployment.waitUntilSettled("moves");
    expect(copies()).toEqual({ "<one@x>": [true, "notFlagged"], "<two@x>": [false, "notFlagged"] });

    inbox.setFlags(2, ["\\Flagged"]);
    await deployment.request("POST", "batches/moves/complete");
    await deployment.waitUntilSettled("moves");
    expect(copies()).toEqual({ "<one@x>": [true, "notFlagged"], "<two@x>": [false, "flagged"] });
  });
});

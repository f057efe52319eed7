import { afterEach, describe, expect, test } from "vitest";
import { createImapSource } from "../../shared/adapters/imap/index.ts";
import { endpointSchema } from "../../shared/domain/endpoint.ts";
import { sizeOf, uidsOf } from "../../shared/domain/uid-set.ts";
import type { SourceFolder, SourceMailbox } from "../../shared/migration/ports/source.ts";
import { GmailAccount } from "../stack/scripted-imap/accounts.ts";
import { GMAIL } from "../stack/scripted-imap/dialects.ts";
import { type ScriptedServer, startScriptedImap } from "../stack/scripted-imap/server.ts";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function open(account: GmailAccount): Promise<{ server: ScriptedServer; mailbox: SourceMailbox }> {
  const server = await startScriptedImap({
    dialect: GMAIL,
    users: [{ name: "alice", password: "secret", account }],
  });
  stops.push(() => server.stop());
  const { host, port } = server;
  const mailbox = await createImapSource().open({
    endpoint: endpointSchema.parse({ host, port, security: "none", allowInsecure: true }),
    userName: "alice",
    password: "secret",
  });
  stops.push(() => mailbox.close());
  return { server, mailbox };
}

async function uidsIn(mailbox: SourceMailbox, path: string): Promise<readonly number[]> {
  return [...uidsOf(await (await mailbox.openFolder(path)).searchUids())];
}

const verbs = (server: ScriptedServer, mark: number) =>
  server.commands.slice(mark).map(({ command }) => command.split(" ").slice(0, 2).join(" "));

describe("a mailbox of Gmail", () => {
  const account = () => {
    const gmail = new GmailAccount();
    const ids = [["\\Inbox", "Work"], ["Work", "\\Important"], ["\\Sent"], [], ["Old"]].map((labels, index) =>
      gmail.add({ content: `Subject: ${index}\r\n\r\n`, flags: ["\\Seen"] }, labels),
    );
    return { gmail, ids };
  };

  test("shows each message in one folder, by one look at the labels, and changes nothing", async () => {
    const { gmail } = account();
    const { server, mailbox } = await open(gmail);
    const mark = server.commands.length;
    const folders = await mailbox.listFolders();
    const shown = folders.filter(({ selectable }) => selectable);
    const byFolder: Record<string, readonly number[]> = {};
    for (const { path } of shown) byFolder[path] = await uidsIn(mailbox, path);
    expect(byFolder).toEqual({
      INBOX: [1],
      Work: [2],
      "[Gmail]/Sent Mail": [3],
      "[Gmail]/All Mail": [4],
      Old: [5],
      "[Gmail]/Drafts": [],
      "[Gmail]/Spam": [],
      "[Gmail]/Trash": [],
    });
    expect((await mailbox.openFolder("[Gmail]/All Mail")).status).toMatchObject({
      messages: 1,
      shownMessages: 5,
    });
    const inbox = await mailbox.openFolder("INBOX");
    expect(inbox.status).not.toHaveProperty("shownMessages");
    const flags: (readonly string[])[] = [];
    for await (const state of inbox.fetchFlags([[1, 1]])) flags.push(state.flags);
    expect(flags).toEqual([["\\Seen", "Work"]]);
    const sent = verbs(server, mark);
    expect(sent.filter((verb) => verb === "LIST ")).toHaveLength(1);
    expect(sent.filter((verb) => /^(SELECT|STORE|UID STORE|EXPUNGE|STATUS)/.test(verb))).toEqual([]);
    expect(
      server.commands.slice(mark).filter(({ command }) => /^UID FETCH 1:5 .*X-GM-LABELS/.test(command)),
    ).toHaveLength(1);
  });

  test("takes no message for gone whose labels the server does not tell", async () => {
    const { gmail } = account();
    const { server, mailbox } = await open(gmail);
    const reaction = { kind: "reply", text: "NO System Error (Failure)" } as const;
    // Once each for all messages, for the halves with the third, and for the third alone.
    server.faults.add({ command: /^UID FETCH (1:5|3:5|3) .*X-GM-LABELS/, times: 3, reaction });
    await expect(mailbox.openFolder("Work")).rejects.toMatchObject({
      kind: "transient",
      code: "LabelsIncomplete",
    });
    expect(await uidsIn(mailbox, "Work")).toEqual([2]);
    expect(await uidsIn(mailbox, "[Gmail]/Sent Mail")).toEqual([3]);
  });

  test("gives up on a server that refuses every look at the labels", async () => {
    const gmail = new GmailAccount();
    for (let n = 0; n < 400; n++) gmail.add({ content: `Subject: ${n}\r\n\r\n`, flags: [] }, ["Work"]);
    const { server, mailbox } = await open(gmail);
    const reaction = { kind: "reply", text: "NO System Error (Failure)" } as const;
    server.faults.add({ command: /^UID FETCH/, times: Infinity, reaction });
    const mark = server.commands.length;
    await expect(mailbox.openFolder("Work")).rejects.toMatchObject({
      kind: "transient",
      code: "CommandRefused",
    });
    expect(verbs(server, mark).filter((verb) => verb === "UID FETCH").length).toBeLessThan(300);
  });

  test("tells a status that changes with any message, and about how many messages there are", async () => {
    const { gmail, ids } = account();
    const { mailbox } = await open(gmail);
    const listed = async () => new Map((await mailbox.listFolders()).map((folder) => [folder.path, folder]));
    const before = await listed();
    const after = await listed();
    expect([...after.values()]).toEqual([...before.values()]);
    expect(before.get("[Gmail]/All Mail")).toMatchObject({ specialUse: "archive", estimatedMessages: 0 });
    expect(before.get("Work")).toMatchObject({ estimatedMessages: 2, status: { uidNext: 6 } });
    expect(before.get("Work")?.status).not.toHaveProperty("messages");
    gmail.relabel(ids[0] ?? "", ["\\Inbox"]);
    expect((await listed()).get("Old")?.status?.highestModseq).not.toBe(
      before.get("Old")?.status?.highestModseq,
    );
  });

  test("shares messages out as they were at first, until the folders are listed again", async () => {
    const { gmail, ids } = account();
    const { mailbox } = await open(gmail);
    await mailbox.listFolders();
    expect(await uidsIn(mailbox, "INBOX")).toEqual([1]);
    gmail.relabel(ids[0] ?? "", ["Work"]);
    gmail.trash(ids[1] ?? "");
    expect(await uidsIn(mailbox, "Work")).toEqual([2]);
    const work = await mailbox.openFolder("Work");
    expect(sizeOf(await work.searchUids({ among: [[2, 2]] }))).toBe(0);
    expect(await uidsIn(mailbox, "[Gmail]/Trash")).toEqual([1]);
    expect(await uidsIn(mailbox, "INBOX")).toEqual([1]);
    await mailbox.listFolders();
    expect(await uidsIn(mailbox, "INBOX")).toEqual([]);
    expect(await uidsIn(mailbox, "Work")).toEqual([1]);
  });

  test("shares them out among the folders that take part, and tells when these are others", async () => {
    const { gmail } = account();
    const { mailbox } = await open(gmail);
    const partitionOf = (folders: readonly SourceFolder[]) =>
      folders.find(({ path }) => path === "Work")?.status?.partition;
    const all = partitionOf(await mailbox.listFolders());
    const some = partitionOf(await mailbox.listFolders(({ path }) => !["INBOX", "Old"].includes(path)));
    expect(some).not.toBe(all);
    expect(await uidsIn(mailbox, "Work")).toEqual([1, 2]);
    expect(await uidsIn(mailbox, "[Gmail]/All Mail")).toEqual([4]);
  });

  test("without All Mail each folder shows what is its own, and any change anywhere counts", async () => {
    const { gmail, ids } = account();
    gmail.hideFolder("[Gmail]/All Mail");
    const { mailbox } = await open(gmail);
    const work = async () => (await mailbox.listFolders()).find(({ path }) => path === "Work")?.status;
    const before = await work();
    expect(await work()).toEqual(before);
    // By its UID in the folder of the label.
    expect(await uidsIn(mailbox, "Work")).toEqual([2]);
    expect(await uidsIn(mailbox, "INBOX")).toEqual([1]);
    gmail.relabel(ids[0] ?? "", ["Work"]);
    expect((await work())?.partition).not.toBe(before?.partition);
    expect(await uidsIn(mailbox, "Work")).toEqual([1, 2]);
  });
});

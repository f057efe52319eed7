import { setTimeout as sleep } from "node:timers/promises";
import { expect, it, vi } from "vitest";
import { type Deployment, startDeployment } from "../stack/deployment.ts";
import { withSession } from "../stack/imap-access.ts";
import { Random } from "../stack/random.ts";
import { GmailAccount } from "../stack/scripted-imap/accounts.ts";
import { GMAIL } from "../stack/scripted-imap/dialects.ts";
import { type ScriptedServer, startScriptedImap } from "../stack/scripted-imap/server.ts";
import { startImapTarget } from "./dovecot-pair.ts";
import { GraphTargetUser, ImapTargetUser, type TargetUser } from "./edits/target-user.ts";

const batch = "labels";
/** A killed worker is waited for, with several deployments at once on a small machine. */
const timeoutMs = 400_000;
const user = "alice";
const emailAddress = "alice@contoso.com";

/** A mailbox of Gmail that moves, and the target it moves to. */
interface Move {
  readonly account: GmailAccount;
  readonly server: ScriptedServer;
  readonly deployment: Deployment;
  readonly target: TargetUser;
  /** A label as the target's keyword or category. */
  keyword(label: string): string;
}

async function withMove(
  kind: "imap" | "graph",
  options: object,
  action: (move: Move) => Promise<void>,
): Promise<void> {
  const account = new GmailAccount();
  const server = await startScriptedImap({
    dialect: GMAIL,
    users: [{ name: user, password: "secret", account }],
  });
  const imap =
    kind === "imap" ? await startImapTarget({ users: [user], emailAddress: () => emailAddress }) : undefined;
  const deployment = await startDeployment({ settings: { CHUNK_MAX_SECONDS: "5", ...imap?.settings } });
  try {
    const { graph } = deployment.stack;
    graph?.addMailbox({ userPrincipalName: emailAddress });
    const { host, port } = server;
    await deployment.putEndpoint("gmail", { host, port, security: "none", allowInsecure: true });
    const start = async (target: TargetUser, keyword: Move["keyword"]) => {
      const move = { account, server, deployment, target, keyword };
      await prepare(move);
      await deployment.upload(
        "gmail",
        batch,
        [{ emailAddress, userName: user, password: "secret" }],
        options,
      );
      await action(move);
    };
    if (imap)
      await withSession(imap.access(user), (client) =>
        start(new ImapTargetUser(client), (label) => (label === ärger ? "Projekte/&AMQ-rger" : label)),
      );
    else if (graph) await start(new GraphTargetUser(graph, emailAddress), (label) => label);
  } finally {
    await deployment.stop();
    await imap?.server.stop();
    await server.stop();
  }
}

const ärger = "Projekte/Ärger";
const ids = new WeakMap<GmailAccount, Map<string, string>>();

async function prepare({ account }: Move): Promise<void> {
  ids.set(account, new Map());
  add(account, "inbox", ["\\Inbox"]);
  add(account, "inbox-work", ["\\Inbox", "Work", "\\Important"]);
  add(account, "work", ["Work"]);
  add(account, "sent", ["\\Sent"]);
  add(account, "to-self", ["\\Sent", "\\Inbox"]);
  add(account, "archived", ["\\Important"]);
  add(account, "nested", [ärger, "Work", "\\Starred"], ["\\Seen", "\\Flagged"]);
  add(account, "draft", ["\\Draft"], ["\\Draft"]);
  account.folder("[Gmail]/Spam").append({ content: messageOf("spam") });
  account.folder("[Gmail]/Trash").append({ content: messageOf("deleted") });
}

function messageOf(name: string): string {
  return `From: a@example.com\r\nTo: b@example.com\r\nSubject: ${name}\r\nMessage-ID: <${name}@mail.example>\r\n\r\n${name}\r\n`;
}

function add(
  account: GmailAccount,
  name: string,
  labels: readonly string[],
  flags: readonly string[] = ["\\Seen"],
): void {
  ids.get(account)?.set(name, account.add({ content: messageOf(name), flags }, labels));
}

/** Uploads the batch again with other options, and waits until they are taken. */
async function reupload({ deployment }: Move, options: object): Promise<void> {
  const ingested = () => deployment.log.filter(({ message }) => message === "upload.ingested").length;
  const before = ingested();
  await deployment.upload("gmail", batch, [{ emailAddress, userName: user, password: "secret" }], options);
  while (ingested() === before) await sleep(100);
}

function idOf(account: GmailAccount, name: string): string {
  return ids.get(account)?.get(name) as string;
}

/** Every message in the target as `name in folder, keywords`. */
async function arrived({ target }: Move): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const [folder, messages] of await target.observe())
    for (const { look, flags } of messages)
      lines.push([`${look} in ${folder}`, ...flags.filter((flag) => !flag.startsWith("\\"))].join(", "));
  return lines.sort();
}

function expected({ target, keyword }: Move, places: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(places)
    .map(([name, [folder = "", ...labels]]) =>
      [`${name} in ${target.folderOf(folder)}`, ...labels.map(keyword)].join(", "),
    )
    .sort();
}

const atFirst = {
  inbox: ["INBOX"],
  "inbox-work": ["INBOX", "Work"],
  work: ["Work"],
  sent: ["Sent"],
  "to-self": ["INBOX"],
  archived: ["Archive"],
  nested: [ärger, "Work"],
  draft: ["Drafts"],
  spam: ["Junk"],
  deleted: ["Trash"],
};

/** Waits until the mailbox has ended its round. @throws unless it is synced. */
async function untilSynced({ deployment }: Move): Promise<void> {
  for (;;) {
    // Asked first: an operation that is through has changed the mailbox.
    const through = (await deployment.batch(batch))?.operations.length === 0;
    const [mailbox] = await deployment.mailboxes(batch);
    if (through && mailbox?.status === "Synced") return;
    if (mailbox?.status === "Failed") throw new Error(`${mailbox.error?.code}: ${mailbox.error?.message}`);
    await sleep(100);
  }
}

/** A round of the batch. @returns how many messages it copied, and the commands it sent after the login. */
async function sync(move: Move) {
  const { deployment, server } = move;
  const mark = deployment.log.length;
  const sent = server.commands.length;
  expect(await deployment.request("POST", `batches/${batch}/sync`)).toMatchObject({ status: 202 });
  await untilSynced(move);
  return { copied: copiedSince(deployment, mark), commands: commandsSince(server, sent) };
}

function copiedSince(deployment: Deployment, mark: number): number {
  return deployment.log
    .slice(mark)
    .filter(({ message }) => message === "chunk.copied")
    .reduce((sum, { items }) => sum + Number(items), 0);
}

function commandsSince(server: ScriptedServer, mark: number): readonly string[] {
  return server.commands
    .slice(mark)
    .map(({ command }) => command)
    .filter(
      (command) => !/^(CAPABILITY|ID|LOGIN|AUTHENTICATE|NAMESPACE|ENABLE|LOGOUT|CLOSE)\b/.test(command),
    );
}

/** Where a message belongs by its labels, and the others: written down a second time, as the README tells it. */
function placeOf(labels: readonly string[]): readonly string[] {
  const own = labels.filter((label) => !label.startsWith("\\")).sort();
  if (labels.includes("\\Inbox")) return ["INBOX", ...own];
  if (labels.includes("\\Sent")) return ["Sent", ...own];
  if (labels.includes("\\Draft")) return ["Drafts", ...own];
  const [first, ...others] = own;
  return first === undefined ? ["Archive"] : [first, ...others];
}

/** Relabels mail at random before each of some rounds, and expects it where it belongs after them. */
async function shuffle(move: Move, others: Readonly<Record<string, readonly string[]>>): Promise<void> {
  const { account } = move;
  const random = new Random("labels");
  const names = [
    "\\Inbox",
    "\\Inbox",
    "\\Sent",
    "\\Draft",
    "\\Important",
    "Aa",
    "Bb",
    "Bb/Cc",
    ärger,
    "Work",
  ];
  const someLabels = () => [
    ...new Set(Array.from({ length: random.integer(0, 3) }, () => random.pick(names))),
  ];
  const places = new Map<string, readonly string[]>(Object.entries(others));
  let count = 0;
  for (const added of [60, 5, 5, 5, 5]) {
    const before = count;
    for (; count < before + added; count++) {
      const labels = someLabels();
      add(account, `r${count}`, labels);
      places.set(`r${count}`, placeOf(labels));
    }
    for (let change = 0; change < 25 && before > 0; change++) {
      const name = `r${random.integer(0, before - 1)}`;
      if (places.get(name)?.[0] === "Trash") continue;
      if (random.chance(0.1)) {
        account.trash(idOf(account, name));
        places.set(name, ["Trash"]);
        continue;
      }
      const labels = someLabels();
      account.relabel(idOf(account, name), labels);
      places.set(name, placeOf(labels));
    }
    expect((await sync(move)).copied).toBe(added);
    expect(await arrived(move)).toEqual(expected(move, Object.fromEntries(places)));
  }
}

it.concurrent.each([
  ["imap", false],
  ["graph", true],
] as const)(
  "labels: every message of Gmail is copied once, and follows its labels (target %s, propagateDeletes %s)",
  async (kind, propagateDeletes) => {
    await withMove(kind, { propagateDeletes }, async (move) => {
      const { account, deployment, target } = move;
      await untilSynced(move);
      expect(await arrived(move)).toEqual(expected(move, atFirst));
      // Figures of a batch are five seconds late at most.
      const figures = { syncedItemCount: 10, totalItemsInSourceMailboxCount: 10 };
      await vi.waitFor(async () => expect(await deployment.batch(batch)).toMatchObject(figures), 20_000);

      const unchanged = await sync(move);
      expect(unchanged.copied).toBe(0);
      expect(unchanged.commands).toEqual([expect.stringMatching(/^LIST .*STATUS/)]);

      const state = await target.observe();
      const inbox = target.folderOf("INBOX");
      const [toSelf] = (state.get(inbox) ?? []).filter(({ look }) => look === "to-self");
      if (toSelf === undefined) throw new Error("a message is missing");
      await target.move(inbox, toSelf, target.folderOf(ärger));

      const relabel = (name: string, labels: readonly string[]) =>
        account.relabel(idOf(account, name), labels);
      relabel("inbox", ["\\Inbox", "Work"]);
      relabel("inbox-work", ["Work"]);
      relabel("work", []);
      relabel("archived", ["\\Inbox", ärger]);
      relabel("nested", ["Work", "\\Starred"]);
      relabel("to-self", ["\\Sent", "Work"]);
      account.trash(idOf(account, "sent"));
      add(account, "new", ["\\Inbox", "New label"]);
      const changed = await sync(move);
      expect(changed.copied).toBe(1);
      expect(await arrived(move)).toEqual(
        expected(move, {
          ...atFirst,
          inbox: ["INBOX", "Work"],
          "inbox-work": ["Work"],
          work: ["Archive"],
          archived: ["INBOX", ärger],
          nested: ["Work"],
          // Where the user put it.
          "to-self": [ärger],
          sent: ["Trash"],
          new: ["INBOX", kind === "imap" ? "New_label" : "New label"],
        }),
      );

      // And back again: the checkpoint has passed over these UIDs long ago.
      relabel("inbox-work", ["\\Inbox", "Work"]);
      relabel("nested", ["Work", "\\Starred", ärger]);
      relabel("work", ["Work"]);
      relabel("archived", []);
      expect((await sync(move)).copied).toBe(0);
      const back = {
        ...atFirst,
        inbox: ["INBOX", "Work"],
        nested: [ärger, "Work"],
        "to-self": [ärger],
        sent: ["Trash"],
        new: ["INBOX", kind === "imap" ? "New_label" : "New label"],
      };
      expect(await arrived(move)).toEqual(expected(move, back));
      await shuffle(move, back);
    });
  },
  timeoutMs,
);

it.concurrent.each(["imap", "graph"] as const)(
  "labels that change while the worker is dead leave no message twice (target %s)",
  async (kind) => {
    await withMove(kind, { autoStart: false }, async (move) => {
      const { account, deployment } = move;
      const labels = [["\\Inbox"], ["\\Inbox", "Work"], ["Work"], []];
      const places = [["INBOX"], ["INBOX", "Work"], ["Work"], ["Archive"]];
      const all: Record<string, readonly string[]> = { ...atFirst };
      for (let number = 0; number < 240; number++) {
        add(account, `n${number}`, labels[number % 4] ?? []);
        all[`n${number}`] = places[number % 4] ?? [];
      }
      while ((await deployment.request("POST", `batches/${batch}/start`)).status !== 202) await sleep(100);
      while (copiedSince(deployment, 0) === 0) await sleep(20);
      await deployment.app.kill();
      for (let number = 0; number < 240; number += 8) {
        account.relabel(idOf(account, `n${number}`), ["Work"]);
        account.relabel(idOf(account, `n${number + 3}`), ["\\Inbox"]);
        all[`n${number}`] = ["Work"];
        all[`n${number + 3}`] = ["INBOX"];
      }
      await deployment.crashAndRestart();
      await untilSynced(move);
      expect(await arrived(move)).toEqual(expected(move, all));
      expect((await sync(move)).copied).toBe(0);
    });
  },
  timeoutMs,
);

it.concurrent(
  "labels that are left out, renamed or hidden from IMAP leave no message twice",
  async () => {
    await withMove("imap", { excludeFolders: ["Work"], propagateDeletes: true }, async (move) => {
      const { account } = move;
      const others = { sent: ["Sent"], draft: ["Drafts"], spam: ["Junk"], deleted: ["Trash"] };
      const inboxes = { inbox: ["INBOX"], "inbox-work": ["INBOX", "Work"], "to-self": ["INBOX"] };
      const rest = { archived: ["Archive"], nested: [ärger, "Work"] };
      await untilSynced(move);
      // The message that has no other label than the one left out is left out.
      expect(await arrived(move)).toEqual(expected(move, { ...others, ...inboxes, ...rest }));

      await reupload(move, { excludeFolders: [ärger, "#Inbox#"], propagateDeletes: true });
      expect((await sync(move)).copied).toBe(1);
      const moved = {
        inbox: ["INBOX"],
        "inbox-work": ["Work"],
        "to-self": ["Sent"],
        work: ["Work"],
        nested: ["Work", ärger],
      };
      expect(await arrived(move)).toEqual(expected(move, { ...others, ...rest, ...moved }));

      // A renamed label keeps its folder in the target.
      const work = ["inbox-work", "work", "nested"].map((name) => idOf(account, name));
      for (const id of work)
        account.relabel(
          id,
          account.labelsOf(id).map((one) => one.replace("Work", "Beruf")),
        );
      account.folders.delete("Work");
      expect((await sync(move)).copied).toBe(0);
      expect(await arrived(move)).toEqual(expected(move, { ...others, ...rest, ...moved }));

      account.hideFolder("[Gmail]/All Mail");
      expect((await sync(move)).copied).toBe(0);
      expect(await arrived(move)).toEqual(expected(move, { ...others, ...rest, ...moved }));

      account.relabel(idOf(account, "inbox-work"), ["\\Sent"]);
      account.relabel(idOf(account, "to-self"), ["\\Sent", "Beruf"]);
      add(account, "late", ["\\Sent", "Beruf"]);
      expect((await sync(move)).copied).toBe(1);
      expect(await arrived(move)).toEqual(
        expected(move, {
          ...others,
          ...rest,
          ...moved,
          "inbox-work": ["Sent"],
          "to-self": ["Sent", "Beruf"],
          late: ["Sent", "Beruf"],
        }),
      );
    });
  },
  timeoutMs,
);

import { readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { userAccess, withSession } from "../../stack/imap-access.ts";
import { startDovecot } from "../../stack/imap-servers/dovecot.ts";
import { BARE, type Dialect, FULL } from "../../stack/scripted-imap/dialects.ts";
import type { Reaction } from "../../stack/scripted-imap/faults.ts";
import type { Quirks } from "../../stack/scripted-imap/fetch.ts";
import { ScriptedAccount } from "../../stack/scripted-imap/mailbox.ts";
import { type ScriptedServer, startScriptedImap } from "../../stack/scripted-imap/server.ts";
import type { BrokenCase, BrokenPlace } from "./case.ts";

const password = "secret";
const folders = ["INBOX", "Archive", "Projects", "Zoo"];
const perFolder = 60;
const total = folders.length * perFolder;

const message = (folder: string, number: number) =>
  `Message-ID: <${number}@${folder}.example.com>\r\nFrom: a@example.com\r\nDate: Mon, 02 Mar 2009 08:00:00 +0000\r\nSubject: ${number}\r\n\r\nbody ${number}\r\n`;

function filledAccount(messages = perFolder, paths = folders): ScriptedAccount {
  const account = new ScriptedAccount();
  for (const folder of paths) {
    const created = folder === "INBOX" ? account.folder(folder) : account.create(folder);
    for (let number = 1; number <= messages; number++)
      created.append({ content: message(folder, number), flags: ["\\Seen"] });
  }
  return account;
}

interface Script {
  readonly title: string;
  readonly options?: object;
  readonly dialect?: Dialect;
  readonly account?: () => ScriptedAccount;
  readonly quirks?: (account: ScriptedAccount) => Partial<Quirks>;
  readonly faults?: readonly { readonly command: RegExp; readonly reaction: Reaction }[];
  /** For so many milliseconds, from the first message that is asked for on, every command ends the connection. */
  readonly awayMs?: number;
  readonly between?: (server: ScriptedServer, user: string) => BrokenPlace["between"];
  readonly expected: BrokenPlace["expected"];
}

/** A place at a scripted server. */
function scripted({ title, options, ...script }: Script): BrokenCase {
  return {
    title,
    ...(options ? { options } : {}),
    async start(user) {
      const account = script.account?.() ?? filledAccount();
      const server = await startScriptedImap({
        dialect: script.dialect ?? FULL,
        users: [{ name: user, password, account }],
      });
      let hits = 0;
      const { awayMs } = script;
      let wasAway = false;
      const goAway = () => {
        wasAway = true;
        server.faults.add({ command: /./, reaction: drop, times: 1_000_000 });
        setTimeout(() => server.faults.clear(), awayMs);
        return drop;
      };
      const {
        failsAt = awayMs === undefined ? undefined : () => (wasAway ? undefined : goAway()),
        ...others
      } = script.quirks?.(account) ?? {};
      server.setQuirks({
        ...others,
        ...(failsAt
          ? {
              failsAt: (...given) => {
                const reaction = failsAt(...given);
                if (reaction) hits++;
                return reaction;
              },
            }
          : {}),
      });
      for (const fault of script.faults ?? []) server.faults.add({ ...fault, times: 1_000_000 });
      const { host, port } = server;
      const between = script.between?.(server, user);
      return {
        endpoint: { host, port, security: "none", allowInsecure: true },
        password,
        expected: script.expected,
        ...(between ? { between } : {}),
        tries: () =>
          hits +
          server.commands.filter(({ command }) => script.faults?.some((fault) => fault.command.test(command)))
            .length,
        stop: () => server.stop(),
      };
    },
  };
}

/** One message of the inbox that the server fails at. */
function badMessage(title: string, reaction: Reaction, items: RegExp): BrokenCase {
  return scripted({
    title,
    quirks: (account) => {
      const bad = account.folder("INBOX").messages[30];
      return {
        failsAt: (one, asked) =>
          one === bad && asked.some((item) => items.test(item)) ? reaction : undefined,
      };
    },
    expected: { copied: total - 1, named: { SourceMessageUnreadable: 1 } },
  });
}

/** One folder that the server fails at. */
function badFolder(title: string, faults: Script["faults"] = [], options?: object): BrokenCase {
  return scripted({
    title,
    ...(options ? { options } : {}),
    faults,
    expected: { copied: total - perFolder, named: options ? {} : { FolderUnreadable: 1 } },
  });
}

const no = (text: string): Reaction => ({ kind: "reply", text: `NO ${text}` });
const drop: Reaction = { kind: "drop" };
const body = /^BODY/i;

export const sourceCases: readonly BrokenCase[] = [
  badMessage("a message: FETCH answers NO [UNAVAILABLE]", no("[UNAVAILABLE] Storage is away"), body),
  badMessage("a message: FETCH answers NO [SERVERBUG]", no("[SERVERBUG] Internal error occurred"), body),
  badMessage("a message: FETCH answers NO ..., try again later", no("Cannot read it, try again later"), body),
  badMessage("a message: the connection ends in its middle", { kind: "drop", afterBytes: 90 }, body),
  badMessage("a message: BYE at its size", { kind: "bye", text: "FETCH failed" }, /^RFC822.SIZE$/i),
  badMessage("a message: BAD at its header and body", { kind: "reply", text: "BAD Parse error" }, body),
  {
    title: "a message: a wrong size in a maildir name (Dovecot)",
    async start() {
      const server = await startDovecot({ users: 1, store: "maildir" });
      const user = server.userName(1);
      await withSession({ ...userAccess(server, user) }, async (client) => {
        for (let number = 1; number <= perFolder; number++)
          await client.append("INBOX", Buffer.from(message("INBOX", number)), ["\\Seen"]);
      });
      await spoilSize(server.directory);
      return {
        endpoint: { host: "localhost", port: server.tlsPort, acceptUntrustedCertificates: true },
        userName: user,
        password: userAccess(server, user).password ?? "",
        expected: { copied: perFolder - 1, named: { SourceMessageUnreadable: 1 } },
        tries: () => Number.NaN,
        stop: () => server.stop(),
      };
    },
  },
  badFolder("a folder: EXAMINE and STATUS answer NO", [
    { command: /^(EXAMINE|STATUS) "?Projects/, reaction: no("Mailbox is broken") },
    { command: /^LIST .*STATUS/, reaction: no("[SERVERBUG] Internal error occurred") },
  ]),
  badFolder("a folder: the inbox does not open", [
    { command: /^EXAMINE "?INBOX/, reaction: no("[SERVERBUG] Internal error occurred") },
  ]),
  badFolder("a folder: the connection ends at its EXAMINE", [
    { command: /^EXAMINE "?Archive/, reaction: drop },
  ]),
  scripted({
    title: "a folder: STATUS answers NO [SERVERBUG]",
    faults: [
      { command: /^LIST .*STATUS/, reaction: no("[SERVERBUG] Internal error occurred") },
      { command: /^STATUS "?Projects/, reaction: no("[SERVERBUG] Internal error occurred") },
    ],
    expected: { copied: total, named: {} },
  }),
  scripted({
    title: "a folder: the connection ends at its STATUS",
    faults: [
      { command: /^LIST .*STATUS/, reaction: drop },
      { command: /^STATUS "?Projects/, reaction: drop },
    ],
    expected: { copied: total, named: {} },
  }),
  badFolder(
    "a folder that is left out: the connection ends at its STATUS and EXAMINE",
    [
      { command: /^LIST .*STATUS/, reaction: drop },
      { command: /^(STATUS|EXAMINE) "?Projects/, reaction: drop },
    ],
    { excludeFolders: ["Projects"] },
  ),
  ...[40, 600].map((seconds) =>
    scripted({
      title: `the source is away as a whole for ${seconds} s`,
      awayMs: seconds * 1_000,
      expected: { copied: total, named: {} },
    }),
  ),
  scripted({
    title: "a folder that is listed under a second name",
    account: () => {
      const account = filledAccount();
      const projects = account.folder("Projects");
      // Without a gap it could be a copy of a folder, made in the same second.
      projects.expunge(projects.append({ content: "Subject: removed\r\n\r\n" }).uid);
      account.folders.set("Projects 2", projects);
      return account;
    },
    expected: { copied: total, named: { FolderListedTwice: 1 } },
  }),
  scripted({
    title: "a list: SEARCH gives 1,000 of 1,250",
    account: () => filledAccount(1_250, ["INBOX"]),
    quirks: () => ({ finds: (found) => found.slice(0, 1_000) }),
    expected: { copied: 1_250, named: {} },
  }),
  scripted({
    title: "a list: 20 of 60 are counted and not shown, in three syncs with propagateDeletes",
    options: { propagateDeletes: true },
    between: (server, user) => {
      const arrive = (number: number) =>
        server
          .account(user)
          .folder("INBOX")
          .append({ content: message("INBOX", number) });
      return [
        () => {
          server.setQuirks({
            finds: (found) => found.filter((uid) => uid <= 40 || uid > perFolder),
            omits: ({ uid }) => uid > 40 && uid <= perFolder,
          });
          arrive(97);
        },
        () => void arrive(98),
        () => void arrive(99),
      ];
    },
    expected: { copied: total + 3, named: { MessagesUnshown: 20 } },
  }),
  scripted({
    title: "an inbox that is listed twice",
    dialect: BARE,
    account: () => {
      const account = filledAccount();
      account.folders.set("Inbox", account.folder("INBOX"));
      return account;
    },
    expected: { copied: total, named: {} },
  }),
  scripted({
    title: "an extension that is offered and refused (CONDSTORE)",
    faults: [{ command: /^EXAMINE .*CONDSTORE/, reaction: { kind: "reply", text: "BAD Unknown argument" } }],
    expected: { copied: total, named: {} },
  }),
];

/** Gives one message's file the name of a size that it has not, and has the server forget what it knows. */
async function spoilSize(directory: string): Promise<void> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  const mail = paths.filter((path) => /,S=\d+/.test(basename(path))).sort();
  const path = mail[20];
  if (path === undefined) throw new Error("the maildir has no file with a size in its name");
  await rename(path, join(dirname(path), basename(path).replace(/,S=\d+(,W=\d+)?/, ",S=5000")));
  for (const index of paths.filter((one) => basename(one).startsWith("dovecot.index"))) await rm(index);
}

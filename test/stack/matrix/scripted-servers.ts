import { exchangeAccount, GmailAccount } from "../scripted-imap/accounts.ts";
import {
  BARE,
  type Dialect,
  EXCHANGE,
  FULL,
  GMAIL,
  LOGIN_REFUSALS,
  THROTTLES,
  without,
} from "../scripted-imap/dialects.ts";
import type { Fault } from "../scripted-imap/faults.ts";
import type { Quirks } from "../scripted-imap/fetch.ts";
import type { AdminForm } from "../scripted-imap/logins.ts";
import { ScriptedAccount } from "../scripted-imap/mailbox.ts";
import { type ScriptedServer, startScriptedImap } from "../scripted-imap/server.ts";
import { TokenServer } from "../token-server.ts";
import { byToken, tokenSourceOf } from "./by-token.ts";
import { newMail, smallMailbox } from "./mail.ts";
import { adminMarker, type Cell, type CellSource, type CredentialForm, type RefusedCell } from "./source.ts";

const user = "alice";
const admin = "admin";
const password = "secret";
const adminPassword = "adminsecret";

interface Script {
  readonly server: string;
  readonly title: string;
  readonly login?: CredentialForm;
  readonly dialect?: Dialect;
  readonly account?: () => ScriptedAccount;
  readonly admin?: AdminForm;
  readonly userName?: string;
  readonly quirks?: Partial<Quirks>;
  readonly faults?: readonly Fault[];
  readonly isExpected?: CellSource["isExpected"];
  readonly folderMap?: CellSource["folderMap"];
  /** Where folders other than the inbox are created. */
  readonly prefix?: string;
  readonly settleMs?: number;
}

/** Folders that Exchange shows over IMAP and that hold no mail. */
const withoutMail = /^(Calendar|Contacts|Journal|Notes|Outbox|Tasks)(\/|$)/;
const exchangeFolders = (folder: string) => (withoutMail.test(folder) ? undefined : sentItems(folder));
const sentItems = (folder: string) => ({ "Sent Items": "Sent", "Deleted Items": "Trash" })[folder] ?? folder;

/** Items of other kinds are served as messages. */
function groupwareAccount(): ScriptedAccount {
  const account = exchangeAccount();
  for (const folder of ["Calendar", "Calendar/Birthdays", "Contacts", "Tasks"])
    account.folder(folder).append({ content: newMail(`item-of-${folder}`) });
  return account;
}

const namespace = (value: string, dialect: Dialect = FULL): Dialect => ({ ...dialect, namespace: value });

const scripts: readonly Script[] = [
  {
    server: "Exchange 15.20 (scripted)",
    title: "no CONDSTORE, LIST-STATUS, SPECIAL-USE",
    dialect: EXCHANGE,
    account: groupwareAccount,
    folderMap: exchangeFolders,
  },
  {
    server: "Exchange 15.20 (scripted)",
    title: "non-mail folders left out",
    login: "Domain/Admin/User",
    dialect: EXCHANGE,
    account: groupwareAccount,
    folderMap: exchangeFolders,
    admin: "exchange",
    userName: `CORP/${admin}/${user}`,
  },
  {
    server: "Exchange 15.20 (scripted)",
    title: "one token for every mailbox",
    login: "XOAUTH2, client credentials",
    dialect: EXCHANGE,
    account: groupwareAccount,
    folderMap: exchangeFolders,
  },
  {
    server: "scripted",
    title: "refresh tokens good for one use",
    login: "XOAUTH2, refresh token",
  },
  {
    server: "scripted",
    title: "AUTH=OAUTHBEARER",
    login: "XOAUTH2, service account",
    dialect: { ...FULL, offered: [...FULL.offered, "AUTH=OAUTHBEARER"] },
  },
  {
    server: "Mirapoint (scripted)",
    title: "RFC 3501 with UIDPLUS",
    login: "#user@domain#Admin#",
    dialect: { ...BARE, capabilities: ["IMAP4rev1", "UIDPLUS", "NAMESPACE"] },
    admin: "mirapoint",
    userName: `#${user}@contoso.com#${admin}#`,
  },
  { server: "scripted", title: "RFC 3501 and nothing else", dialect: BARE },
  { server: "scripted", title: "without UIDPLUS", dialect: without(FULL, "UIDPLUS") },
  { server: "scripted", title: "without SPECIAL-USE", dialect: without(FULL, "SPECIAL-USE") },
  { server: "scripted", title: "without LIST-STATUS", dialect: without(FULL, "LIST-STATUS") },
  { server: "scripted", title: "without CONDSTORE", dialect: without(FULL, "CONDSTORE") },
  { server: "scripted", title: "NAMESPACE without any", dialect: namespace("NIL NIL NIL") },
  {
    server: "scripted",
    title: "NAMESPACE with shared folders at the root",
    dialect: namespace('(("INBOX/" "/")) (("~" "/")) (("" "/"))'),
    prefix: "INBOX/",
  },
  {
    server: "scripted",
    title: "RFC822.SIZE too small",
    quirks: { sizeOf: ({ content }) => Math.floor(content.length / 2) },
  },
  { server: "scripted", title: "RFC822.SIZE 0", quirks: { sizeOf: () => 0 } },
  {
    server: "scripted",
    title: "RFC822.SIZE of a message too large to hold",
    quirks: { sizeOf: ({ content }) => content.length + 5_000_000 },
  },
  {
    server: "scripted",
    title: "FETCH leaves messages out",
    // A message that is not given is named after a quarter of an hour of tries.
    settleMs: 1_500_000,
    quirks: { omits: ({ uid }) => uid === 2 },
  },
  {
    server: "scripted",
    title: "throttles FETCH",
    faults: [
      {
        command: /^UID FETCH/,
        after: 1,
        reaction: { kind: "reply", text: THROTTLES.exchangeBackoff.replace("92415", "1500") },
      },
    ],
  },
  {
    server: "scripted",
    title: "BYE in the middle of a FETCH",
    faults: [
      { command: /^UID FETCH .*BODY/, reaction: { kind: "bye", text: "shutting down", afterResponses: 2 } },
    ],
  },
  {
    server: "scripted",
    title: "drops the connection in the middle of a message",
    faults: [{ command: /^UID FETCH .*BODY/, after: 1, reaction: { kind: "drop", afterBytes: 1_500 } }],
  },
];

/** Cells of servers that cannot be installed here, each a server of its own in this process. */
export function scriptedServers(onStart: (stop: () => Promise<void>) => void): {
  readonly cells: readonly Cell[];
  readonly refused: readonly RefusedCell[];
} {
  const start = async (script: Script, tokens?: TokenServer): Promise<ScriptedServer> => {
    const server = await startScriptedImap({
      ...(tokens ? { acceptsToken: (name, token) => tokens.accepts(name, token) } : {}),
      ...(script.dialect ? { dialect: script.dialect } : {}),
      users: [
        { name: user, password, account: script.account?.() ?? new ScriptedAccount() },
        { name: admin, password: adminPassword },
      ],
      ...(script.admin
        ? { administrator: { name: admin, password: adminPassword, form: script.admin } }
        : {}),
    });
    onStart(() => server.stop());
    server
      .account(admin)
      .folder("INBOX")
      .append({ content: newMail(adminMarker) });
    return server;
  };
  const startTokens = async (): Promise<TokenServer> => {
    const tokens = await TokenServer.start([user]);
    tokens.rotation = "replaced";
    onStart(() => tokens.stop());
    return tokens;
  };
  const cells = scripts.map(
    (script): Cell => ({
      title: script.title,
      login: script.login ?? "own password",
      settleMs: script.settleMs,
      open: async () => {
        const type = tokenSourceOf(script.login ?? "own password");
        if (type === undefined) return openCell(await start(script), script);
        const tokens = await startTokens();
        return byToken(openCell(await start(script, tokens), script), tokens, type);
      },
    }),
  );
  const gmail: Cell = {
    title: "labels, each message once",
    login: "app password",
    open: async () =>
      openGmail(
        await start({ server: "Gmail", title: "labels", dialect: GMAIL, account: () => new GmailAccount() }),
      ),
  };
  const expiredSecret: RefusedCell = {
    title: "a client secret that is no longer valid",
    code: "TokenClientRefused",
    open: async () => {
      const tokens = await startTokens();
      const script = { server: "Exchange 15.20 (scripted)", title: "", dialect: EXCHANGE };
      const cell = byToken(openCell(await start(script, tokens), script), tokens, "clientCredentials");
      tokens.clientSecret = "another";
      return cell;
    },
  };
  return {
    cells: [...cells, gmail],
    refused: [...refusals.map((script) => refusedCell(script, start)), expiredSecret],
  };
}

function openCell(server: ScriptedServer, script: Script): CellSource {
  const account = server.account(user);
  const path = (segments: readonly string[]) =>
    segments[0] === "INBOX" ? "INBOX" : (script.prefix ?? "") + segments.join("/");
  const mailbox = smallMailbox(script.title);
  for (const { segments } of mailbox.folders)
    if (!account.folders.has(path(segments))) account.create(path(segments));
  for (const { folder, ...message } of mailbox.messages())
    account.folder(path(folder.segments)).append(message);
  server.setQuirks(script.quirks ?? {});
  for (const fault of script.faults ?? []) server.faults.add(fault);
  const { omits } = script.quirks ?? {};
  const left = new Set(
    omits === undefined
      ? []
      : [...account.folders.values()].flatMap(({ messages }) =>
          messages.filter((message) => omits(message, true)).map(({ content }) => messageIdOf(content)),
        ),
  );
  return {
    server: script.server,
    endpoint: plainText(server),
    row: { userName: script.userName ?? user, password: script.admin ? adminPassword : password },
    access: { host: server.host, port: server.port, secure: false, user, password },
    ...(script.folderMap ? { folderMap: script.folderMap } : {}),
    isExpected: ({ facts }) => !left.has(facts.messageId ?? ""),
    change: async (message) => change(account, message),
    behave: () => server.setQuirks({}),
  };
}

const gmailLabels = [["\\Inbox"], ["\\Inbox", "\\Important", "Work"], ["\\Sent"], ["\\Starred", "Work"], []];
/** Where mail of Gmail's folders has to be, if it is where it belongs. */
const gmailFolders: Readonly<Record<string, string | undefined>> = {
  "[Gmail]/Sent Mail": "Sent",
  "[Gmail]/Drafts": "Drafts",
  "[Gmail]/Trash": "Trash",
  "[Gmail]/Spam": "Junk",
  "[Gmail]/All Mail": "Archive",
  "[Gmail]/Starred": undefined,
  "[Gmail]/Important": undefined,
};

function openGmail(server: ScriptedServer): CellSource {
  const account = server.account(user) as GmailAccount;
  const homes = new Map<string, string>();
  const ids: string[] = [];
  for (const [index, { content, flags, internalDate }] of [...smallMailbox("gmail").messages()].entries()) {
    const labels = gmailLabels[index % gmailLabels.length] ?? [];
    // A label beside the home's becomes a keyword, which the comparison would take for a difference.
    const shown = labels.includes("\\Inbox") ? labels.filter((label) => label !== "Work") : labels;
    const { folder } = gmailHomes.find(({ label }) => shown.includes(label)) ?? {
      folder: "[Gmail]/All Mail",
    };
    homes.set(messageIdOf(content), folder);
    ids.push(account.add({ content, flags, internalDate }, shown));
  }
  return {
    server: "Gmail (scripted)",
    endpoint: plainText(server),
    row: { userName: user, password },
    access: { host: server.host, port: server.port, secure: false, user, password },
    folderMap: (folder) => (folder in gmailFolders ? gmailFolders[folder] : folder),
    isExpected: ({ facts }, folder) => homes.get(facts.messageId ?? "") === folder,
    change: async (content) => {
      account.setFlags(ids[0] ?? "", ["\\Seen", "\\Flagged"]);
      homes.set(messageIdOf(content), "INBOX");
      account.add({ content }, ["\\Inbox"]);
    },
  };
}

const gmailHomes = [
  { label: "\\Inbox", folder: "INBOX" },
  { label: "\\Sent", folder: "[Gmail]/Sent Mail" },
  { label: "Work", folder: "Work" },
];

function change(account: ScriptedAccount, message: Buffer): void {
  const inbox = account.folder("INBOX");
  inbox.append({ content: message, flags: ["\\Seen"], internalDate: new Date("2024-05-06T07:08:09Z") });
  inbox.setFlags(inbox.messages[0]?.uid ?? 0, ["\\Seen", "\\Flagged"]);
}

function plainText(server: ScriptedServer): object {
  return { host: "localhost", port: server.port, security: "none", allowInsecure: true };
}

function messageIdOf(content: Buffer): string {
  return /^message-id:\s*(.*)\r$/im.exec(content.toString("latin1"))?.[1] ?? "";
}

interface Refusal extends Script {
  readonly adminUser?: string;
  /** Default AdminMailboxRefused. */
  readonly code?: string;
}

const refusals: readonly Refusal[] = [
  {
    server: "Gmail (scripted)",
    title: "the user's password where an app password is needed",
    dialect: { ...GMAIL, loginRefused: LOGIN_REFUSALS.gmailAppPasswordRequired },
    code: "AppPasswordRequired",
  },
  {
    server: "scripted",
    title: "authzid without AUTH=PLAIN",
    dialect: BARE,
    adminUser: admin,
    userName: user,
  },
  {
    server: "Exchange 15.20 (scripted)",
    title: "Domain/Admin/Admin",
    dialect: EXCHANGE,
    admin: "exchange",
    userName: `CORP/${admin}/${admin}`,
  },
  {
    server: "Mirapoint (scripted)",
    title: "#admin@domain#Admin#",
    admin: "mirapoint",
    userName: `#${admin}@contoso.com#${admin}#`,
  },
];

function refusedCell(script: Refusal, start: (script: Script) => Promise<ScriptedServer>): RefusedCell {
  return {
    title: script.title,
    code: script.code ?? "AdminMailboxRefused",
    open: async () => ({
      server: script.server,
      endpoint: {
        ...plainText(await start(script)),
        ...(script.adminUser ? { adminUser: script.adminUser } : {}),
      },
      row: { userName: script.userName ?? user, password: adminPassword },
    }),
  };
}

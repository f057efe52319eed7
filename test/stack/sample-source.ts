import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import type { AddressInfo, Server } from "node:net";
import { encodeMailboxName } from "../../shared/adapters/imap/utf7.ts";
import { type CorpusMailbox, type CorpusMessage, generateCorpus } from "./corpus/corpus.ts";
import type { CorpusFolder } from "./corpus/folders.ts";

/** What is used of hoodiecrow-imap, which has no types. */
interface Hoodiecrow {
  readonly server: Server;
  listen(port: number, host: string, callback: () => void): void;
  close(callback: () => void): void;
  setCommandHandler(command: string, handler: CommandHandler): void;
  getCommandHandler(command: string): CommandHandler;
  on(event: "notify", listener: () => void): void;
  removeListener(event: "notify", listener: () => void): void;
}
interface Connection {
  server: Hoodiecrow;
  readonly socket: { destroy(): void } | null;
  readonly _notificationCallback: () => void;
}
type CommandHandler = (
  connection: Connection,
  command: { readonly attributes?: readonly { readonly value?: string }[] },
  data: unknown,
  callback: () => void,
) => void;
interface StoredFolder {
  readonly uidvalidity: number;
  "special-use"?: string;
  readonly messages: {
    readonly raw: string;
    readonly flags: readonly string[];
    readonly internaldate: Date;
  }[];
  readonly folders: Record<string, StoredFolder>;
}

export interface SampleMailbox {
  readonly user: string;
  readonly password: string;
  readonly messageCount: number;
  /** Message-ID of each message, repeated ones as often as they are there. */
  readonly messageIds: readonly string[];
  readonly folderCount: number;
}

export interface SampleOptions {
  /** Five by default. */
  readonly users?: readonly string[];
  /** In all mailboxes together. */
  readonly messages?: number;
  /** Bytes of the largest message. */
  readonly largest?: number;
  /** Milliseconds that each fetch of messages takes. */
  readonly fetchMs?: number;
}

export interface SampleSource {
  readonly host: string;
  readonly port: number;
  readonly mailboxes: readonly SampleMailbox[];
  close(): Promise<void>;
}

const host = "127.0.0.1";
const sampleUsers = ["alice", "bob", "carol", "dave", "erika"];
const attributes: Readonly<Record<string, string>> = {
  sent: "\\Sent",
  drafts: "\\Drafts",
  trash: "\\Trash",
  junk: "\\Junk",
  archive: "\\Archive",
};

/**
 * Starts an IMAP server in this process, in plain text on loopback, with mailboxes of mail from fifteen years:
 * nested folders, special-use folders, flags, attachments, inline images. Passwords are new each time.
 * Only mail that a migration copies is in there: nothing malformed, nothing marked as deleted.
 */
export async function startSampleSource(options: SampleOptions = {}): Promise<SampleSource> {
  const { users = sampleUsers, messages = 300, largest = 2 * 1024 * 1024, fetchMs = 0 } = options;
  const corpus = generateCorpus({ seed: "sample", mailboxes: users.length, messages, largest });
  const accounts = users.map((user, index) => createAccount(user, corpus[index] as CorpusMailbox));
  if (fetchMs > 0) for (const { server } of accounts) slowDown(server, fetchMs);
  const front = createServer({ users: {}, plugins: [] });
  const connections = new Set<Connection>();

  // Each of these servers has one mailbox for all its users: the login decides which one answers from then on.
  const refuse = front.getCommandHandler("LOGIN");
  front.setCommandHandler("LOGIN", (connection, command, data, callback) => {
    const account = accounts.find(({ mailbox }) => mailbox.user === command.attributes?.[0]?.value);
    if (!account) return refuse(connection, command, data, callback);
    connections.add(connection);
    front.removeListener("notify", connection._notificationCallback);
    account.server.on("notify", connection._notificationCallback);
    connection.server = account.server;
    account.server.getCommandHandler("LOGIN")(connection, command, data, callback);
  });

  await new Promise<void>((resolve, reject) => {
    front.server.once("error", reject);
    front.listen(0, host, resolve);
  });
  return {
    host,
    port: (front.server.address() as AddressInfo).port,
    mailboxes: accounts.map(({ mailbox }) => mailbox),
    close: () =>
      new Promise((resolve) => {
        front.close(resolve);
        for (const { socket } of connections) socket?.destroy();
      }),
  };
}

function createServer(options: object): Hoodiecrow {
  const require = createRequire(import.meta.url);
  return (require("hoodiecrow-imap") as (options: object) => Hoodiecrow)(options);
}

function slowDown(server: Hoodiecrow, fetchMs: number): void {
  const fetch = server.getCommandHandler("UID FETCH");
  server.setCommandHandler("UID FETCH", (...given) => {
    setTimeout(() => fetch(...given), fetchMs);
  });
}

function createAccount(user: string, corpus: CorpusMailbox): { mailbox: SampleMailbox; server: Hoodiecrow } {
  const folders = corpus.folders.filter(isServed);
  const messages = [...corpus.messages()].filter(isCopied);
  const root: Record<string, StoredFolder> = {};
  for (const [index, folder] of folders.entries()) store(root, folder, index, messages);
  const { INBOX, ...others } = root;
  const password = randomBytes(12).toString("base64url");
  const server = createServer({
    users: { [user]: { password } },
    plugins: ["ID", "NAMESPACE", "SPECIAL-USE", "UNSELECT"],
    storage: { INBOX, "": { separator: "/", folders: others } },
  });
  return {
    server,
    mailbox: {
      user,
      password,
      messageCount: messages.length,
      messageIds: messages.map(({ content }) => messageIdOf(content)),
      folderCount: folders.length,
    },
  };
}

/** The server cannot have a folder below its inbox. */
function isServed({ segments }: CorpusFolder): boolean {
  return segments[0] !== "INBOX" || segments.length === 1;
}

function isCopied({ folder, flags, content }: CorpusMessage): boolean {
  return isServed(folder) && !flags.includes("\\Deleted") && messageIdOf(content) !== "";
}

function messageIdOf(content: Buffer): string {
  return /^Message-ID:\s*(<[^>\r\n]+>)/im.exec(content.toString("latin1"))?.[1] ?? "";
}

/** Adds a folder with its messages, and the folders above it. */
function store(
  root: Record<string, StoredFolder>,
  folder: CorpusFolder,
  index: number,
  messages: readonly CorpusMessage[],
): void {
  let siblings = root;
  let stored: StoredFolder | undefined;
  for (const [depth, name] of folder.segments.map(encodeMailboxName).entries()) {
    stored = siblings[name] ?? { uidvalidity: 1_000 + index * 10 + depth, messages: [], folders: {} };
    siblings[name] = stored;
    siblings = stored.folders;
  }
  const specialUse = folder.specialUse && attributes[folder.specialUse];
  if (!stored) return;
  if (specialUse) stored["special-use"] = specialUse;
  for (const { content, flags, internalDate } of messages.filter((message) => message.folder === folder))
    stored.messages.push({ raw: content.toString("latin1"), flags: [...flags], internaldate: internalDate });
}

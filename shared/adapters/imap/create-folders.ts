import type { SpecialUse } from "../../domain/folders.ts";
import { type AppendPipeline, nameArgument } from "./append-pipeline.ts";
import type { ImapConnection } from "./connection.ts";
import { personalScope } from "./folder-paths.ts";
import { findFolder, type ListedFolder, listFolders } from "./listing.ts";
import { atom, mailbox, type Reply } from "./wire.ts";

/** Milliseconds for many folders at once, before the rest of them are made one by one. */
const MANY_MS = 60_000;

const ATTRIBUTE_OF_USE: Readonly<Record<Exclude<SpecialUse, "inbox">, string>> = {
  sent: "\\Sent",
  drafts: "\\Drafts",
  trash: "\\Trash",
  junk: "\\Junk",
  archive: "\\Archive",
};

/** A folder that is not listed. */
export interface MissingFolder {
  readonly path: string;
  /** Path of the folder it is in; empty at the top. */
  readonly parent: string;
  /** 1 at the top. */
  readonly depth: number;
  readonly specialUse: SpecialUse | undefined;
}

/** What the server said of a folder; undefined where the line ended first. */
interface Answers {
  readonly path: string;
  readonly created: Reply | undefined;
  readonly subscribed: Reply | undefined;
}

/** Creates and subscribes a folder. @returns undefined if the server refuses the name. */
export async function create(
  connection: ImapConnection,
  path: string,
  use: SpecialUse | undefined,
): Promise<ListedFolder | undefined> {
  const attribute = attributeFor(connection, use);
  let reply =
    attribute !== undefined
      ? await connection.attempt("CREATE", [mailbox(path), [atom("USE"), [atom(attribute)]]])
      : await connection.attempt("CREATE", [mailbox(path)]);
  // RFC 6154, 5.2: the server may refuse the use, not the folder.
  if (reply.status !== "OK" && attribute !== undefined)
    reply = await connection.attempt("CREATE", [mailbox(path)]);
  const found = await findCreated(connection, path);
  if (found) {
    if (reply.status === "OK") await connection.attempt("SUBSCRIBE", [mailbox(found.path)]);
    return found;
  }
  const error = connection.refusal(reply);
  if (reply.status !== "OK" && error.code !== "CommandRefused") throw error;
  return undefined;
}

/** The attribute that a folder of this use is created with, where the server takes one (RFC 6154, 3). */
function attributeFor(connection: ImapConnection, use: SpecialUse | undefined): string | undefined {
  if (use === undefined || use === "inbox" || !connection.has("CREATE-SPECIAL-USE")) return undefined;
  return ATTRIBUTE_OF_USE[use];
}

/**
 * The folder after CREATE, whatever the server answered: it may have existed before (Courier says only "Cannot
 * create"), differ from an existing one in case alone, or have been stored under a trimmed name.
 */
async function findCreated(connection: ImapConnection, path: string): Promise<ListedFolder | undefined> {
  const exact = await findFolder(connection, path);
  if (exact) return exact;
  const { folders } = await listFolders(connection, personalScope(connection.namespaces).patterns, {
    status: false,
  });
  return alike(folders, path);
}

function alike(folders: readonly ListedFolder[], path: string): ListedFolder | undefined {
  const wanted = folded(path);
  return folders.find((folder) => folded(folder.path) === wanted);
}

/** What two paths share that may be one to a server. Pure. */
export function folded(path: string): string {
  return path.trim().toLowerCase();
}

/**
 * Creates and subscribes folders on a line, those of one depth in one go, and asks at once which of some others hold
 * messages. What is refused, and what the line does not answer, is left as it is.
 * @returns the folders that are there now, and of all paths those that hold messages.
 */
export async function createMany(
  connection: ImapConnection,
  line: AppendPipeline,
  missing: readonly MissingFolder[],
  listed: readonly string[],
): Promise<{ readonly made: readonly ListedFolder[]; readonly opened: readonly string[] }> {
  const deadline = Date.now() + MANY_MS;
  const send = (command: string) => line.command(command, deadline).catch(() => undefined);
  const asked = listed.map(async (path) => ({
    path,
    answer: await send(`STATUS ${nameArgument(path)} (MESSAGES)`),
  }));
  const absent = new Set(missing.map(({ path }) => path));
  const answers: Answers[] = [];
  for (let depth = 1; missing.some((folder) => folder.depth >= depth); depth++) {
    // Below a folder that was refused nothing is made: it may get another name.
    const window = missing.filter((folder) => folder.depth === depth && !absent.has(folder.parent));
    const answered = window.map(async ({ path, specialUse }) => {
      const attribute = attributeFor(connection, specialUse);
      const use = attribute === undefined ? "" : ` (USE (${attribute}))`;
      const name = nameArgument(path);
      // One right behind the other: where the connection ends no folder but the last is left without its subscription.
      const [created, subscribed] = await Promise.all([
        send(`CREATE ${name}${use}`),
        send(`SUBSCRIBE ${name}`),
      ]);
      return { path, created, subscribed };
    });
    answers.push(...(await Promise.all(answered)));
    for (const { path, created } of answers) if (created?.status === "OK") absent.delete(path);
  }
  const seen = await Promise.all(asked);
  return {
    made: answers.length === 0 ? [] : await settle(connection, answers),
    opened: [
      ...seen.filter(({ answer }) => answer?.status === "OK").map(({ path }) => path),
      ...answers.filter(({ created }) => created?.status === "OK").map(({ path }) => path),
    ],
  };
}

/** What the server lists of folders that were created, each with its subscription. */
async function settle(
  connection: ImapConnection,
  answers: readonly Answers[],
): Promise<readonly ListedFolder[]> {
  const { patterns } = personalScope(connection.namespaces);
  const { folders } = await listFolders(connection, patterns, { status: false });
  const there = folders.filter(({ attributes }) => !attributes.has("\\nonexistent"));
  const byPath = new Map(there.map((folder) => [folder.path, folder]));
  const made: ListedFolder[] = [];
  for (const { path, created, subscribed } of answers) {
    const isSubscribed = subscribed?.status === "OK";
    const exact = byPath.get(path);
    const folder = exact ?? (created && alike(there, path));
    if (created !== undefined && created.status !== "OK") {
      // Some servers take a subscription to what is not there.
      if (isSubscribed && folder === undefined) await connection.attempt("UNSUBSCRIBE", [mailbox(path)]);
      continue;
    }
    if (folder === undefined) continue;
    made.push(folder);
    if (folder !== exact || !isSubscribed) await connection.attempt("SUBSCRIBE", [mailbox(folder.path)]);
  }
  return made;
}

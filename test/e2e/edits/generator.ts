import type { Random } from "../../stack/random.ts";
import type { TargetModel } from "./model.ts";
import type { NewMessage, SourceMailbox, SourceMessage } from "./source-mailbox.ts";
import type { TargetMessage, TargetUser } from "./target-user.ts";

const ordinary = [
  "Team",
  "Team/Alpha",
  "Team/Beta",
  "Rechnungen Müller",
  "Kunden & Partner",
  "2019",
  "2019/März",
];
const lasting = ["INBOX", "Sent", "Trash"];
const sourceFlags = ["\\Seen", "\\Flagged", "\\Answered", "Projekt-A", "offen"];
const userFlags = ["\\Seen", "\\Flagged", "Projekt-A", "mine"];
/** Equal messages at one time: each more multiplies the ways in which things may be. */
const mostTwins = 3;
const largestFolder = 160;

/** Number of edits of each kind. */
export type EditCounts = Map<string, number>;

interface Edited {
  readonly random: Random;
  readonly source: SourceMailbox;
  readonly user: TargetUser;
  readonly model: TargetModel;
  readonly counts: EditCounts;
  /** Told of every edit by the user; the source tells of its own. */
  readonly journal: (edit: string) => void;
}

/** Takes note of the folders that every mailbox has. */
export function adoptLasting(source: SourceMailbox): void {
  for (const path of lasting) source.adopt(path);
}

/** Fills a source mailbox for the first round. */
export async function fill(source: SourceMailbox, random: Random, messages: number): Promise<void> {
  adoptLasting(source);
  for (const path of ordinary) await source.create(path);
  for (let index = 0; index < messages; index++)
    await source.append(random.pick([...source.folders.keys()]), newMessage(random), someFlags(random));
}

/** Edits source and target at random, two thirds of the edits at the source, and tells the model what was done. */
export async function edit(parts: Edited, edits: number): Promise<void> {
  const { random, source, user, model, counts, journal } = parts;
  const state = new Map([...(await user.observe())].map(([folder, messages]) => [folder, [...messages]]));
  const atSource = sourceEdits(source, random);
  const inTarget = targetEdits(user, model, random, state, journal);
  for (let done = 0; done < edits; ) {
    const kinds = random.chance(2 / 3) ? atSource : inTarget;
    const kind = kinds[random.weighted(kinds.map(({ weight }) => weight))];
    if (kind === undefined || !(await kind.run())) continue;
    counts.set(kind.name, (counts.get(kind.name) ?? 0) + 1);
    done++;
  }
}

interface EditKind {
  readonly name: string;
  readonly weight: number;
  /** @returns false if there was nothing to do it to. */
  run(): Promise<boolean>;
}

function sourceEdits(source: SourceMailbox, random: Random): readonly EditKind[] {
  const folders = () => [...source.folders.keys()];
  const twins = (look: string) =>
    [...source.folders.values()].flatMap(({ messages }) => messages).filter((one) => one.look === look)
      .length;
  const someMessage = (): { path: string; message: SourceMessage } | undefined => {
    const filled = [...source.folders].filter(([, { messages }]) => messages.length > 0);
    if (filled.length === 0) return undefined;
    const [path, { messages }] = random.pick(filled);
    return { path, message: random.pick(messages) };
  };
  const freeName = (): string => {
    const parents = folders().filter((path) => !lasting.includes(path) && !path.includes("/"));
    const parent = parents.length > 0 && random.chance(0.4) ? `${random.pick(parents)}/` : "";
    const known = ordinary.filter((path) => !source.folders.has(path) && parentExists(path));
    if (known.length > 0 && random.chance(0.4)) return random.pick(known);
    return `${parent}Neu ${random.integer(1, 1_000_000)}`;
  };
  const parentExists = (path: string): boolean =>
    !path.includes("/") || source.folders.has(path.split("/")[0] ?? "");
  const changeable = () => folders().filter((path) => !lasting.includes(path));
  const isParent = (path: string) => folders().some((one) => one.startsWith(`${path}/`));
  const onMessage = (
    name: string,
    weight: number,
    run: (path: string, message: SourceMessage) => Promise<unknown>,
  ): EditKind => ({
    name,
    weight,
    async run() {
      const found = someMessage();
      return found !== undefined && (await run(found.path, found.message)) !== false;
    },
  });
  const elsewhere = (path: string) => random.pick(folders().filter((one) => one !== path));
  return [
    {
      name: "new",
      weight: 20,
      async run() {
        await source.append(random.pick(folders()), newMessage(random), someFlags(random));
        return true;
      },
    },
    {
      name: "twins",
      weight: 5,
      async run() {
        const message = newMessage(random);
        const first = random.pick(folders());
        await source.append(first, message, someFlags(random));
        await source.append(random.chance(0.6) ? first : random.pick(folders()), message, someFlags(random));
        return true;
      },
    },
    onMessage("copy", 8, async (path, message) => {
      if (twins(message.look) >= mostTwins) return false;
      return source.copy(path, message, random.chance(0.2) ? path : elsewhere(path));
    }),
    onMessage("flags", 25, (path, message) =>
      source.setFlags(path, message, changed(random, message.flags, sourceFlags)),
    ),
    onMessage("move", 22, (path, message) => source.move(path, message, elsewhere(path))),
    onMessage("expunge", 14, (path, message) => source.expunge(path, message)),
    {
      name: "folder created",
      weight: 2,
      async run() {
        await source.create(freeName());
        return true;
      },
    },
    {
      name: "folder renamed",
      weight: 3,
      async run() {
        if (changeable().length === 0) return false;
        const from = random.pick(changeable());
        const to = freeName();
        if (to === from || to.startsWith(`${from}/`)) return false;
        await source.rename(from, to);
        return true;
      },
    },
    {
      name: "folder removed",
      weight: 1.5,
      async run() {
        const leaves = changeable().filter((path) => !isParent(path));
        if (leaves.length === 0) return false;
        await source.remove(random.pick(leaves));
        return true;
      },
    },
    {
      name: "folder moved out of and removed",
      weight: 0.7,
      async run() {
        const leaves = changeable().filter((path) => !isParent(path));
        if (leaves.length === 0) return false;
        const path = random.pick(leaves);
        const to = elsewhere(path);
        for (const message of source.folders.get(path)?.messages ?? []) await source.move(path, message, to);
        await source.remove(path);
        return true;
      },
    },
    {
      name: "UIDVALIDITY",
      weight: 1.2,
      async run() {
        await source.renew(random.pick(folders()));
        return true;
      },
    },
    {
      name: "many expunged",
      weight: 0.15,
      async run() {
        const large = [...source.folders].find(([, { messages }]) => messages.length > largestFolder);
        if (large === undefined) return false;
        const [path, { messages }] = large;
        for (const message of messages.slice(0, 130)) await source.expunge(path, message);
        return true;
      },
    },
  ];
}

function targetEdits(
  user: TargetUser,
  model: TargetModel,
  random: Random,
  state: Map<string, TargetMessage[]>,
  journal: (edit: string) => void,
): readonly EditKind[] {
  const live = () => [...state.keys()].filter((folder) => !folder.startsWith("deleted "));
  const places = () => live().filter((folder) => !unused.has(folder));
  const take = (): { folder: string; message: TargetMessage } | undefined => {
    const filled = live().filter((folder) => (state.get(folder)?.length ?? 0) > 0);
    if (filled.length === 0) return undefined;
    const folder = random.pick(filled);
    const messages = state.get(folder) ?? [];
    const [message] = messages.splice(random.integer(0, messages.length - 1), 1);
    return message && { folder, message };
  };
  const onMessage = (
    name: string,
    weight: number,
    /** @returns more about it. */
    run: (folder: string, message: TargetMessage) => Promise<string>,
  ): EditKind => ({
    name: `user: ${name}`,
    weight,
    async run() {
      const found = take();
      if (found === undefined) return false;
      const { folder, message } = found;
      journal(`user: ${name} ${message.look} in ${folder} ${await run(folder, message)}`);
      return true;
    },
  });
  return [
    onMessage("flags", 45, async (folder, message) => {
      const flags = changed(random, message.flags, userFlags);
      await user.setFlags(folder, message, flags);
      model.flagged(folder, message, flags);
      state.get(folder)?.push({ ...message, flags });
      return `to [${flags.join(" ")}]`;
    }),
    onMessage("move", 30, async (folder, message) => {
      const to = random.pick(places().filter((one) => one !== folder));
      await user.move(folder, message, to);
      model.moved(folder, message, to);
      // On an IMAP server its UID is not known until the next look.
      if (user.keepsIds) state.get(to)?.push(message);
      return `to ${to}`;
    }),
    onMessage("delete", 24, async (folder, message) => {
      await user.remove(folder, message);
      model.removed(folder, message);
      if (user.keepsIds && folder !== user.trash) state.get(user.trash)?.push(message);
      return `[${message.flags.join(" ")}]`;
    }),
    {
      name: "user: folder deleted",
      weight: 1.2,
      async run() {
        const deletable = places().filter((folder) => !kept.has(folder.split("/")[0] ?? ""));
        if (deletable.length < 4) return false;
        const folder = random.pick(deletable);
        journal(`user: delete folder ${folder}`);
        await user.deleteFolder(folder);
        model.folderDeleted(folder);
        for (const one of [...state.keys()])
          if (one === folder || (user.keepsDeletedFolders && one.startsWith(`${folder}/`))) state.delete(one);
        return true;
      },
    },
  ];
}

/** Folders no user deletes. */
const kept = new Set([
  ...["INBOX", "Sent", "Trash", "Drafts", "Junk", "Archive"],
  ...["inbox", "sentitems", "deleteditems", "drafts", "junkemail", "archive"],
]);
/** Folders of Exchange that take no part. */
const unused = new Set(["outbox", "conversationhistory"]);

function newMessage(random: Random): NewMessage {
  const look = `m${random.integer(1, 1_000_000_000)}`;
  const subject = random.pick(["Hello", "Angebot", "Re: Rechnung"]);
  return messageOf(look, subject, new Date(Date.UTC(2012, 0, 1) + random.integer(0, 400_000_000) * 1_000));
}

/** A message that is recognized by its look. */
export function messageOf(look: string, subject: string, date: Date): NewMessage {
  const content = [
    "From: Anna <anna@contoso.com>",
    "To: Ben <ben@contoso.com>",
    `Subject: ${subject}`,
    `Message-ID: <${look}@edits.example>`,
    `Date: ${date.toUTCString().replace("GMT", "+0000")}`,
    "",
    `Text of ${look}`,
    "",
  ].join("\r\n");
  return { look, content, date };
}

function someFlags(random: Random): readonly string[] {
  return sourceFlags.filter(() => random.chance(0.25));
}

function changed(random: Random, flags: readonly string[], choice: readonly string[]): readonly string[] {
  const flag = random.pick(choice);
  return flags.includes(flag) ? flags.filter((one) => one !== flag) : [...flags, flag];
}

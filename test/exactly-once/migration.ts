import { expect } from "vitest";
import type { SpecialUse } from "../../shared/domain/folders.ts";
import type { BatchName, EndpointName, MailboxId } from "../../shared/domain/names.ts";
import type { MailboxRecord } from "../../shared/migration/ports/registry.ts";
import { type DeploymentSettings, MemoryDeployment } from "../stack/memory/memory-deployment.ts";
import { SourceFolderState, type StoredMessage } from "../stack/memory/memory-source.ts";
import type { TargetState } from "../stack/memory/memory-target.ts";

export const batch = "spring" as BatchName;
const endpoint = "old" as EndpointName;
const specialUses = new Map<string, SpecialUse>([
  ["INBOX", "inbox"],
  ["Sent", "sent"],
]);

interface UploadedFiles {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly limits?: Readonly<Record<string, unknown>>;
  readonly name?: BatchName;
  readonly users?: readonly string[];
}

/** A migration of some users of one server, and what must be true of it. */
export class Migration {
  readonly deployment: MemoryDeployment;
  readonly #users: readonly string[];

  constructor(users: readonly string[], settings: DeploymentSettings) {
    this.deployment = new MemoryDeployment(settings);
    this.#users = users;
    for (const user of users) {
      this.deployment.source.mailboxes.set(user, new Map());
      this.deployment.target.add(addressOf(user));
    }
  }

  folder(path: string, user = this.#users[0] ?? ""): SourceFolderState {
    const folders = this.deployment.source.mailboxes.get(user);
    const folder = folders?.get(path) ?? new SourceFolderState(specialUses.get(path));
    folders?.set(path, folder);
    return folder;
  }

  removeFolder(path: string, user = this.#users[0] ?? ""): void {
    this.deployment.source.mailboxes.get(user)?.delete(path);
  }

  target(user = this.#users[0] ?? ""): TargetState {
    const state = this.deployment.target.mailboxes.get(addressOf(user));
    if (state === undefined) throw new Error(`there is no user ${user}`);
    return state;
  }

  /** Uploads the endpoint, the options and the CSV, as an operator does, and has them read. */
  async upload(files: UploadedFiles = {}): Promise<void> {
    const name = await this.put(files);
    await this.deployment.perform((worker) => worker.ingest(name));
  }

  /** Uploads the files without waiting for anything. @returns the name of the CSV. */
  async put({
    options = {},
    limits = {},
    name = batch,
    users = this.#users,
  }: UploadedFiles): Promise<string> {
    const { blobs } = this.deployment;
    const settings = JSON.stringify({ host: "imap.example.net", ...limits });
    await blobs.endpoints.write(endpoint, settings, (await blobs.endpoints.read(endpoint))?.version);
    blobs.upload(`${endpoint}/${name}.json`, JSON.stringify(options));
    const rows = users.map((user) => `${addressOf(user)},${user},secret`);
    const csv = `${endpoint}/${name}.csv`;
    blobs.upload(csv, ["EmailAddress,UserName,Password", ...rows, ""].join("\r\n"));
    return csv;
  }

  /** Another round of every synced mailbox, at the operator's wish. */
  async sync(): Promise<void> {
    await this.deployment.perform(({ control }) => control.act(batch, "sync", "operator"));
  }

  async mailboxes(name = batch): Promise<MailboxRecord[]> {
    const found: MailboxRecord[] = [];
    for await (const { value } of this.deployment.stores.mailboxes.scan(name)) found.push(value);
    return found;
  }

  async mailboxId(): Promise<MailboxId> {
    const [first] = await this.mailboxes();
    if (first === undefined) throw new Error("the batch has no mailbox");
    return first.id;
  }

  /**
   * Every message of the source is in the target once, in its folder, as it is at the source; nothing is left to do.
   * What was removed at the source may lie in the deleted items.
   */
  async expectSettled({ byFolder = true } = {}): Promise<void> {
    for (const user of this.#users) {
      const place = byFolder ? targetPath : () => "";
      const expected = new Map<string, string[]>();
      for (const [path, { messages }] of this.deployment.source.mailboxes.get(user) ?? [])
        collect(expected, place(path), looksOf(messages.values()));
      const found = new Map<string, string[]>();
      const target = this.target(user);
      for (const { id, path } of target.folders.values())
        if (path !== "Deleted Items")
          collect(found, place(path), looksOf(target.items.filter((item) => item.folder === id)));
      expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
    }
    await this.expectAtRest();
  }

  /** Counters add up, every permit was given back, no chunk is open or in doubt. */
  async expectAtRest(): Promise<void> {
    const { stores, queues } = this.deployment;
    expect(queues.pending).toBe(0);
    for (const name of await stores.admissions.endpoints())
      expect(await stores.admissions.permits(name)).toEqual([]);
    for (const mailbox of await this.mailboxes()) {
      expect([mailbox.status, mailbox.error]).toEqual(["Synced", undefined]);
      const source = this.deployment.source.mailboxes.get(mailbox.userName);
      const count = [...(source?.values() ?? [])].reduce((sum, { messages }) => sum + messages.size, 0);
      expect(mailbox).toMatchObject({ totalItemCount: count });
      expect(mailbox.syncedItemCount + mailbox.skippedItemCount).toBe(count);
      // Nothing but what users marked as deleted is ever skipped here.
      expect(mailbox.leftOutItemCount ?? 0).toBe(mailbox.skippedItemCount);
      if (mailbox.ledgerId === undefined) throw new Error("a synced mailbox without a ledger");
      for (const { pending, doubt } of await stores.ledgers.listFolders(mailbox.ledgerId))
        expect([pending, doubt.openChunk, doubt.recovered]).toEqual([false, undefined, []]);
    }
  }
}

export function addressOf(user: string): string {
  return `${user}@contoso.example`;
}

/** A message told apart from others by its number. */
export function message(number: number, flags: readonly string[] = []): StoredMessage {
  const text = `Message-ID: <${number}@example.net>\r\nSubject: ${number}\r\n\r\nBody ${number}\r\n`;
  return { text, internalDate: Date.UTC(2020, 0, 1) + number * 60_000, flags: [...flags].sort() };
}

/** Adds messages to those of a place. A place without messages is none. */
function collect(places: Map<string, string[]>, place: string, looks: readonly string[]): void {
  if (looks.length > 0) places.set(place, [...(places.get(place) ?? []), ...looks].sort());
}

function targetPath(path: string): string {
  return path === "INBOX" ? "Inbox" : path;
}

function looksOf(messages: Iterable<Pick<StoredMessage, "text" | "flags" | "internalDate">>): string[] {
  return [...messages]
    .map(({ text, flags, internalDate }) => `${internalDate} ${flags.join(" ")} ${text}`)
    .sort();
}

/** A message as a scripted server holds it. */
export interface ScriptedMessage {
  readonly uid: number;
  readonly content: Buffer;
  flags: readonly string[];
  /** As it is served, zone included: `17-Jul-1996 02:44:25 -0700`. */
  readonly internalDate: string;
  modseq: number;
  /** X-GM-MSGID and X-GM-LABELS of a server that has labels. */
  gmail?: { readonly id: string; readonly labels: readonly string[] };
}

export interface NewMessage {
  readonly content: Buffer | string;
  readonly flags?: readonly string[];
  /** A text is served as it is; default 1 January 2020. */
  readonly internalDate?: Date | string;
  readonly gmail?: { readonly id: string; readonly labels: readonly string[] };
}

export class ScriptedFolder {
  /** Attributes of LIST beside those about children, such as `\Noselect` or `\Sent`. */
  readonly attributes: readonly string[];
  isSubscribed = true;
  uidValidity: number;
  uidNext = 1;
  highestModseq = 1;
  #messages: ScriptedMessage[] = [];

  constructor(uidValidity: number, attributes: readonly string[]) {
    this.uidValidity = uidValidity;
    this.attributes = attributes;
  }

  /** In the order of their UIDs. */
  get messages(): readonly ScriptedMessage[] {
    return this.#messages;
  }

  get isSelectable(): boolean {
    return !this.attributes.some((attribute) => /^\\(noselect|nonexistent)$/i.test(attribute));
  }

  append(message: NewMessage): ScriptedMessage {
    const { content, internalDate = new Date("2020-01-01T00:00:00Z"), gmail } = message;
    const stored: ScriptedMessage = {
      uid: this.uidNext,
      content: Buffer.from(content),
      flags: [...(message.flags ?? [])],
      internalDate: typeof internalDate === "string" ? internalDate : dateTime(internalDate),
      modseq: this.#nextModseq(),
      ...(gmail === undefined ? {} : { gmail }),
    };
    this.uidNext += 1;
    this.#messages.push(stored);
    return stored;
  }

  setFlags(uid: number, flags: readonly string[]): void {
    const message = this.#message(uid);
    message.flags = [...flags];
    message.modseq = this.#nextModseq();
  }

  /** @param isChange whether the folder counts it as a change of the message */
  setLabels(uid: number, labels: readonly string[], isChange: boolean): void {
    const message = this.#message(uid);
    message.gmail = { id: message.gmail?.id ?? "0", labels: [...labels] };
    if (isChange) message.modseq = this.#nextModseq();
  }

  expunge(...uids: readonly number[]): void {
    this.#messages = this.#messages.filter(({ uid }) => !uids.includes(uid));
    this.#nextModseq();
  }

  /** What a rebuilt index does: the same messages under new UIDs. */
  renumber(uidValidity: number, firstUid = 1): void {
    this.uidValidity = uidValidity;
    this.#messages = this.#messages.map((message, index) => ({ ...message, uid: firstUid + index }));
    this.uidNext = firstUid + this.#messages.length;
  }

  #message(uid: number): ScriptedMessage {
    const message = this.#messages.find((candidate) => candidate.uid === uid);
    if (message === undefined) throw new RangeError(`there is no message with UID ${uid}`);
    return message;
  }

  #nextModseq(): number {
    this.highestModseq += 1;
    return this.highestModseq;
  }
}

/** One user's folders by path. */
export class ScriptedAccount {
  readonly folders = new Map<string, ScriptedFolder>();

  constructor() {
    this.create("INBOX");
  }

  /** @param uidValidity default 1: servers that give every folder the same one are common */
  create(path: string, attributes: readonly string[] = [], uidValidity = 1): ScriptedFolder {
    if (this.folders.has(path)) throw new Error(`the folder ${path} exists`);
    const folder = new ScriptedFolder(uidValidity, attributes);
    this.folders.set(path, folder);
    return folder;
  }

  /** @throws Error when there is none */
  folder(path: string): ScriptedFolder {
    const folder = this.folders.get(path);
    if (folder === undefined) throw new Error(`there is no folder ${path}`);
    return folder;
  }

  rename(from: string, to: string): void {
    const folder = this.folder(from);
    this.folders.delete(from);
    this.folders.set(to, folder);
  }
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function dateTime(date: Date): string {
  const day = String(date.getUTCDate()).padStart(2, " ");
  return `${day}-${MONTHS[date.getUTCMonth()]}-${date.getUTCFullYear()} ${date.toISOString().slice(11, 19)} +0000`;
}

/** The day of a date or date-time as SEARCH compares it: without time and zone (RFC 9051, 6.4.4). */
export function dayOf(text: string): number {
  const match = /^\s*(\d{1,2})-(\w{3})-(\d{4})/.exec(text);
  return Date.UTC(Number(match?.[3]), MONTHS.indexOf(match?.[2] ?? ""), Number(match?.[1]));
}

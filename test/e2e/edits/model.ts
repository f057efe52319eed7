import { matchings } from "./matchings.ts";
import type { SourceFolder, SourceMessage } from "./source-mailbox.ts";
import { deletedName, type TargetMessage, type TargetState, type TargetUser } from "./target-user.ts";

/** A folder in the target. */
interface Place {
  name: string;
  deleted: boolean;
}

/** What is known of a source folder between two rounds. */
interface KnownFolder {
  readonly id: number;
  path: string;
  key: number;
  life: number;
  readonly place: Place;
  /** True while it is not at the source; what was copied from it is remembered for the day it comes back. */
  gone: boolean;
  /** True in a round in which all its messages have new UIDs. */
  reborn: boolean;
}

/** A message in the target. */
interface Copy {
  readonly place: Place;
  readonly flags: readonly string[];
}

/** A source message that was copied, and its copy unless a user took it away. */
interface Known {
  readonly folder: number;
  readonly message: number;
  /** Source flags as of the last round. */
  readonly flags: readonly string[];
  readonly copy?: Copy | undefined;
  /** Where the copy was put. */
  readonly place: Place;
  /**
   * It found no message in its folder's new generation, which is believed after most of a day, longer than a play. Until
   * then it may be any message that looks the same and turns up somewhere.
   */
  readonly kept?: true;
}

/**
 * One way in which things may be for all messages of one look. Messages that look the same cannot be told apart, so
 * there may be several until the target shows which it is.
 */
interface World {
  readonly known: readonly Known[];
  /** Copies that follow no source message any more. */
  readonly loose: readonly Copy[];
}

interface Present {
  readonly folder: KnownFolder;
  readonly message: SourceMessage;
}

const most = 3_000;
const nothing: World = { known: [], loose: [] };

/**
 * What the target has to look like, from what was done to the source and to the target and the rules alone:
 *
 * - what is new at the source is copied once, with its flags, to the place of its folder;
 * - a message that leaves one folder and appears in another takes its copy along;
 * - flags that changed at the source change on the copy, other flags stay, and so do those that the target fixes;
 * - a copy that the user moved or deleted is left alone for good, and its message is not copied again;
 * - a folder that the user deleted is not written into: new messages there are not copied, and a copy whose message
 *   was moved there stays where it is;
 * - what was deleted at the source goes to the deleted items, if the batch says so, or else stays; so it does for now where
 *   its folder came back with new UIDs meanwhile, until that is confirmed;
 * - a renamed folder keeps its place in the target under the name it has there, also when another one of the
 *   old name appears and shares it.
 */
export class TargetModel {
  readonly #user: Pick<TargetUser, "keepsDeletedFolders" | "keepsIds" | "trash" | "fixedFlags" | "folderOf">;
  readonly #propagateDeletes: boolean;
  readonly #places = new Map<string, Place>();
  readonly #folders: KnownFolder[] = [];
  /** Source messages of the last round. */
  #seen: ReadonlySet<number> = new Set();
  #worlds = new Map<string, readonly World[]>();
  #deletions = 0;

  constructor(
    user: Pick<TargetUser, "keepsDeletedFolders" | "keepsIds" | "trash" | "fixedFlags" | "folderOf">,
    propagateDeletes: boolean,
  ) {
    this.#user = user;
    this.#propagateDeletes = propagateDeletes;
  }

  /** What a round of synchronization has to do. */
  round(source: ReadonlyMap<string, SourceFolder>): void {
    const leaving = this.#matchFolders(source);
    const present = new Map<string, Present[]>();
    for (const folder of this.#folders) {
      if (folder.gone) continue;
      for (const message of source.get(folder.path)?.messages ?? [])
        present.set(message.look, [...(present.get(message.look) ?? []), { folder, message }]);
    }
    const looks = new Set([...this.#worlds.keys(), ...present.keys()]);
    this.#worlds = new Map(
      [...looks].map((look) => [
        look,
        distinct(
          (this.#worlds.get(look) ?? [nothing]).flatMap((world) =>
            this.#roundOf(world, present.get(look) ?? [], leaving),
          ),
        ),
      ]),
    );
    this.#seen = new Set([...present.values()].flat().map(({ message }) => message.id));
  }

  /** It was confirmed that a folder is meant to be as the source shows it: what it lost is gone. */
  confirmed(path: string): void {
    const folder = this.#folders.find((one) => one.path === path && !one.gone);
    if (folder === undefined) throw new Error("a folder was confirmed that the model does not have");
    const isLost = (one: Known) => one.kept === true && one.folder === folder.id;
    for (const [look, worlds] of this.#worlds)
      this.#worlds.set(
        look,
        distinct(
          worlds.map(({ known, loose }) => {
            const copies = [...loose];
            for (const one of known.filter(isLost)) this.#letGo(one, copies);
            return { known: known.filter((one) => !isLost(one)), loose: copies };
          }),
        ),
      );
  }

  /** The user moved a message of the target. */
  moved(from: string, message: TargetMessage, to: string): void {
    const place = this.#placeOf(to);
    this.#edit(from, message, (copy) => ({ ...copy, place }), !this.#user.keepsIds);
  }

  /** The user removed a message: to the deleted items, or for good from there. */
  removed(from: string, message: TargetMessage): void {
    const place = this.#placeOf(this.#user.trash);
    if (from !== this.#user.trash) this.moved(from, message, place.name);
    else this.#edit(from, message, () => undefined, true);
  }

  flagged(folder: string, message: TargetMessage, flags: readonly string[]): void {
    this.#edit(folder, message, (copy) => ({ ...copy, flags }), false);
  }

  folderDeleted(name: string): void {
    this.#deletions++;
    for (const place of [...this.#places.values()]) {
      const taken =
        place.name === name || (this.#user.keepsDeletedFolders && place.name.startsWith(`${name}/`));
      if (!taken) continue;
      this.#places.delete(place.name);
      place.name = deletedName(place.name, this.#deletions);
      place.deleted = true;
    }
    if (this.#user.keepsDeletedFolders) return;
    const lasts = (copy: Copy) => !copy.place.deleted;
    for (const [look, worlds] of this.#worlds)
      this.#worlds.set(
        look,
        distinct(
          worlds.map(({ known, loose }) => ({
            known: known.map((one) => (one.copy && !lasts(one.copy) ? { ...one, copy: undefined } : one)),
            loose: loose.filter(lasts),
          })),
        ),
      );
  }

  /**
   * Compares the target with the model, and learns from it which of several equal messages went where.
   * @returns what differs, one line each.
   */
  compare(state: TargetState): readonly string[] {
    const found = new Map<string, string[]>();
    for (const [folder, messages] of state)
      for (const { look, flags } of messages)
        found.set(look, [...(found.get(look) ?? []), `${folder} [${flags.join(" ")}]`]);
    const lines: string[] = [];
    for (const look of new Set([...found.keys(), ...this.#worlds.keys()])) {
      const worlds = this.#worlds.get(look) ?? [nothing];
      const shown = (found.get(look) ?? []).sort().join(", ");
      const fitting = worlds.filter((world) => appearance(world) === shown);
      if (fitting.length > 0) this.#worlds.set(look, fitting);
      else
        lines.push(
          `${look}: found ${shown || "nothing"}; expected ${[...new Set(worlds.map(appearance))].slice(0, 4).join(" or ") || "nothing"}`,
        );
    }
    for (const { place, gone } of this.#folders)
      if (!gone && !place.deleted && !state.has(place.name))
        lines.push(`${place.name}: the folder is missing`);
    return lines;
  }

  /** @returns folders that left the source since the last round. */
  #matchFolders(source: ReadonlyMap<string, SourceFolder>): ReadonlySet<number> {
    const orphans = this.#folders.filter(({ path, gone }) => !gone && !source.has(path));
    const created: [string, SourceFolder][] = [];
    for (const [path, { key, life }] of source) {
      const same = this.#folders.find((folder) => folder.path === path);
      if (same) {
        same.reborn = same.key !== key || same.life !== life;
        Object.assign(same, { key, life, gone: false });
        continue;
      }
      const renamed = orphans.find(
        (orphan) =>
          orphan.key === key &&
          orphan.life === life &&
          this.#remembers(orphan, source.get(path)?.messages ?? []),
      );
      if (renamed) Object.assign(renamed, { path, reborn: false });
      else created.push([path, { key, life, messages: [] }]);
    }
    const leaving = orphans.filter(({ path }) => !source.has(path));
    for (const folder of leaving) Object.assign(folder, { gone: true, reborn: false });
    for (const [path, { key, life }] of created)
      this.#folders.push({
        id: this.#folders.length,
        path,
        key,
        life,
        place: this.#placeOf(this.#user.folderOf(path)),
        gone: false,
        reborn: false,
      });
    return new Set(leaving.map(({ id }) => id));
  }

  /** True if a message that was copied from the folder is still in it. */
  #remembers(folder: KnownFolder, messages: readonly SourceMessage[]): boolean {
    return messages.some(({ id, look }) =>
      (this.#worlds.get(look) ?? []).some(({ known }) =>
        known.some((one) => one.folder === folder.id && one.message === id),
      ),
    );
  }

  #placeOf(name: string): Place {
    const known = this.#places.get(name);
    if (known) return known;
    const place = { name, deleted: false };
    this.#places.set(name, place);
    return place;
  }

  #roundOf(world: World, present: readonly Present[], leaving: ReadonlySet<number>): readonly World[] {
    const stays = new Map<Known, Present>();
    const waiting: Known[] = [];
    const lost: Known[] = [];
    const dropped: Known[] = [];
    for (const one of world.known) {
      const at = present.find(
        ({ folder, message }) => folder.id === one.folder && message.id === one.message,
      );
      if (one.kept) (leaving.has(one.folder) ? dropped : waiting).push(one);
      else if (at) stays.set(one, at);
      else if (this.#folders[one.folder]?.gone && !leaving.has(one.folder)) waiting.push(one);
      else lost.push(one);
    }
    const taken = new Set(stays.values());
    const fresh = present.filter((one) => !taken.has(one));
    // A folder that did not change is not looked into, so what was left there before may stay unseen.
    const recent = fresh.filter(({ message }) => !this.#seen.has(message.id));
    const ways = recent.length === fresh.length ? [fresh] : [fresh, recent];
    const kept = waiting.filter((one) => one.kept);
    return ways
      .flatMap((seen) => [
        ...this.#pairings(lost, seen),
        ...(kept.length > 0 ? this.#pairings([...lost, ...kept], seen) : []),
      ])
      .map((pairs) => {
        const copies: Copy[] = [...world.loose];
        const found = new Set(pairs.map(([one]) => one));
        const known: Known[] = waiting.filter((one) => !found.has(one));
        for (const [one, at] of stays) known.push(this.#follow(one, at, copies));
        for (const [{ kept: _, ...one }, at] of pairs)
          known.push(this.#follow(this.#take(one, at.folder, copies), at, copies));
        for (const one of lost)
          if (!found.has(one)) known.push(...this.#forget(one, leaving.has(one.folder), copies));
        for (const one of dropped) known.push(...this.#forget(one, true, copies));
        const arrived = new Set(pairs.map(([, at]) => at));
        for (const at of fresh) {
          const { place } = at.folder;
          if (arrived.has(at) || place.deleted) continue;
          const { flags } = at.message;
          known.push({ folder: at.folder.id, message: at.message.id, flags, place, copy: { place, flags } });
        }
        return { known, loose: copies };
      });
  }

  /** All ways in which messages that were lost may be those that are new; within a folder first where it was reborn. */
  #pairings(
    lost: readonly Known[],
    fresh: readonly Present[],
  ): readonly (readonly (readonly [Known, Present])[])[] {
    let within: readonly (readonly (readonly [Known, Present])[])[] = [[]];
    for (const { id, reborn } of this.#folders) {
      if (!reborn) continue;
      const own = matchings(
        lost.filter(({ folder }) => folder === id),
        fresh.filter(({ folder }) => folder.id === id),
      );
      within = within.flatMap((pairs) => own.map((more) => [...pairs, ...more]));
    }
    return within.flatMap((pairs) => {
      const used = new Set<unknown>(pairs.flat());
      return matchings(
        lost.filter((one) => !used.has(one)),
        fresh.filter((one) => !used.has(one)),
      ).map((more) => [...pairs, ...more]);
    });
  }

  /** A message appeared in another folder: its copy goes there, unless the user took it away or deleted that folder. */
  #take(one: Known, to: KnownFolder, loose: Copy[]): Known {
    if (to.place.deleted || to.place === one.place || one.folder === to.id) return one;
    const { copy } = one;
    if (copy === undefined) return { ...one, place: to.place };
    // A message that keeps its id and lies where it is to go has arrived, whoever moved it.
    const arrived = this.#user.keepsIds && copy.place === to.place && !one.place.deleted;
    const reached = this.#inPlace(one) || arrived;
    if (reached) return { ...one, place: to.place, copy: { ...copy, place: to.place } };
    loose.push(copy);
    return { ...one, place: to.place, copy: undefined };
  }

  /** Brings flags that changed at the source to the copy. */
  #follow(one: Known, { folder, message }: Present, loose: Copy[]): Known {
    const next = { ...one, folder: folder.id, message: message.id };
    const { copy } = one;
    if (copy === undefined || sameSet(one.flags, message.flags)) return { ...next, flags: message.flags };
    if (!this.#inPlace(one)) {
      loose.push(copy);
      return { ...next, flags: message.flags, copy: undefined };
    }
    const flags = new Set(copy.flags);
    const isFixed = (flag: string) => this.#user.fixedFlags.has(flag);
    for (const flag of message.flags) if (!one.flags.includes(flag) && !isFixed(flag)) flags.add(flag);
    for (const flag of one.flags) if (!message.flags.includes(flag) && !isFixed(flag)) flags.delete(flag);
    return { ...next, flags: message.flags, copy: { ...copy, flags: [...flags] } };
  }

  /** A message was deleted at the source. @returns what is remembered of it. */
  #forget(one: Known, withItsFolder: boolean, loose: Copy[]): readonly Known[] {
    const folder = this.#folders[one.folder];
    if (!this.#propagateDeletes && withItsFolder && !folder?.place.deleted) return [one];
    if (folder?.reborn) return [{ ...one, kept: true }];
    if (one.copy === undefined) return [];
    this.#letGo(one, loose);
    return [];
  }

  /** A copy follows no message any more. */
  #letGo(one: Known, loose: Copy[]): void {
    const { copy } = one;
    if (copy === undefined) return;
    const goes = this.#propagateDeletes && this.#inPlace(one);
    loose.push(goes ? { ...copy, place: this.#placeOf(this.#user.trash) } : copy);
  }

  #inPlace({ copy, place }: Known): boolean {
    return copy !== undefined && copy.place === place && !place.deleted;
  }

  /** Applies what the user did to one message. Which of several equal ones it was is not known. */
  #edit(
    folder: string,
    message: TargetMessage,
    change: (copy: Copy) => Copy | undefined,
    loses: boolean,
  ): void {
    const fits = (copy: Copy | undefined): copy is Copy =>
      copy !== undefined && copy.place.name === folder && sameSet(copy.flags, message.flags);
    const edited = (this.#worlds.get(message.look) ?? []).flatMap(({ known, loose }): World[] => [
      ...known.flatMap((one, index): World[] => {
        if (!fits(one.copy)) return [];
        const copy = change(one.copy);
        return [
          {
            known: known.with(index, { ...one, copy: loses ? undefined : copy }),
            loose: loses && copy ? [...loose, copy] : loose,
          },
        ];
      }),
      ...loose.flatMap((one, index): World[] => {
        if (!fits(one)) return [];
        const copy = change(one);
        return [{ known, loose: copy ? loose.with(index, copy) : loose.toSpliced(index, 1) }];
      }),
    ]);
    if (edited.length === 0) throw new Error("the user edited a message that the model does not have");
    this.#worlds.set(message.look, distinct(edited));
  }
}

function appearance({ known, loose }: World): string {
  const copies = [...loose, ...known.flatMap(({ copy }) => (copy ? [copy] : []))];
  return copies
    .map(({ place, flags }) => `${place.name} [${flags.toSorted().join(" ")}]`)
    .sort()
    .join(", ");
}

function distinct(worlds: readonly World[]): readonly World[] {
  const text = ({ place, flags }: Copy) => `${place.name} [${flags.toSorted().join(" ")}]`;
  const byText = new Map<string, World>();
  for (const world of worlds) {
    const known = world.known.map((one) =>
      [
        one.folder,
        one.message,
        one.flags.toSorted().join(" "),
        one.place.name,
        one.copy ? text(one.copy) : "",
        one.kept ? "kept" : "",
      ].join("|"),
    );
    byText.set([...known.sort(), ...world.loose.map(text).sort()].join("\n"), world);
  }
  if (byText.size > most) throw new Error("too many equal messages for one look");
  return [...byText.values()];
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value) => b.includes(value));
}

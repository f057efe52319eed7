import type { TargetItem } from "../stack/memory/memory-target.ts";
import { type Migration, message } from "./migration.ts";

/** The copy of a message. @throws if there is none. */
export function itemOf(migration: Migration, number: number): TargetItem {
  const item = migration.target().items.find(({ text }) => text === message(number).text);
  if (item === undefined) throw new Error(`message ${number} was not copied`);
  return item;
}

/** What a user, or whoever else writes to the target, does with a copy. */
export function edit(migration: Migration, number: number, change: Partial<TargetItem>): void {
  const target = migration.target();
  const item = itemOf(migration, number);
  target.items = target.items.map((one) => (one === item ? { ...one, ...change } : one));
}

/** A user moves a copy to another folder. */
export function move(migration: Migration, number: number, path: string): void {
  const target = migration.target();
  const item = itemOf(migration, number);
  target.items = target.items.filter((one) => one !== item);
  target.place(target.folderAt(path), item, target.kind === "graph" ? item.id : undefined);
}

/** Two messages that are the same one, with something lost on the way. */
export interface Change<S, T> {
  readonly source: S;
  readonly target: T;
  /** What differs, in words. */
  readonly what: readonly string[];
}

export interface FolderDifference<S, T> {
  readonly folder: string;
  /** The whole folder is absent in the target. */
  readonly folderMissing: boolean;
  readonly missing: readonly S[];
  /** In the target more often than in the source. */
  readonly doubled: readonly T[];
  /** In the target, with nothing like it in the source's folder. */
  readonly unexpected: readonly T[];
  readonly changed: readonly Change<S, T>[];
}

export interface MailboxDifference<S, T> {
  readonly equal: boolean;
  /** Messages that the target should have. */
  readonly expectedCount: number;
  /** Messages that the target has. */
  readonly actualCount: number;
  /** Only folders that differ. */
  readonly folders: readonly FolderDifference<S, T>[];
  /** All of it as text, for the message of a failed assertion. */
  readonly report: string;
}

/** How messages of two kinds are recognized as the same one. */
export interface Likeness<S, T> {
  /** From the strictest to the loosest; two messages with equal keys are a pair. An undefined key matches nothing. */
  readonly keys: readonly {
    source(message: S): string | undefined;
    target(message: T): string | undefined;
  }[];
  /** What differs between the two of a pair; empty when all is well. */
  differences(source: S, target: T): string[];
  describeSource(message: S): string;
  describeTarget(message: T): string;
}

/** Compares what a target has with what it should have, folder by folder, as multisets. */
export function compareMailboxes<S, T>(
  expected: ReadonlyMap<string, readonly S[]>,
  actual: ReadonlyMap<string, readonly T[]>,
  likeness: Likeness<S, T>,
): MailboxDifference<S, T> {
  const names = [...new Set([...expected.keys(), ...actual.keys()])].sort();
  const folders = names
    .map((name) => compareFolder(name, expected.get(name), actual.get(name), likeness))
    .filter(differs);
  const expectedCount = count(expected);
  const actualCount = count(actual);
  const lines = folders.flatMap((folder) => describe(folder, likeness));
  return {
    equal: folders.length === 0,
    expectedCount,
    actualCount,
    folders,
    report: [`${expectedCount} messages expected, ${actualCount} found`, ...lines].join("\n"),
  };
}

function compareFolder<S, T>(
  folder: string,
  expected: readonly S[] | undefined,
  actual: readonly T[] | undefined,
  likeness: Likeness<S, T>,
): FolderDifference<S, T> {
  const changed: Change<S, T>[] = [];
  let missing = [...(expected ?? [])];
  let surplus = [...(actual ?? [])];
  for (const key of likeness.keys) {
    const waiting = grouped(surplus, key.target);
    const unpaired: S[] = [];
    const taken = new Set<T>();
    for (const source of missing) {
      const wanted = key.source(source);
      const target = wanted === undefined ? undefined : waiting.get(wanted)?.shift();
      if (target === undefined) {
        unpaired.push(source);
        continue;
      }
      taken.add(target);
      const what = likeness.differences(source, target);
      if (what.length > 0) changed.push({ source, target, what });
    }
    missing = unpaired;
    surplus = surplus.filter((message) => !taken.has(message));
  }
  const isDoubled = (message: T) =>
    likeness.keys.some((key) => {
      const own = key.target(message);
      return own !== undefined && (expected ?? []).some((source) => key.source(source) === own);
    });
  return {
    folder,
    folderMissing: expected !== undefined && actual === undefined,
    missing,
    doubled: surplus.filter(isDoubled),
    unexpected: surplus.filter((message) => !isDoubled(message)),
    changed,
  };
}

function grouped<T>(messages: readonly T[], keyOf: (message: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const message of messages) {
    const key = keyOf(message);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [message]);
    else group.push(message);
  }
  return groups;
}

function differs<S, T>(folder: FolderDifference<S, T>): boolean {
  const { missing, doubled, unexpected, changed } = folder;
  return folder.folderMissing || missing.length + doubled.length + unexpected.length + changed.length > 0;
}

const SHOWN = 10;

function describe<S, T>(folder: FolderDifference<S, T>, likeness: Likeness<S, T>): string[] {
  const section = (title: string, items: readonly string[]) => {
    if (items.length === 0) return [];
    const rest = items.length > SHOWN ? [`    and ${items.length - SHOWN} more`] : [];
    return [`  ${title}: ${items.length}`, ...items.slice(0, SHOWN).map((item) => `    ${item}`), ...rest];
  };
  return [
    `${folder.folder}${folder.folderMissing ? " (folder missing)" : ""}`,
    ...section("missing", folder.missing.map(likeness.describeSource)),
    ...section("doubled", folder.doubled.map(likeness.describeTarget)),
    ...section("unexpected", folder.unexpected.map(likeness.describeTarget)),
    ...section(
      "changed",
      folder.changed.map(({ source, what }) => `${likeness.describeSource(source)}: ${what.join(", ")}`),
    ),
  ];
}

function count(mailbox: ReadonlyMap<string, readonly unknown[]>): number {
  return [...mailbox.values()].reduce((sum, messages) => sum + messages.length, 0);
}

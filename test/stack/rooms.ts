import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative, sep } from "node:path";

/** A file of the product with what it imports of it, both relative to the root. */
interface SourceFile {
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly string[];
  readonly text: string;
}

/** Rooms that hold rooms of their own. */
const houses = ["shared/adapters", "shared/migration"];
const mailboxStatus =
  /status: "(?:Created|Queued|Syncing|IncrementalSyncing|Verifying|Undoing|Synced|Stopped|Failed|Completed)"/;
const conditionalStatus = /status:[^,;\n]*\? "(?:Created|Syncing|Completed|Stopped|Queued)"/;

/** What the source code of the product looks like from above. */
export interface Rooms {
  /** Which room imports from which, type imports included. */
  readonly imports: ReadonlyMap<string, ReadonlySet<string>>;
  /** Rooms that import each other, directly or not; empty where there is none. */
  readonly circles: readonly string[];
  /** The longest chain of imports inside `shared/migration/sync`, from the top. */
  readonly floors: readonly string[];
  readonly largest: { readonly path: string; readonly lines: number };
  /** Files that write the status of a mailbox. */
  readonly statusWriters: readonly string[];
}

/** Reads the product's source files. @param root folder of the repository. */
export function readRooms(root: string): Rooms {
  const files = [...sourceFiles(root, "functions"), ...sourceFiles(root, "shared")];
  const imports = new Map<string, Set<string>>();
  for (const { path, imports: imported } of files)
    for (const other of imported) {
      const [from, to] = [roomOf(path), roomOf(other)];
      if (from !== to) imports.set(from, (imports.get(from) ?? new Set()).add(to));
    }
  const largest = files.reduce((a, b) => (b.lines > a.lines ? b : a));
  return {
    imports,
    circles: [...imports.keys()].filter((room) => reaches(imports, room, room)).sort(),
    floors: longestChain(files.filter(({ path }) => dirname(path) === "shared/migration/sync")),
    largest: { path: largest.path, lines: largest.lines },
    statusWriters: files
      .filter(({ path }) => path.startsWith("shared/migration/"))
      .filter(({ text }) => mailboxStatus.test(text) || conditionalStatus.test(text))
      .map(({ path }) => path),
  };
}

function* sourceFiles(root: string, folder: string): Generator<SourceFile> {
  for (const entry of readdirSync(join(root, folder), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
    const absolute = join(entry.parentPath, entry.name);
    const path = relative(root, absolute).split(sep).join("/");
    const text = readFileSync(absolute, "utf8");
    const imports = text.matchAll(
      /^(?:import|export)\b[^;]*?from "(\.[^"]+)";|^import "(\.[^"]+)";|\bimport\("(\.[^"]+)"\)/gm,
    );
    yield {
      path,
      text,
      lines: text.split("\n").length - 1,
      imports: [...imports].map(([, from, bare, lazy]) =>
        normalize(join(dirname(path), from ?? bare ?? lazy ?? ""))
          .split(sep)
          .join("/"),
      ),
    };
  }
}

function roomOf(path: string): string {
  const house = houses.find((one) => path.startsWith(`${one}/`));
  if (house === undefined) return dirname(path) === "shared" ? path : dirname(path);
  const below = path.slice(house.length + 1);
  return below.includes("/") ? `${house}/${below.slice(0, below.indexOf("/"))}` : house;
}

function reaches(imports: Rooms["imports"], from: string, to: string): boolean {
  const seen = new Set<string>();
  const next = [...(imports.get(from) ?? [])];
  for (let room = next.pop(); room !== undefined; room = next.pop()) {
    if (room === to) return true;
    if (seen.has(room)) continue;
    seen.add(room);
    next.push(...(imports.get(room) ?? []));
  }
  return false;
}

/** @throws Error where files import each other in a circle. */
function longestChain(files: readonly SourceFile[]): readonly string[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const known = new Map<string, readonly string[]>();
  const below = (file: SourceFile, above: readonly string[]): readonly string[] => {
    if (above.includes(file.path))
      throw new Error(`A circle of imports: ${[...above, file.path].join(" > ")}`);
    const found = known.get(file.path);
    if (found) return found;
    let longest: readonly string[] = [];
    for (const path of file.imports) {
      const other = byPath.get(path);
      const chain = other ? below(other, [...above, file.path]) : [];
      if (chain.length > longest.length) longest = chain;
    }
    const chain = [file.path, ...longest];
    known.set(file.path, chain);
    return chain;
  };
  return files.map((file) => below(file, [])).reduce((a, b) => (b.length > a.length ? b : a), []);
}

/** The rooms as text. */
export function describeRooms(rooms: Rooms): string {
  const short = (path: string) => path.replace(/^shared\//, "");
  const names = [...rooms.imports.keys()].sort();
  const width = Math.max(...names.map((name) => short(name).length));
  return [
    "Which room imports from which:",
    ...names.map((name) => {
      const imported = [...(rooms.imports.get(name) ?? [])].map(short).sort();
      return `  ${short(name).padEnd(width)} -> ${imported.join(", ")}`;
    }),
    `Rooms in a circle: ${rooms.circles.map(short).join(", ") || "none"}`,
    `Floors of migration/sync: ${rooms.floors.length}`,
    `  ${rooms.floors.map((path) => path.slice(path.lastIndexOf("/") + 1)).join(" > ")}`,
    `Largest file: ${rooms.largest.path}, ${rooms.largest.lines} lines`,
    `Files that write a mailbox's status: ${rooms.statusWriters.length}`,
    ...rooms.statusWriters.map((path) => `  ${path}`),
    "",
  ].join("\n");
}

if (process.argv[1] === import.meta.filename)
  process.stdout.write(describeRooms(readRooms(process.argv[2] ?? ".")));

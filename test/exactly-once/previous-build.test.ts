import { readFileSync } from "node:fs";
import { describe, expect, it, vi } from "vitest";
import { folderRow, readFolder } from "../../shared/adapters/tables/folder-row.ts";
import { type Row, type StoredRow, withRenamed } from "../../shared/adapters/tables/row.ts";
import { isMigrationError } from "../../shared/domain/errors.ts";
import type { EndpointName, LedgerId } from "../../shared/domain/names.ts";
import { folderSyncMessageSchema, operationMessageSchema } from "../../shared/domain/queue-messages.ts";
import { FaultPlan } from "../stack/memory/faults.ts";
import type { StoredMessage } from "../stack/memory/memory-source.ts";
import type { TargetItem, TargetKind } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

/** Everything outside the processes of a build with format version 1, at a moment in the middle of its work. */
interface EarlierState {
  readonly target: TargetKind;
  /** What its folders' rows hold at this moment. */
  readonly folders: readonly string[];
  readonly now: number;
  /** Numbers of 64 bits as text that ends with `n`. */
  readonly tables: Readonly<Record<"batches" | "mailboxes" | "ledgers" | "admissions", readonly Row[]>>;
  readonly source: readonly {
    readonly path: string;
    readonly uidValidity: number;
    readonly uidNext: number;
    readonly messages: readonly (readonly [number, StoredMessage])[];
  }[];
  readonly copied: {
    readonly folders: readonly { readonly path: string; readonly uidNext: number }[];
    readonly items: readonly (TargetItem & { readonly folder: string })[];
  };
}

const states: readonly EarlierState[] = JSON.parse(
  readFileSync(new URL("./fixtures/version-1.json", import.meta.url), "utf8"),
  (_, value) => (typeof value === "string" && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value),
);
const titled = states.map((state) => [`${state.target}: ${state.folders.join(", ")}`, state] as const);

/** The state, taken over by this build. Nothing of what the processes were at is left, and no message. */
async function takenOver(state: EarlierState, plan = new FaultPlan()): Promise<Migration> {
  vi.clearAllTimers();
  vi.setSystemTime(state.now);
  const migration = new Migration(["ann"], { target: state.target, plan, limits: { maxMessages: 2 } });
  const { blobs, tables } = migration.deployment;
  await blobs.endpoints.write("old" as EndpointName, JSON.stringify({ host: "imap.example.net" }), undefined);
  for (const [name, rows] of Object.entries(state.tables) as [keyof typeof tables, readonly Row[]][])
    for (const row of rows) await tables[name].put(row);
  for (const { path, messages, uidValidity, uidNext } of state.source) {
    const folder = migration.folder(path);
    for (const [uid, one] of messages) folder.messages.set(uid, one);
    Object.assign(folder, { uidValidity, uidNext });
  }
  const target = migration.target();
  for (const folder of state.copied.folders) Object.assign(target.folderAt(folder.path), folder);
  target.items = state.copied.items.map((item) => ({ ...item }));
  return migration;
}

/** Every message of the source is in the target once, in its folder, and nothing is there twice. */
async function expectEverythingOnce(migration: Migration): Promise<void> {
  const target = migration.target();
  const texts = target.items.map(({ text }) => text);
  expect(new Set(texts).size).toBe(texts.length);
  for (const [path, { messages }] of migration.deployment.source.mailboxes.get("ann") ?? []) {
    const copied = target.textsIn(path === "INBOX" ? "Inbox" : path);
    const wanted = [...messages.values()].filter(({ flags }) => !flags.includes("\\Deleted"));
    expect(copied).toEqual(expect.arrayContaining(wanted.map(({ text }) => text)));
  }
  await migration.expectAtRest();
}

describe("a batch that the previous build began", () => {
  it("was caught with all that a folder's row can hold", () => {
    const held = new Set(states.flatMap(({ folders }) => folders));
    expect([...held].sort()).toEqual(["inDoubt", "lost", "moves", "openChunk", "rematchFrom"]);
    for (const { tables } of states)
      for (const rows of Object.values(tables))
        for (const row of rows) expect(row).not.toHaveProperty("formatVersion");
  });

  it.each(titled)("is finished by this one (%s)", async (_, state) => {
    const migration = await takenOver(state);
    await migration.deployment.rest();
    await migration.sync();
    await migration.deployment.rest();
    await expectEverythingOnce(migration);
  });

  it("is finished by this one, whichever call a process dies after", async () => {
    const failures: string[] = [];
    for (const [title, state] of titled) {
      const clean = new FaultPlan();
      await (await takenOver(state, clean)).deployment.rest();
      for (const [index, name] of clean.calls.entries()) {
        if (index % 7 !== 0) continue;
        try {
          const plan = new FaultPlan(new Map([[index + 1, { kind: "diesAfter" }]]));
          const migration = await takenOver(state, plan);
          await migration.deployment.rest();
          await migration.sync();
          await migration.deployment.rest();
          await expectEverythingOnce(migration);
        } catch (error) {
          failures.push(
            `${title}, call ${index + 1}, ${name}: ${error instanceof Error ? error.message : error}`,
          );
        }
      }
    }
    expect(failures).toEqual([]);
  });
});

/**
 * A row of this build as one of format version 1, where that had such rows: it knew no operations, nor lists by batch.
 */
function asBefore({ etag: _, timestamp: ______, formatVersion: __, ...row }: StoredRow): Row {
  if (row.rowKey === "gate") return { partitionKey: row.partitionKey, rowKey: row.rowKey };
  if (!row.rowKey.startsWith("folder|")) return row as Row;
  const {
    setAside: ___,
    lastLooks: ________,
    guesses: ____,
    unkeptFlags: _____,
    lostByCode: _______,
    ...known
  } = row as StoredRow;
  const named = withRenamed(withRenamed(known as StoredRow, "former", "rematchFrom"), "vanished", "lost");
  return { ...withRenamed(named, "recovered", "inDoubt"), estimatedBytes: 0n } as unknown as Row;
}

describe("rows of format version 1", () => {
  it("are told apart from those of this build by what the previous build stored", () => {
    for (const { tables } of states)
      for (const row of tables.ledgers.filter(({ rowKey }) => rowKey.startsWith("folder|"))) {
        const folder = readFolder({ ...row, etag: "" });
        const written: StoredRow = {
          ...folderRow(row.partitionKey as LedgerId, row.rowKey, folder),
          etag: "",
        };
        expect(written.formatVersion).toBe(2n);
        // Counters of nothing were left out.
        expect(asBefore(written)).toEqual({ leftOutItemCount: 0n, ...row });
      }
  });

  it.each(["graph", "imap"] as const)("are read at any moment of a migration to %s", async (target) => {
    const migrate = async (plan: FaultPlan, created: (migration: Migration) => void = () => undefined) => {
      vi.clearAllTimers();
      const migration = new Migration(["ann"], { target, plan, limits: { maxMessages: 2 } });
      created(migration);
      const inbox = migration.folder("INBOX");
      const work = migration.folder("Work");
      for (const n of [1, 2, 3]) inbox.add(message(n));
      for (const n of [4, 5]) work.add(message(n));
      await migration.upload();
      await migration.deployment.rest();
      inbox.messages.delete(2);
      work.add(message(2));
      work.renumber();
      await migration.sync();
      await migration.deployment.rest();
      return migration;
    };
    const clean = new FaultPlan();
    await migrate(clean);
    const failures: string[] = [];
    for (const [index, name] of clean.calls.entries()) {
      if (index % 3 !== 0) continue;
      try {
        let running: Migration | undefined;
        const replaced = () => {
          const { mailboxes, ledgers, admissions } = running?.deployment.tables ?? {};
          for (const table of [mailboxes, ledgers, admissions]) table?.rewrite(asBefore);
        };
        const plan = new FaultPlan(new Map([[index + 1, { kind: "diesBefore", meanwhile: replaced }]]));
        const migration = await migrate(plan, (begun) => {
          running = begun;
        });
        await migration.expectSettled();
      } catch (error) {
        failures.push(`call ${index + 1}, ${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
    expect(failures).toEqual([]);
  });

  it("of a newer build are a fault that passes by itself", () => {
    const [row] = states[0]?.tables.ledgers.filter(({ rowKey }) => rowKey.startsWith("folder|")) ?? [];
    const read = () => readFolder({ ...row, formatVersion: 3n, etag: "" } as unknown as StoredRow);
    let thrown: unknown;
    try {
      read();
    } catch (error) {
      thrown = error;
    }
    expect(isMigrationError(thrown) && [thrown.kind, thrown.code]).toEqual([
      "transient",
      "StoredByNewerBuild",
    ]);
  });
});

it("messages of this build and of the previous one are read, one of a newer build is not", () => {
  const sent = { batch: "spring", mailboxId: "0".repeat(32), round: 3 };
  for (const formatVersion of [undefined, 1]) {
    expect(folderSyncMessageSchema.parse({ ...sent, step: 2, formatVersion }).step).toBe(2);
  }
  const tend = { kind: "tend", batch: "spring", tick: 5 };
  expect(operationMessageSchema.parse({ ...tend, formatVersion: 1 })).toMatchObject(tend);
  expect(() => operationMessageSchema.parse({ ...tend, formatVersion: 2 })).toThrow("newer build");
  expect(() => folderSyncMessageSchema.parse({ ...sent, step: 2, formatVersion: 2 })).toThrow("newer build");
});

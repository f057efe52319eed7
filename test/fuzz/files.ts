import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { parseEndpointFile } from "../../shared/migration/endpoints/endpoint-file.ts";
import { parseBatchOptionsFile } from "../../shared/migration/upload/batch-options-file.ts";
import { openMigrationFile } from "../../shared/migration/upload/migration-file.ts";
import { validationReport } from "../../shared/migration/upload/validation-report.ts";
import { Random } from "../stack/random.ts";
import type { Fuzz } from "./fuzz.ts";
import { type Cost, gauged } from "./gauge.ts";
import { canary, csvFile, jsonFile } from "./odd-files.ts";

const megabyte = 1024 * 1024;
const limits = { blockMs: 100, memory: 200 * megabyte, report: megabyte };

/** Each reader with its files. @returns everything that an operator or a log is told. */
const readers = {
  csv: { make: csvFile, read: readCsvFile },
  options: { make: (random: Random) => Buffer.from(jsonFile(random)), read: readOptionsFile },
  endpoint: { make: (random: Random) => Buffer.from(jsonFile(random)), read: readEndpointFile },
};
type Kind = keyof typeof readers;
const kinds: readonly Kind[] = ["csv", "csv", "options", "endpoint"];

/**
 * Feeds odd files to the readers of CSV, options and endpoint files. Breaks a limit: a block of the event loop over 100 ms,
 * more than 200 MB of memory beside the file, a password in what is told of a file, a report over 1 MB, and an error that
 * was not foreseen. Such a file is kept below `.data/fuzz`.
 */
export const fuzz: Fuzz = async ({ until, seed, once }) => {
  const seen: Seen = { files: 0, bytes: 0, told: 0, blockMs: 0, memory: 0 };
  let ok = true;
  let saidAt = Date.now();
  for (let number = 0; once ? number === 0 : Date.now() < until; number++) {
    const caseSeed = once ? seed : `${seed}/${number}`;
    ok = (await tryCase(caseSeed, number % 100 === 0, seen)) && ok;
    if (Date.now() - saidAt < 60_000) continue;
    saidAt = Date.now();
    console.log(summaryOf(seen));
  }
  console.log(`${ok ? "passed" : "FAILED"} with the seed ${seed}: ${summaryOf(seen)}`);
  return ok;
};

/** The worst so far. */
interface Seen {
  files: number;
  bytes: number;
  told: number;
  blockMs: number;
  memory: number;
}

/** @param fresh true to begin without the garbage of earlier files. */
async function tryCase(seed: string, fresh: boolean, seen: Seen): Promise<boolean> {
  const random = new Random(seed);
  const kind = random.pick(kinds);
  const file = readers[kind].make(random);
  const { result: told, ...cost } = await gauged(
    () => attempted(() => readers[kind].read(file, random)),
    fresh || file.length > megabyte,
  );
  seen.files++;
  seen.bytes += file.length;
  seen.told = Math.max(seen.told, told.text.length);
  seen.blockMs = Math.max(seen.blockMs, cost.blockMs);
  seen.memory = Math.max(seen.memory, cost.memory - file.length);
  const faults = faultsOf(told, file, cost);
  if (faults.length === 0) return true;
  const folder = join(import.meta.dirname, "../../.data/fuzz");
  const path = join(folder, `${seed.replaceAll("/", "-")}.${kind}`);
  await mkdir(folder, { recursive: true });
  await writeFile(path, file);
  console.log(
    `FAILED with the seed ${seed} (${kind}, ${file.length} bytes, kept as ${path}): ${faults.join("; ")}`,
  );
  return false;
}

interface Told {
  readonly text: string;
  /** The name of an error that was not foreseen, and where it came from. */
  readonly crash?: string;
}

async function attempted(read: () => Promise<string>): Promise<Told> {
  try {
    return { text: await read() };
  } catch (error) {
    const frames = error instanceof Error ? (error.stack ?? "").split("\n").slice(1, 3).join(" ") : "";
    return { text: "", crash: `${error instanceof Error ? error.name : typeof error}${frames}` };
  }
}

async function readCsvFile(bytes: Buffer, random: Random): Promise<string> {
  const rules = {
    allowUnknownColumns: random.chance(0.5),
    authentication: random.chance(0.8) ? ("password" as const) : ("xoauth2" as const),
  };
  const pieces = Readable.from(piecesOf(bytes), { objectMode: false });
  const file = await openMigrationFile(pieces, rules);
  if ("issues" in file) return textOf(validationReport(file.issues));
  async function* issues() {
    if ("warnings" in file) yield* file.warnings;
    if ("rows" in file) for await (const row of file.rows()) if ("issues" in row) yield* row.issues;
  }
  return textOf(validationReport(issues()));
}

async function readOptionsFile(bytes: Buffer): Promise<string> {
  const parsed = parseBatchOptionsFile(textIn(bytes));
  return "issues" in parsed ? JSON.stringify(parsed.issues) : "";
}

async function readEndpointFile(bytes: Buffer): Promise<string> {
  const parsed = parseEndpointFile(textIn(bytes));
  return "issues" in parsed ? JSON.stringify(parsed.issues) : "";
}

/** Of a settings file no more is read from storage. */
function textIn(bytes: Buffer): string {
  return new TextDecoder().decode(bytes.subarray(0, megabyte + 1));
}

function* piecesOf(bytes: Buffer): Generator<Buffer> {
  for (let start = 0; start < bytes.length; start += 65_536) yield bytes.subarray(start, start + 65_536);
}

async function textOf(pieces: AsyncIterable<string>): Promise<string> {
  const texts: string[] = [];
  for await (const piece of pieces) texts.push(piece);
  return texts.join("");
}

function faultsOf({ text, crash }: Told, file: Buffer, { blockMs, memory }: Cost): string[] {
  return [
    ...(crash === undefined ? [] : [`not foreseen: ${crash}`]),
    ...(text.includes(canary) ? ["tells a password"] : []),
    ...(text.length > limits.report ? [`a report of ${text.length} characters`] : []),
    ...(blockMs > limits.blockMs ? [`a block of ${blockMs.toFixed(0)} ms`] : []),
    ...(memory - file.length > limits.memory ? [`${inMegabytes(memory - file.length)} beside the file`] : []),
  ];
}

function summaryOf({ files, bytes, told, blockMs, memory }: Seen): string {
  return `${files} files, ${inMegabytes(bytes)}; longest block ${blockMs.toFixed(0)} ms, most memory beside the file ${inMegabytes(memory)}, longest report ${told} characters`;
}

function inMegabytes(bytes: number): string {
  return `${(bytes / megabyte).toFixed(1)} MB`;
}

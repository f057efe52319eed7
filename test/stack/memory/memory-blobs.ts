import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import type { BatchName, EndpointName, MailboxId } from "../../../shared/domain/names.ts";
import type { SnapshotStore } from "../../../shared/migration/ports/batch-state.ts";
import type {
  EndpointFile,
  EndpointStore,
  ReportFile,
  ReportName,
  ReportStore,
  UploadedFile,
  UploadStore,
} from "../../../shared/migration/ports/blobs.ts";
import type {
  MailboxFiles,
  RehearsedFolder,
  UndoProgress,
} from "../../../shared/migration/ports/mailbox-files.ts";
import type { MailboxSummary } from "../../../shared/migration/ports/registry.ts";
import type { SweepRecord } from "../../../shared/migration/ports/sweep-record.ts";
import type { VerificationStore } from "../../../shared/migration/ports/verification-store.ts";

interface Blob {
  readonly text: string;
  readonly version: string;
  readonly modifiedAt: number;
}

/** The containers of the application, in memory; names are compared exactly. */
export class MemoryBlobs {
  readonly #uploads = new Map<string, Blob>();
  readonly #reports = new Map<string, string>();
  #versions = 0;

  readonly uploads: UploadStore = new MemoryUploads(this.#uploads);
  readonly endpoints: EndpointStore = new MemoryEndpoints();
  readonly reports: ReportStore = new MemoryReports(this.#reports);
  readonly sweeps: SweepRecord = new MemorySweepRecord();
  readonly snapshots: SnapshotStore = new MemorySnapshots();
  readonly verifications: VerificationStore = new MemoryMailboxFiles();
  readonly rehearsals: MailboxFiles<readonly RehearsedFolder[]> = new MemoryMailboxFiles();
  readonly undos: MailboxFiles<UndoProgress> = new MemoryMailboxFiles();

  upload(name: string, text: string): void {
    this.#uploads.set(name, { text, version: String(++this.#versions), modifiedAt: Date.now() });
  }

  report(batch: BatchName, report: ReportName): string | undefined {
    return this.#reports.get(`${batch}/${report}`);
  }
}

class MemoryUploads implements UploadStore {
  readonly #blobs: Map<string, Blob>;

  constructor(blobs: Map<string, Blob>) {
    this.#blobs = blobs;
  }

  async *list(): AsyncGenerator<UploadedFile> {
    for (const [name, blob] of [...this.#blobs]) if (!name.endsWith(".json")) yield fileOf(name, blob);
  }

  async open(name: string): Promise<{ readonly file: UploadedFile; readonly content: Readable } | undefined> {
    const blob = this.#blobs.get(name);
    return blob && { file: fileOf(name, blob), content: Readable.from([Buffer.from(blob.text)]) };
  }

  async readOptions(csvName: string): Promise<string | undefined> {
    return this.#blobs.get(csvName.replace(/\.csv$/, ".json"))?.text;
  }

  async write(name: string, content: Uint8Array): Promise<void> {
    const text = Buffer.from(content).toString("utf8");
    this.#blobs.set(name, { text, version: randomUUID(), modifiedAt: Date.now() });
  }

  async remove(name: string, version: string): Promise<boolean> {
    const blob = this.#blobs.get(name);
    if (blob !== undefined && blob.version !== version) return false;
    this.#blobs.delete(name);
    return true;
  }
}

class MemorySweepRecord implements SweepRecord {
  #beganAt: number | undefined;

  async age(): Promise<number | undefined> {
    return this.#beganAt === undefined ? undefined : Date.now() - this.#beganAt;
  }

  async begin(minAgeMs: number): Promise<boolean> {
    if (this.#beganAt !== undefined && Date.now() - this.#beganAt < minAgeMs) return false;
    this.#beganAt = Date.now();
    return true;
  }
}

class MemorySnapshots implements SnapshotStore {
  readonly #files = new Map<BatchName, { readonly version: string; readonly text: string }>();
  #versions = 0;

  async read(batch: BatchName) {
    const file = this.#files.get(batch);
    return file && { version: file.version, mailboxes: JSON.parse(file.text) as readonly MailboxSummary[] };
  }

  async write(batch: BatchName, mailboxes: readonly MailboxSummary[], replaces: string | undefined) {
    if (this.#files.get(batch)?.version !== replaces) return undefined;
    const version = String(++this.#versions);
    this.#files.set(batch, { version, text: JSON.stringify(mailboxes) });
    return version;
  }

  async delete(batch: BatchName): Promise<void> {
    this.#files.delete(batch);
  }
}

class MemoryMailboxFiles<Content> implements MailboxFiles<Content> {
  readonly #files = new Map<string, string>();

  async read(batch: BatchName, mailbox: MailboxId) {
    const text = this.#files.get(`${batch}/${mailbox}`);
    return text === undefined ? undefined : (JSON.parse(text) as Content);
  }

  async write(batch: BatchName, mailbox: MailboxId, content: Content): Promise<void> {
    this.#files.set(`${batch}/${mailbox}`, JSON.stringify(content));
  }

  async deleteAll(batch: BatchName): Promise<void> {
    for (const name of [...this.#files.keys()]) if (name.startsWith(`${batch}/`)) this.#files.delete(name);
  }
}

class MemoryEndpoints implements EndpointStore {
  readonly #files = new Map<string, EndpointFile>();
  #versions = 0;

  async read(name: EndpointName): Promise<EndpointFile | undefined> {
    return this.#files.get(name);
  }

  async write(name: EndpointName, text: string, replaces: string | undefined): Promise<string | undefined> {
    if (this.#files.get(name)?.version !== replaces) return undefined;
    const version = `"${++this.#versions}"`;
    this.#files.set(name, { text, version });
    return version;
  }

  async delete(name: EndpointName, version: string): Promise<boolean> {
    const file = this.#files.get(name);
    if (file !== undefined && file.version !== version) return false;
    this.#files.delete(name);
    return true;
  }

  async list(): Promise<readonly EndpointName[]> {
    return [...this.#files.keys()] as EndpointName[];
  }
}

class MemoryReports implements ReportStore {
  readonly #files: Map<string, string>;
  readonly #staged = new Map<string, string>();

  constructor(files: Map<string, string>) {
    this.#files = files;
  }

  async list(batch: BatchName): Promise<readonly ReportFile[]> {
    const names = [...this.#files.keys()].filter((name) => name.startsWith(`${batch}/`));
    return names.map((name) => ({
      name: name.slice(batch.length + 1),
      size: this.#files.get(name)?.length ?? 0,
      modifiedAt: 0,
    }));
  }

  async open(batch: BatchName, name: string) {
    const text = this.#files.get(`${batch}/${name}`);
    if (text === undefined) return undefined;
    return { file: { name, size: text.length, modifiedAt: 0 }, content: Readable.from([Buffer.from(text)]) };
  }

  async write(batch: BatchName, report: ReportName, content: AsyncIterable<string>): Promise<void> {
    this.#files.set(`${batch}/${report}`, await textOf(content));
  }

  async stage(
    batch: BatchName,
    report: ReportName,
    edition: string,
    part: number,
    content: AsyncIterable<string>,
  ): Promise<void> {
    const text = await textOf(content);
    if (text !== "") this.#staged.set(`${batch}/${report} ${edition} ${part}`, text);
  }

  async staged(batch: BatchName, report: ReportName, edition: string): Promise<ReadonlySet<number>> {
    const prefix = `${batch}/${report} ${edition} `;
    const names = [...this.#staged.keys()].filter((name) => name.startsWith(prefix));
    return new Set(names.map((name) => Number(name.slice(prefix.length))));
  }

  async commit(batch: BatchName, report: ReportName, edition: string): Promise<void> {
    const parts = [...(await this.staged(batch, report, edition))].sort((a, b) => a - b);
    const texts = parts.map((part) => this.#staged.get(`${batch}/${report} ${edition} ${part}`) ?? "");
    this.#files.set(`${batch}/${report}`, texts.join(""));
    for (const name of [...this.#staged.keys()])
      if (name.startsWith(`${batch}/${report} `)) this.#staged.delete(name);
  }

  async writeRejected(file: string, content: AsyncIterable<string>): Promise<void> {
    this.#files.set(`_rejected/${file}/validation`, await textOf(content));
  }

  async deleteAll(batch: BatchName): Promise<void> {
    for (const name of [...this.#files.keys()]) if (name.startsWith(`${batch}/`)) this.#files.delete(name);
  }
}

async function textOf(content: AsyncIterable<string>): Promise<string> {
  let text = "";
  for await (const piece of content) text += piece;
  return text;
}

function fileOf(name: string, { text, ...blob }: Blob): UploadedFile {
  return { ...blob, name, size: text.length };
}

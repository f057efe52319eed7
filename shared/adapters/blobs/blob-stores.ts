import { endpointNameSchema } from "../../domain/names.ts";
import type { SnapshotStore } from "../../migration/ports/batch-state.ts";
import type { EndpointStore, ReportStore, UploadStore } from "../../migration/ports/blobs.ts";
import type { Leases } from "../../migration/ports/leases.ts";
import type { MailboxFiles, RehearsedFolder, UndoProgress } from "../../migration/ports/mailbox-files.ts";
import type { Probed } from "../../migration/ports/probed.ts";
import type { SweepRecord } from "../../migration/ports/sweep-record.ts";
import type { TargetTestRecords } from "../../migration/ports/target-test-records.ts";
import type { VerificationStore } from "../../migration/ports/verification-store.ts";
import type { StorageSettings } from "../azure-storage.ts";
import { Container, type StoredBlob } from "./container.ts";
import { createLeases } from "./leases.ts";
import { createMailboxFiles } from "./mailbox-files.ts";
import { createSnapshotStore } from "./snapshot-store.ts";
import { createSweepRecord } from "./sweep-record.ts";
import { createTargetTestRecords } from "./target-test-records.ts";

export interface BlobStores extends Probed {
  readonly uploads: UploadStore;
  readonly endpoints: EndpointStore;
  readonly reports: ReportStore;
  readonly sweeps: SweepRecord;
  readonly leases: Leases;
  readonly targetTests: TargetTestRecords;
  readonly snapshots: SnapshotStore;
  readonly verifications: VerificationStore;
  readonly rehearsals: MailboxFiles<readonly RehearsedFolder[]>;
  readonly undos: MailboxFiles<UndoProgress>;
  /** Creates the containers that are missing. Repeatable. @throws MigrationError */
  createContainers(): Promise<void>;
}

/** The stores on Azure Blob Storage. Opens no connection before the first call. */
export function createBlobStores(settings: StorageSettings): BlobStores {
  const uploads = new Container(settings, "uploads");
  const endpoints = new Container(settings, "endpoints");
  const reports = new Container(settings, "reports");
  const coordination = new Container(settings, "coordination");
  return {
    uploads: createUploadStore(uploads),
    endpoints: createEndpointStore(endpoints),
    reports: createReportStore(reports),
    sweeps: createSweepRecord(coordination),
    leases: createLeases(coordination),
    targetTests: createTargetTestRecords(coordination),
    snapshots: createSnapshotStore(coordination),
    verifications: createMailboxFiles(coordination, "verification"),
    rehearsals: createMailboxFiles(coordination, "rehearsal"),
    undos: createMailboxFiles(coordination, "undo"),
    async probe() {
      await Promise.all(
        [uploads, endpoints, reports, coordination].map((container) => container.properties("probe")),
      );
    },
    async createContainers() {
      await Promise.all([uploads, endpoints, reports, coordination].map((container) => container.create()));
    },
  };
}

const csvExtension = /\.csv$/i;
const jsonExtension = /\.json$/i;

function createUploadStore(container: Container): UploadStore {
  const fileOf = ({ etag, ...blob }: StoredBlob) => ({ ...blob, version: etag });
  return {
    async *list() {
      for await (const blob of container.list()) if (!jsonExtension.test(blob.name)) yield fileOf(blob);
    },
    async open(name) {
      const opened = await container.open(name);
      return opened && { file: fileOf(opened.blob), content: opened.content };
    },
    async readOptions(csvName) {
      const name = await container.findName(csvName.replace(csvExtension, ".json"));
      return name === undefined ? undefined : (await container.readText(name))?.text;
    },
    write: (name, content) =>
      container.writeBytes(name, jsonExtension.test(name) ? "application/json" : "text/csv", content),
    remove: (name, version) => container.remove(name, version),
  };
}

function createEndpointStore(container: Container): EndpointStore {
  return {
    async read(name) {
      const found = await container.findName(`${name}.json`);
      return found === undefined ? undefined : container.readText(found);
    },
    async write(name, text, replaces) {
      const found = await container.findName(`${name}.json`);
      return container.writeText(found ?? `${name}.json`, "application/json", text, replaces);
    },
    async delete(name, version) {
      const found = await container.findName(`${name}.json`);
      if (found !== undefined && !(await container.remove(found, version))) return false;
      // The same name in another spelling would come back to light.
      for await (const blob of container.list())
        if (blob.name.toLowerCase() === `${name}.json`) await container.remove(blob.name);
      return true;
    },
    async list() {
      const names = new Set<string>();
      for await (const blob of container.list())
        if (jsonExtension.test(blob.name)) names.add(blob.name.replace(jsonExtension, ""));
      const parsed = [...names].map((name) => endpointNameSchema.safeParse(name));
      return [...new Set(parsed.flatMap(({ data }) => data ?? []))];
    },
  };
}

/** Longest name of a blob; what is cut off does not matter for finding the report of a file. */
const maxNameLength = 900;

/** A block of a part of a report; the last one of its part says so. */
interface Block {
  readonly part: number;
  readonly index: number;
  readonly ends: boolean;
}

/** As long as those that the SDK makes: all blocks of a blob have to be. */
const blockIdLength = 48;

function blockId(edition: string, { part, index, ends }: Block): string {
  const text = `${edition.slice(0, 12)} ${part} ${index} ${ends ? "end" : ""}`;
  return Buffer.from(text.padEnd(blockIdLength)).toString("base64");
}

function blockOf(edition: string, id: string): Block | undefined {
  const [of, part, index, end] = Buffer.from(id, "base64").toString().split(" ");
  return of === edition.slice(0, 12)
    ? { part: Number(part), index: Number(index), ends: end === "end" }
    : undefined;
}

function createReportStore(container: Container): ReportStore {
  const writeCsv = (name: string, content: AsyncIterable<string>) =>
    container.write(`${name}.csv`, "text/csv; charset=utf-8", content);
  const fileOf = ({ name, size, modifiedAt }: StoredBlob) => ({
    name: name.slice(name.lastIndexOf("/") + 1).replace(csvExtension, ""),
    size,
    modifiedAt,
  });
  return {
    async list(batch) {
      const files = [];
      for await (const blob of container.list(`${batch}/`)) files.push(fileOf(blob));
      return files;
    },
    async open(batch, name) {
      const opened = await container.open(`${batch}/${name}.csv`);
      return opened && { file: fileOf(opened.blob), content: opened.content };
    },
    write: (batch, report, content) => writeCsv(`${batch}/${report}`, content),
    stage: (batch, report, edition, part, content) =>
      container.stage(`${batch}/${report}.csv`, content, (index, ends) =>
        blockId(edition, { part, index, ends }),
      ),
    async staged(batch, report, edition) {
      const blocks = await container.staged(`${batch}/${report}.csv`);
      const known = blocks.flatMap((id) => blockOf(edition, id) ?? []);
      return new Set(known.filter(({ ends }) => ends).map(({ part }) => part));
    },
    async commit(batch, report, edition) {
      const name = `${batch}/${report}.csv`;
      const blocks = (await container.staged(name)).flatMap((id) => blockOf(edition, id) ?? []);
      const ends = new Map<number, number>();
      for (const { part, index, ends: isEnd } of blocks)
        if (isEnd) ends.set(part, Math.min(index, ends.get(part) ?? index));
      // An attempt that did not end may have left more pieces than there are.
      const wanted = blocks
        .filter(
          ({ part, index, ends: isEnd }) =>
            isEnd === (index === ends.get(part)) && index <= (ends.get(part) ?? -1),
        )
        .sort((a, b) => a.part - b.part || a.index - b.index);
      const ids = wanted.map((block) => blockId(edition, block));
      await container.commit(name, "text/csv; charset=utf-8", ids);
    },
    writeRejected: (file, content) =>
      writeCsv(`_rejected/${file.slice(0, maxNameLength)}/validation`, content),
    async deleteAll(batch) {
      for await (const blob of container.list(`${batch}/`)) await container.remove(blob.name);
    },
  };
}

import type { Readable } from "node:stream";
import type { BatchName, EndpointName } from "../../domain/names.ts";

/** A file in the `uploads` container. */
export interface UploadedFile {
  /** Blob name, `{endpoint}/{batch}.csv` or whatever an operator put there, in their spelling. */
  readonly name: string;
  readonly version: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

export interface UploadStore {
  /** All files waiting in the container but options, CSV or not. */
  list(): AsyncIterable<UploadedFile>;
  /** Undefined if the file is gone. The stream reads exactly the returned version. */
  open(name: string): Promise<{ readonly file: UploadedFile; readonly content: Readable } | undefined>;
  /** Text of `{endpoint}/{batch}.json` beside the CSV; undefined if there is none. */
  readOptions(csvName: string): Promise<string | undefined>;
  /** Writes a file over whatever lies there; the trigger reads it. Repeatable. */
  write(name: string, content: Uint8Array): Promise<void>;
  /** Removes a file if it is still the version that was read. @returns false if a newer one lies there. */
  remove(name: string, version: string): Promise<boolean>;
}

/** A file in the `endpoints` container. */
export interface EndpointFile {
  readonly text: string;
  /** ETag of the file, in quotes. */
  readonly version: string;
}

/** Endpoint files, whose names are compared without regard to case. */
export interface EndpointStore {
  /** `endpoints/{endpoint}.json`; undefined if there is none. */
  read(name: EndpointName): Promise<EndpointFile | undefined>;
  /**
   * Writes the file if it is still the version that was read; repeatable.
   * @param replaces the version to replace, or undefined where there was no file.
   * @returns the new version, or undefined if somebody else wrote a file meanwhile.
   */
  write(name: EndpointName, text: string, replaces: string | undefined): Promise<string | undefined>;
  /** Removes the file if it is still this version. @returns false if there is another version by now. Repeatable. */
  delete(name: EndpointName, version: string): Promise<boolean>;
  list(): Promise<readonly EndpointName[]>;
}

export type ReportName =
  | "validation"
  | "mailboxes"
  | "failed-mailboxes"
  | "skipped-items"
  | "verification"
  | "rehearsal"
  | "undo";

/** A report as it lies in the container. */
export interface ReportFile {
  /** Without `.csv`. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

export interface ReportStore {
  /** The reports of a batch, by name. */
  list(batch: BatchName): Promise<readonly ReportFile[]>;
  /** A report; undefined if it was not written yet. The stream reads one version. */
  open(
    batch: BatchName,
    name: string,
  ): Promise<{ readonly file: ReportFile; readonly content: Readable } | undefined>;
  /** Writes `reports/{batch}/{report}.csv` as a whole, streaming. Repeatable. */
  write(batch: BatchName, report: ReportName, content: AsyncIterable<string>): Promise<void>;
  /**
   * Keeps a part of a report until all of them are there; streaming. Repeatable: over what was kept of this part before.
   * @param edition what the report shows, at least 12 letters and digits long: parts of another one are not mixed with it.
   * @param part 0 to 15.
   */
  stage(
    batch: BatchName,
    report: ReportName,
    edition: string,
    part: number,
    content: AsyncIterable<string>,
  ): Promise<void>;
  /** Parts of an edition that are kept as a whole. */
  staged(batch: BatchName, report: ReportName, edition: string): Promise<ReadonlySet<number>>;
  /** Writes the report of the parts that are kept, in their order. @throws MigrationError `transient` if none is left. */
  commit(batch: BatchName, report: ReportName, edition: string): Promise<void>;
  /**
   * Writes the report of an uploaded file that belongs to no batch, `reports/_rejected/{file}/validation.csv`, as a
   * whole. No batch has such a name. Repeatable.
   */
  writeRejected(file: string, content: AsyncIterable<string>): Promise<void>;
  /** Removes all reports of a batch. Repeatable. */
  deleteAll(batch: BatchName): Promise<void>;
}

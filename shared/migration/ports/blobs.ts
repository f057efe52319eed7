import type { Readable } from "node:stream";
import type { BatchName, EndpointName } from "../../domain/names.ts";

/** A file in the `uploads` container. */
export interface UploadedFile {
  /** Blob name, `{endpoint}/{batch}.csv`, in the operator's spelling. */
  readonly name: string;
  readonly version: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

export interface UploadStore {
  /** All CSV files waiting in the container. */
  list(): AsyncIterable<UploadedFile>;
  /** Undefined if the file is gone. The stream reads exactly the returned version. */
  open(name: string): Promise<{ readonly file: UploadedFile; readonly content: Readable } | undefined>;
  /** Text of `{endpoint}/{batch}.json` beside the CSV; undefined if there is none. */
  readOptions(csvName: string): Promise<string | undefined>;
  /** Removes the CSV if it is still the version that was read. @returns false if a newer one lies there. */
  remove(name: string, version: string): Promise<boolean>;
}

export interface EndpointStore {
  /** Text of `endpoints/{endpoint}.json` (name compared without regard to case); undefined if there is none. */
  read(name: EndpointName): Promise<string | undefined>;
  write(name: EndpointName, text: string): Promise<void>;
  /** Repeatable. */
  delete(name: EndpointName): Promise<void>;
  list(): Promise<readonly EndpointName[]>;
}

export type ReportName = "validation" | "mailboxes" | "skipped-items" | "verification";

export interface ReportStore {
  /** Writes `reports/{batch}/{report}.csv` as a whole, streaming. Repeatable. */
  write(batch: BatchName, report: ReportName, content: AsyncIterable<string>): Promise<void>;
  /** Removes all reports of a batch. Repeatable. */
  deleteAll(batch: BatchName): Promise<void>;
}

import type { Readable } from "node:stream";
import { type BatchOptions, defaultBatchOptions } from "../../domain/batch-options.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { EndpointName } from "../../domain/names.ts";
import { parseEndpointFile } from "../endpoints/endpoint-file.ts";
import type { SettingIssue } from "../endpoints/json-file.ts";
import type { EndpointStore, UploadStore } from "../ports/blobs.ts";
import type { BatchStore } from "../ports/registry.ts";
import { parseBatchOptionsFile } from "./batch-options-file.ts";
import { fileIssue, type Rejected, type UploadIssue } from "./issues.ts";
import { type MigrationFile, openMigrationFile } from "./migration-file.ts";
import type { UploadName } from "./upload-name.ts";

/** An uploaded file that is sound as a whole, with what its rows are read by. */
export interface ReadUpload {
  readonly file: MigrationFile;
  readonly endpoint: Endpoint;
  /** Those of the file beside it; undefined where there is none. */
  readonly options: BatchOptions | undefined;
}

/**
 * Reads a CSV by its endpoint, and by the options beside it or those its batch has. Nothing is changed.
 * @throws MigrationError of a store, and what `content` throws.
 */
export type UploadReader = (
  name: UploadName,
  blobName: string,
  content: Readable,
) => Promise<ReadUpload | Rejected>;

export function createUploadReader(parts: {
  readonly uploads: UploadStore;
  readonly endpoints: EndpointStore;
  readonly batches: BatchStore;
}): UploadReader {
  const { uploads, endpoints, batches } = parts;

  async function readOptions(blobName: string): Promise<{ readonly options?: BatchOptions } | Rejected> {
    const text = await uploads.readOptions(blobName);
    if (text === undefined) return {};
    const parsed = parseBatchOptionsFile(text);
    return "value" in parsed ? { options: parsed.value } : { issues: optionIssues(parsed.issues) };
  }

  async function readEndpoint(name: EndpointName): Promise<{ readonly endpoint: Endpoint } | Rejected> {
    const file = await endpoints.read(name);
    if (file === undefined)
      return {
        issues: [
          fileIssue(
            "EndpointNotFound",
            `There is no file endpoints/${name}.json. Upload it, then this file again.`,
          ),
        ],
      };
    const parsed = parseEndpointFile(file.text);
    return "value" in parsed
      ? { endpoint: parsed.value }
      : { issues: settingIssues("EndpointInvalid", `The file endpoints/${name}.json`, parsed.issues) };
  }

  return async (name, blobName, content) => {
    const source = await readEndpoint(name.endpoint);
    const settings = await readOptions(blobName);
    if ("issues" in source || "issues" in settings)
      return { issues: [source, settings].flatMap((read) => ("issues" in read ? read.issues : [])) };

    const prior = await batches.get(name.batch);
    const { allowUnknownColumns } = settings.options ?? prior?.value.options ?? defaultBatchOptions;
    const { authentication } = source.endpoint;
    const file = await openMigrationFile(content, { allowUnknownColumns, authentication });
    return "issues" in file ? file : { file, endpoint: source.endpoint, options: settings.options };
  };
}

/** What is wrong with the options of a batch. */
export function optionIssues(issues: readonly SettingIssue[]): readonly UploadIssue[] {
  return settingIssues("BatchOptionsInvalid", "The batch's options file", issues);
}

function settingIssues(code: string, file: string, issues: readonly SettingIssue[]): UploadIssue[] {
  return issues.map(({ path, message }) =>
    fileIssue(code, path === "" ? `${file}: ${message}` : `${file}, setting "${path}": ${message}`),
  );
}

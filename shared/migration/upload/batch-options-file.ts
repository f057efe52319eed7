import { type BatchOptions, batchOptionsSchema } from "../../domain/batch-options.ts";
import { type ParsedFile, parseJsonFile } from "../endpoints/json-file.ts";

/** Reads `uploads/{endpoint}/{batch}.json`. @returns the options with defaults, or what is wrong with which key. Pure. */
export function parseBatchOptionsFile(text: string): ParsedFile<BatchOptions> {
  return parseJsonFile(batchOptionsSchema, text, Object.keys(batchOptionsSchema.shape));
}

import { type Endpoint, endpointSchema } from "../../domain/endpoint.ts";
import { type ParsedFile, parseJsonFile } from "./json-file.ts";

/** Reads `endpoints/{endpoint}.json`. @returns the settings with defaults, or what is wrong with which key. Pure. */
export function parseEndpointFile(text: string): ParsedFile<Endpoint> {
  return parseJsonFile(endpointSchema, text, Object.keys(endpointSchema.shape));
}

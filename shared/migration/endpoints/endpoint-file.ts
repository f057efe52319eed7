import { type Endpoint, endpointSchema, formerEndpointKeys } from "../../domain/endpoint.ts";
import { providerOf } from "../../domain/providers.ts";
import { type ParsedFile, parseJsonFile } from "./json-file.ts";

/**
 * Reads `endpoints/{endpoint}.json`. Pure.
 * @returns the settings, with defaults and with what a well-known provider allows where the file says nothing; or what is
 * wrong with which key.
 */
export function parseEndpointFile(text: string): ParsedFile<Endpoint> {
  const parsed = parseJsonFile(endpointSchema, text, Object.keys(endpointSchema.shape), formerEndpointKeys);
  if ("issues" in parsed) return parsed;
  const { maxBytesPerDayPerMailbox = providerOf(parsed.value.host)?.maxBytesPerDay, ...settings } =
    parsed.value;
  return {
    value: { ...settings, ...(maxBytesPerDayPerMailbox === undefined ? {} : { maxBytesPerDayPerMailbox }) },
  };
}

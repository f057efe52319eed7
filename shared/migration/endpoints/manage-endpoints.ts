import type { Endpoint } from "../../domain/endpoint.ts";
import type { EndpointName } from "../../domain/names.ts";
import type { EndpointFile, EndpointStore } from "../ports/blobs.ts";
import type { BatchStore } from "../ports/registry.ts";
import { parseEndpointFile } from "./endpoint-file.ts";
import type { SettingIssue } from "./json-file.ts";

/** An endpoint as it is stored: its settings with defaults, or what is wrong with them. */
export type StoredEndpoint = {
  readonly name: EndpointName;
  /** In quotes, as an HTTP ETag is. */
  readonly version: string;
} & ({ readonly settings: Endpoint } | { readonly issues: readonly SettingIssue[] });

/** Which version of an endpoint a caller means: one by its ETag, whichever is there (`*`), or none was named. */
export type ExpectedVersion = string | undefined;

export type PutOutcome =
  | { readonly outcome: "created" | "replaced"; readonly version: string; readonly settings: Endpoint }
  | { readonly outcome: "invalid"; readonly issues: readonly SettingIssue[] }
  /** There is an endpoint of this name, and the caller did not say which version to replace. */
  | { readonly outcome: "exists" }
  /** The endpoint is not the version that the caller meant. */
  | { readonly outcome: "changed" };

export type DeleteOutcome =
  | { readonly outcome: "deleted" | "notFound" | "changed" }
  /** Batches need the endpoint: their names as operators wrote them. */
  | { readonly outcome: "inUse"; readonly batches: readonly string[] };

/** What an operator does with endpoints by way of the API; files in the container mean the same. */
export interface EndpointManagement {
  /** Every endpoint by name. */
  list(): Promise<readonly StoredEndpoint[]>;
  get(name: EndpointName): Promise<StoredEndpoint | undefined>;
  /**
   * Stores the settings in `text`, which are held to the same rules as an uploaded file. Repeatable: settings that are
   * stored already are no change.
   */
  put(name: EndpointName, text: string, expected: ExpectedVersion): Promise<PutOutcome>;
  /** Removes an endpoint that no batch uses. A batch that is uploaded in the same moment is told that there is none. */
  delete(name: EndpointName, expected: ExpectedVersion): Promise<DeleteOutcome>;
}

export function createEndpointManagement(
  store: EndpointStore,
  batches: Pick<BatchStore, "list">,
): EndpointManagement {
  async function get(name: EndpointName): Promise<StoredEndpoint | undefined> {
    const file = await store.read(name);
    return file && describe(name, file);
  }

  return {
    async list() {
      const found: StoredEndpoint[] = [];
      for (const name of (await store.list()).toSorted()) {
        const endpoint = await get(name);
        if (endpoint) found.push(endpoint);
      }
      return found;
    },
    get,
    async put(name, text, expected) {
      const parsed = parseEndpointFile(text);
      if ("issues" in parsed) return { outcome: "invalid", issues: parsed.issues };
      const settings = parsed.value;
      const stored = await store.read(name);
      if (stored?.text === text) return { outcome: "replaced", version: stored.version, settings };
      if (stored && expected === undefined) return { outcome: "exists" };
      if (!isExpected(stored, expected)) return { outcome: "changed" };
      const version = await store.write(name, text, stored?.version);
      if (version !== undefined) return { outcome: stored ? "replaced" : "created", version, settings };
      return { outcome: expected === undefined ? "exists" : "changed" };
    },
    async delete(name, expected) {
      const stored = await store.read(name);
      if (stored === undefined) return { outcome: "notFound" };
      if (expected !== undefined && !isExpected(stored, expected)) return { outcome: "changed" };
      const using = (await batches.list()).filter(({ endpoint }) => endpoint === name);
      if (using.length > 0) return { outcome: "inUse", batches: using.map(({ displayName }) => displayName) };
      return { outcome: (await store.delete(name, stored.version)) ? "deleted" : "changed" };
    },
  };
}

function isExpected(stored: EndpointFile | undefined, expected: ExpectedVersion): boolean {
  if (stored === undefined || expected === undefined) return stored === expected;
  return expected === "*" || expected === stored.version;
}

function describe(name: EndpointName, { text, version }: EndpointFile): StoredEndpoint {
  const parsed = parseEndpointFile(text);
  return "value" in parsed
    ? { name, version, settings: parsed.value }
    : { name, version, issues: parsed.issues };
}

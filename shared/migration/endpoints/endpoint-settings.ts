import type { Endpoint } from "../../domain/endpoint.ts";
import { MigrationError } from "../../domain/errors.ts";
import type { EndpointName } from "../../domain/names.ts";
import type { EndpointStore } from "../ports/blobs.ts";
import type { Clock } from "../runtime.ts";
import { parseEndpointFile } from "./endpoint-file.ts";

/** Endpoint settings change rarely and are needed by every message: one read in this many milliseconds. */
const cacheMs = 30_000;

export interface Endpoints {
  /**
   * Settings of an endpoint, at most 30 seconds old.
   * @throws MigrationError `mailbox`/`EndpointNotFound` or `EndpointInvalid`, naming the file and every bad key.
   */
  get(name: EndpointName): Promise<Endpoint>;
}

/** Reads and checks endpoint files. */
export function createEndpoints(store: EndpointStore, clock: Clock): Endpoints {
  const cache = new Map<EndpointName, { readonly endpoint: Endpoint; readonly until: number }>();
  return {
    async get(name) {
      const cached = cache.get(name);
      if (cached && cached.until > clock()) return cached.endpoint;
      const file = await store.read(name);
      if (file === undefined)
        throw new MigrationError(
          "mailbox",
          "EndpointNotFound",
          `There is no file endpoints/${name}.json. Upload it, then retry the batch.`,
        );
      const endpoint = parseEndpoint(name, file.text);
      cache.set(name, { endpoint, until: clock() + cacheMs });
      return endpoint;
    },
  };
}

function parseEndpoint(name: EndpointName, text: string): Endpoint {
  const parsed = parseEndpointFile(text);
  if ("value" in parsed) return parsed.value;
  const what = parsed.issues
    .map(({ path, message }) => (path === "" ? message : `${path}: ${message}`))
    .join(" ");
  throw new MigrationError("mailbox", "EndpointInvalid", `endpoints/${name}.json needs attention. ${what}`);
}

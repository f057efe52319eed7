import type { Endpoint } from "../../domain/endpoint.ts";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { EndpointName } from "../../domain/names.ts";
import type { EndpointStore } from "../ports/blobs.ts";
import type { Clock } from "../runtime.ts";
import { parseEndpointFile } from "./endpoint-file.ts";
import { opensAt, outsideReadingHours } from "./reading-hours.ts";

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

/** Why nothing of an endpoint is read now, and when that is over, milliseconds since 1970. */
export interface EndpointPause extends Pick<MigrationError, "code" | "message"> {
  readonly until: number;
}

/**
 * The pause of an endpoint outside its reading hours; undefined if it may be read now, or its settings cannot be told.
 * @param now milliseconds since 1970. @throws MigrationError `transient` or `throttled`.
 */
export async function endpointPause(
  endpoints: Endpoints,
  name: EndpointName,
  now: number,
): Promise<EndpointPause | undefined> {
  try {
    const { readingHours } = await endpoints.get(name);
    const until = readingHours && opensAt(readingHours, now);
    if (readingHours === undefined || until === undefined) return undefined;
    const { code, message } = outsideReadingHours(name, readingHours, until, now);
    return { code, message, until };
  } catch (error) {
    if (isMigrationError(error) && error.kind === "mailbox") return undefined;
    throw error;
  }
}

function parseEndpoint(name: EndpointName, text: string): Endpoint {
  const parsed = parseEndpointFile(text);
  if ("value" in parsed) return parsed.value;
  const what = parsed.issues
    .map(({ path, message }) => (path === "" ? message : `${path}: ${message}`))
    .join(" ");
  throw new MigrationError("mailbox", "EndpointInvalid", `endpoints/${name}.json needs attention. ${what}`);
}

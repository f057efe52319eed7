import { AzureCliCredential } from "@azure/identity";
import { z } from "zod";

/** The services that the scripts call, in Azure's public cloud. */
export const services = {
  graph: "https://graph.microsoft.com",
  resourceManager: "https://management.azure.com",
  logAnalytics: "https://api.loganalytics.io",
} as const;

/** An answer other than success. The message is the service's own. */
export class RestError extends Error {
  override readonly name = "RestError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/**
 * One call to a JSON service.
 * @param path begins with `/`; appended to the service's base URL.
 * @returns the parsed body; undefined if there is none.
 * @throws RestError for every status from 400 on.
 */
export type Rest = (
  method: Method,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<unknown>;

/** A service that takes the bearer tokens of `getToken`. */
export function createRest(baseUrl: string, getToken: () => Promise<string>): Rest {
  const base = baseUrl.replace(/\/+$/, "");
  return async (method, path, body, headers = {}) => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await getToken()}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer: unknown = text === "" ? undefined : parse(text);
    if (!response.ok) throw new RestError(response.status, messageOf(answer) ?? response.statusText);
    return answer;
  };
}

/** A service that is called as the user who is signed in to the Azure CLI. */
export function restOfCli(baseUrl: string): Rest {
  return createRest(baseUrl, () => tokenOfCli(baseUrl));
}

/**
 * A token of the user who is signed in to the Azure CLI.
 * @param audience address or identifier of what the token is for.
 * @throws Error if nobody is signed in, or the tenant does not give a token for it.
 */
export async function tokenOfCli(audience: string): Promise<string> {
  return (await cli.getToken(`${audience.replace(/\/+$/, "")}/.default`)).token;
}

const cli = new AzureCliCredential();

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Graph and Resource Manager put the message into `error`; App Service answers for the host with `Message`. */
const errorBody = z.union([
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z.object({ Message: z.string() }).transform(({ Message }) => Message),
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.string(),
]);

function messageOf(answer: unknown): string | undefined {
  return errorBody.safeParse(answer).data;
}

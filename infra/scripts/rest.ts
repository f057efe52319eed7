import { AzureCliCredential } from "@azure/identity";

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
  const credential = new AzureCliCredential();
  const scope = `${baseUrl.replace(/\/+$/, "")}/.default`;
  return createRest(baseUrl, async () => (await credential.getToken(scope)).token);
}

/**
 * A value that `azd` hands to its hooks.
 * @throws Error that names the missing variable.
 */
export function azdValue(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(
      `${name} is not set: run this through azd, or give it the values of \`azd env get-values\`.`,
    );
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function messageOf(answer: unknown): string | undefined {
  if (typeof answer !== "object" || answer === null || !("error" in answer)) return undefined;
  const { error } = answer;
  if (typeof error !== "object" || error === null || !("message" in error)) return undefined;
  return typeof error.message === "string" ? error.message : undefined;
}

import { openAsBlob } from "node:fs";

/** What the API says against a request. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly details: unknown;

  constructor(status: number, code: string, message: string, details?: unknown) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

export interface ClientSettings {
  /** Of the app, without `/api`. */
  readonly url: string;
  /** Gives a token of the caller; undefined for an app on this machine, where nobody signs in. */
  readonly token?: (() => Promise<string>) | undefined;
  readonly fetch?: typeof fetch;
}

export interface Answer<T> {
  readonly body: T;
  readonly location: string | undefined;
}

/** Azure's tokens live an hour at least; this is asked for again well before. */
const tokenMs = 20 * 60_000;
const requestMs = 120_000;

/** The migration's HTTP API. Everything a command does goes through here. */
export class Client {
  readonly #settings: ClientSettings;
  #token: { readonly value: Promise<string>; readonly until: number } | undefined;

  constructor(settings: ClientSettings) {
    this.#settings = settings;
  }

  /** @param path below `/api/`. @throws ApiError with what the API says; Error where it cannot be reached. */
  async get<T>(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<T> {
    return (await this.send<T>("GET", withQuery(path, query))).body;
  }

  /** Every item of a list, page by page. */
  async *items<T>(path: string, query: Readonly<Record<string, string | undefined>> = {}): AsyncGenerator<T> {
    let next: string | null = withQuery(path, query);
    while (next !== null) {
      const page: { readonly value: readonly T[]; readonly nextLink: string | null } = (
        await this.send<{ readonly value: readonly T[]; readonly nextLink: string | null }>("GET", next)
      ).body;
      yield* page.value;
      // The link names the host that the app sees, which a proxy in front may not know.
      next = page.nextLink === null ? null : new URL(page.nextLink).href.replace(/^.*?\/api\//, "");
    }
  }

  /** As `get` for any method. @param content an object is sent as JSON, a file as it is. */
  async send<T>(method: string, path: string, content?: unknown): Promise<Answer<T>> {
    const response = await this.#request(method, path, content);
    const text = await response.text();
    return {
      body: (text === "" ? undefined : JSON.parse(text)) as T,
      location: response.headers.get("location") ?? undefined,
    };
  }

  /** The content of a file that the API gives. */
  async download(path: string): Promise<Uint8Array> {
    return new Uint8Array(await (await this.#request("GET", path)).arrayBuffer());
  }

  /** Puts a local file. */
  async upload<T>(method: string, path: string, file: string): Promise<Answer<T>> {
    return this.send<T>(method, path, await openAsBlob(file));
  }

  async #request(method: string, path: string, content?: unknown): Promise<Response> {
    const { url, fetch: fetching = fetch } = this.#settings;
    const token = await this.#currentToken();
    let response: Response;
    try {
      response = await fetching(`${url.replace(/\/+$/, "")}/api/${path}`, {
        method,
        // It tells a request of a program from one that another site has a browser send.
        headers: {
          "x-requested-with": "imap-to-m365",
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(content === undefined || content instanceof Blob ? {} : { "content-type": "application/json" }),
        },
        ...(content === undefined
          ? {}
          : { body: content instanceof Blob ? content : JSON.stringify(content) }),
        redirect: "manual",
        signal: AbortSignal.timeout(requestMs),
      });
    } catch (error) {
      const reason =
        error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new Error(`The app at ${url} does not answer (${reason}).`);
    }
    if (response.ok) return response;
    throw await errorOf(response);
  }

  async #currentToken(): Promise<string | undefined> {
    const { token } = this.#settings;
    if (token === undefined) return undefined;
    if (this.#token === undefined || Date.now() > this.#token.until)
      this.#token = { value: token(), until: Date.now() + tokenMs };
    return this.#token.value;
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  let body: {
    readonly error?: { readonly code?: string; readonly message?: string; readonly details?: unknown };
  };
  try {
    body = JSON.parse(text) as typeof body;
  } catch {
    body = {};
  }
  const { code = "Unknown", message = `The app answers ${response.status}.`, details } = body?.error ?? {};
  return new ApiError(response.status, code, message, details);
}

function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

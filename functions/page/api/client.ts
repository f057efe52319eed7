import { ApiError } from "./api-error.ts";

export interface Answer<Body> {
  readonly status: number;
  readonly body: Body;
  readonly etag: string | null;
  /** Where the progress of what began can be read. */
  readonly location: string | null;
}

export interface CallOptions {
  readonly method?: "GET" | "PUT" | "POST" | "PATCH" | "DELETE";
  /** Sent as it is. */
  readonly body?: string | Blob;
  readonly contentType?: string;
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
}

const api = "/api/";
const signedOut = () =>
  new ApiError(401, "SignedOut", "Your session has ended. Sign in again; what you have entered stays.");

/**
 * Calls the API of the deployment this page comes from. A redirection is never followed: it leads to the sign-in, which only
 * a page of its own can show.
 * @param path below `/api/`.
 * @throws ApiError with the sentence of the API.
 */
export async function call<Body>(path: string, options: CallOptions = {}): Promise<Answer<Body>> {
  const { method = "GET", body, contentType = "application/json", ifMatch, signal } = options;
  let response: Response;
  try {
    response = await fetch(api + path, {
      method,
      redirect: "manual",
      cache: "no-store",
      headers: {
        Accept: "application/json",
        "X-Requested-With": "imap-to-m365",
        ...(body === undefined ? {} : { "Content-Type": contentType }),
        ...(ifMatch === undefined ? {} : { "If-Match": ifMatch }),
        ...(method === "GET" && kept.has(path) ? { "If-None-Match": kept.get(path)?.etag ?? "" } : {}),
      },
      ...(body === undefined ? {} : { body }),
      ...(signal ? { signal } : {}),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "NoAnswer", "The application does not answer. It is asked again by itself.");
  }
  if (response.type === "opaqueredirect" || response.status === 401) throw signedOut();
  const known = kept.get(path);
  if (response.status === 304 && known !== undefined) return known as Answer<Body>;
  if (!response.ok) throw await errorOf(response);
  const answer: Answer<unknown> = {
    status: response.status,
    body: isJson(response) ? await response.json() : undefined,
    etag: response.headers.get("etag"),
    location: response.headers.get("location"),
  };
  if (method === "GET") keep(path, answer);
  return answer as Answer<Body>;
}

/** @returns the body alone. @throws as {@link call}. */
export async function read<Body>(path: string, signal?: AbortSignal): Promise<Body> {
  return (await call<Body>(path, signal ? { signal } : {})).body;
}

/** @throws as {@link call}. */
export function send<Body = unknown>(
  method: NonNullable<CallOptions["method"]>,
  path: string,
  body?: unknown,
  ifMatch?: string,
): Promise<Answer<Body>> {
  return call<Body>(path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(ifMatch === undefined ? {} : { ifMatch }),
  });
}

/** Names in an address. */
export function pathOf(strings: TemplateStringsArray, ...names: readonly (string | number)[]): string {
  return String.raw({ raw: strings }, ...names.map((name) => encodeURIComponent(name)));
}

/** Answers with an ETag, the last ones asked for: what has not changed is not sent again. */
const kept = new Map<string, Answer<unknown>>();
const maxKept = 60;

function keep(path: string, answer: Answer<unknown>): void {
  kept.delete(path);
  if (answer.etag === null) return;
  kept.set(path, answer);
  const [oldest] = kept.keys();
  if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
}

function isJson(response: Response): boolean {
  return /\bjson\b/.test(response.headers.get("content-type") ?? "");
}

async function errorOf(response: Response): Promise<ApiError> {
  const { status } = response;
  const told = isJson(response) ? ((await response.json().catch(() => undefined)) as unknown) : undefined;
  const { error } = (told ?? {}) as { error?: { code?: string; message?: string; details?: unknown } };
  return new ApiError(
    status,
    error?.code ?? `Http${status}`,
    error?.message ??
      `The application answered ${status}. Try again; if it lasts, look whether the function app runs.`,
    error?.details,
  );
}

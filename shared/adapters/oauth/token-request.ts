import { z } from "zod";
import { MigrationError } from "../../domain/errors.ts";
import { parseRetryAfter } from "../retry-after.ts";

/** What a token server gives (RFC 6749, 5.1). */
export interface TokenAnswer {
  readonly accessToken: string;
  /** Milliseconds from now. */
  readonly lifetimeMs: number;
  readonly refreshToken?: string | undefined;
}

const second = 1_000;
const timeoutMs = 30 * second;
const maxAnswerBytes = 64 * 1024;
/** Where the server does not say how long its token lasts. */
const assumedLifetimeMs = 300 * second;
/** Where the server asks for a pause and does not say how long. */
const assumedPauseMs = 60 * second;

const tokenAnswer = z.object({
  access_token: z.string().regex(/^[\x21-\x7e]+$/),
  expires_in: z.coerce.number().positive().optional(),
  refresh_token: z.string().min(1).optional(),
});
const errorAnswer = z.object({ error: z.string(), error_description: z.string().optional() });

/**
 * Asks a token server for an access token. Redirections are not followed: the form holds a secret.
 * @param form the fields of the grant (RFC 6749, 4.4.2 and 6; RFC 7523, 2.1).
 * @throws MigrationError `mailbox` for what an operator must mend, `transient` or `throttled` otherwise. Its text names
 * the server, the error code and Entra's AADSTS number, and nothing else of the answer.
 */
export async function requestToken(
  tokenUrl: string,
  form: Readonly<Record<string, string>>,
): Promise<TokenAnswer> {
  const { host } = new URL(tokenUrl);
  let response: Response;
  let text: string;
  try {
    response = await fetch(tokenUrl, {
      method: "POST",
      headers: { accept: "application/json" },
      body: new URLSearchParams(form),
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
    });
    text = await readText(response);
  } catch {
    throw transient(
      "TokenServerUnreachable",
      `The token server ${host} cannot be reached. If this lasts, check tokenUrl of the endpoint.`,
    );
  }
  const body = parseJson(text);
  if (!response.ok) throw refusal(response, body, host);
  const answer = tokenAnswer.safeParse(body);
  if (!answer.success)
    throw refused(
      "TokenRequestRefused",
      `The server ${host} does not answer as a token server does. Correct tokenUrl of the endpoint.`,
    );
  const { access_token, expires_in, refresh_token } = answer.data;
  return {
    accessToken: access_token,
    lifetimeMs: expires_in === undefined ? assumedLifetimeMs : expires_in * second,
    refreshToken: refresh_token,
  };
}

/** The beginning of an answer: a longer one is none of a token server's. */
async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxAnswerBytes) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** RFC 6749, 5.2. Entra's numbers: https://learn.microsoft.com/entra/identity-platform/reference-error-codes */
function refusal(response: Response, body: unknown, host: string): MigrationError {
  const pauseMs = parseRetryAfter(response.headers.get("retry-after"), Date.now());
  if (response.status === 429 || (response.status === 503 && pauseMs !== undefined))
    return new MigrationError(
      "throttled",
      "TokenServerThrottled",
      `The token server ${host} asks for a pause.`,
      {
        retryAfterMs: pauseMs ?? assumedPauseMs,
      },
    );
  const { error = "", error_description = "" } = errorAnswer.safeParse(body).data ?? {};
  if (response.status >= 500 || error === "temporarily_unavailable" || error === "server_error")
    return transient("TokenServerUnavailable", `The token server ${host} is temporarily unavailable.`);
  const code = /^[a-z_]{1,40}$/.test(error) ? error : `status ${response.status}`;
  const detail = [code, /AADSTS\d{4,8}/.exec(error_description)?.[0]].filter(Boolean).join(", ");
  switch (error) {
    case "invalid_client":
      return refused(
        "TokenClientRefused",
        `The token server ${host} does not accept the client (${detail}). Correct clientId, or put a valid client secret or key into the secret of the endpoint; it may have expired.`,
      );
    case "invalid_grant":
      return refused(
        "TokenGrantRefused",
        `The token server ${host} does not accept the grant (${detail}). A refresh token may have expired or been withdrawn: obtain a new one. Of a service account check that UserName is the address of a user there, and that the key is still valid.`,
      );
    case "unauthorized_client":
    case "access_denied":
      return refused(
        "TokenClientUnauthorized",
        `The token server ${host} does not let the client get such tokens (${detail}). Give the application the permission for IMAP and an administrator's consent; of a Google service account authorize its client id for the scope (domain-wide delegation).`,
      );
    default:
      return refused(
        "TokenRequestRefused",
        `The token server ${host} refuses the request (${detail}). Check type, tokenUrl and scope of the endpoint's tokenSource.`,
      );
  }
}

function transient(code: string, message: string): MigrationError {
  return new MigrationError("transient", code, message);
}

function refused(code: string, message: string): MigrationError {
  return new MigrationError("mailbox", code, message);
}

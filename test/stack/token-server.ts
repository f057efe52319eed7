import { createVerify, generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

interface IssuedToken {
  /** The user whose mail it opens; undefined if it opens everybody's. */
  readonly user: string | undefined;
  readonly expiresAt: number;
}

/** What becomes of a refresh token that was used: it stays the only one, gets a second one beside it, or is replaced. */
export type Rotation = "none" | "added" | "replaced";

const serviceAccountKey = generateKeyPairSync("rsa", { modulusLength: 2048 });

const jwtHeader = z.object({ alg: z.literal("RS256"), typ: z.literal("JWT"), kid: z.string() });
const jwtClaims = z.object({
  iss: z.string(),
  sub: z.string(),
  scope: z.string(),
  aud: z.string(),
  iat: z.number(),
  exp: z.number(),
});

/**
 * A token server that knows one application and one service account, and refuses what Microsoft Entra and Google refuse.
 * @see https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 * @see https://learn.microsoft.com/entra/identity-platform/refresh-tokens
 * @see https://developers.google.com/identity/protocols/oauth2/service-account
 */
export class TokenServer {
  readonly clientId = "11111111-2222-3333-4444-555555555555";
  readonly serviceAccount = "migration@project.iam.gserviceaccount.example";
  readonly scope = "https://mail.example/imap";
  clientSecret = randomBytes(16).toString("hex");
  /** Whether a refresh token needs the client secret as well. */
  refreshNeedsSecret = false;
  rotation: Rotation = "none";
  /** Lifetime of the tokens issued from now on, in seconds. */
  lifetime = 3600;
  /** Users of the service account's domain, and whose refresh tokens there are. */
  readonly users: readonly string[];
  /** Requests that got a token, with the user it is for. */
  readonly issued: { readonly grant: string; readonly user: string | undefined; readonly token: string }[] =
    [];
  readonly #refreshTokens = new Map<string, string>();
  readonly #tokens = new Map<string, IssuedToken>();
  readonly #faults: Answer[] = [];
  readonly #server: Server;
  #url = "";

  private constructor(users: readonly string[]) {
    this.users = users;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** Listens on a port of the system's choice. */
  static async start(users: readonly string[]): Promise<TokenServer> {
    const server = new TokenServer(users);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    server.#url = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}`;
    return server;
  }

  get tokenUrl(): string {
    return `${this.#url}/token`;
  }

  /** RFC 7662, for an IMAP server that asks about the tokens it gets. */
  get introspectionUrl(): string {
    return `${this.#url}/introspect`;
  }

  /** The key file of the service account, in the form Google makes it. */
  get keyFile(): string {
    return JSON.stringify({
      type: "service_account",
      client_email: this.serviceAccount,
      private_key_id: "key-1",
      private_key: serviceAccountKey.privateKey.export({ type: "pkcs8", format: "pem" }),
    });
  }

  /** What a user gets after giving consent. */
  refreshTokenOf(user: string): string {
    const token = randomBytes(24).toString("base64url");
    this.#refreshTokens.set(token, user);
    return token;
  }

  /** Whether a token opens the mailbox of a user now. */
  accepts(user: string, token: string): boolean {
    const known = this.#tokens.get(token);
    return known !== undefined && Date.now() < known.expiresAt && (known.user ?? user) === user;
  }

  /** Ends all tokens before their time. */
  withdrawTokens(): void {
    this.#tokens.clear();
  }

  /** Answers the next request so. */
  failNext(status: number, body: unknown = {}, headers: Readonly<Record<string, string>> = {}): void {
    this.#faults.push({ status, body, headers });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const form = new URLSearchParams(Buffer.concat(chunks).toString("utf8"));
    const isForm = request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true;
    const { status, headers, body } =
      request.method !== "POST" || !isForm
        ? refusal(400, "invalid_request")
        : request.url === "/introspect"
          ? this.#introspect(form.get("token") ?? "")
          : (this.#faults.shift() ?? this.#grant(form));
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(body));
  }

  #introspect(token: string): Answer {
    const known = this.#tokens.get(token);
    const active = known !== undefined && Date.now() < known.expiresAt;
    return { status: 200, body: active ? { active, username: known.user, scope: this.scope } : { active } };
  }

  #grant(form: URLSearchParams): Answer {
    switch (form.get("grant_type")) {
      case "client_credentials":
        return (
          this.#clientRefusal(form) ?? this.#scopeRefusal(form) ?? this.#issue("clientCredentials", undefined)
        );
      case "refresh_token":
        return this.#refresh(form);
      case "urn:ietf:params:oauth:grant-type:jwt-bearer":
        return this.#assertion(form.get("assertion") ?? "");
      default:
        return refusal(400, "unsupported_grant_type");
    }
  }

  #clientRefusal(form: URLSearchParams): Answer | undefined {
    if (form.get("client_id") !== this.clientId)
      return refusal(400, "unauthorized_client", "AADSTS700016: Application was not found in the directory.");
    if (form.get("client_secret") !== this.clientSecret)
      return refusal(401, "invalid_client", "AADSTS7000215: Invalid client secret provided.");
    return undefined;
  }

  #scopeRefusal(form: URLSearchParams): Answer | undefined {
    return form.get("scope") === this.scope ? undefined : refusal(400, "invalid_scope", "AADSTS70011");
  }

  #refresh(form: URLSearchParams): Answer {
    if (this.refreshNeedsSecret || form.get("client_id") !== this.clientId) {
      const wrongClient = this.#clientRefusal(form);
      if (wrongClient !== undefined) return wrongClient;
    }
    const given = form.get("refresh_token") ?? "";
    const user = this.#refreshTokens.get(given);
    if (user === undefined)
      return refusal(400, "invalid_grant", "AADSTS700082: The refresh token has expired.");
    const wrongScope = this.#scopeRefusal(form);
    if (wrongScope !== undefined) return wrongScope;
    if (this.rotation === "none") return this.#issue("refreshToken", user);
    if (this.rotation === "replaced") this.#refreshTokens.delete(given);
    return this.#issue("refreshToken", user, this.refreshTokenOf(user));
  }

  #assertion(assertion: string): Answer {
    const [header = "", claims = "", signature = ""] = assertion.split(".");
    const isOurs = createVerify("RSA-SHA256")
      .update(`${header}.${claims}`)
      .verify(serviceAccountKey.publicKey, signature, "base64url");
    if (!jwtHeader.safeParse(decoded(header)).success || !isOurs)
      return refusal(400, "invalid_grant", "Invalid JWT Signature.");
    const { iss, sub, scope, aud, iat, exp } = jwtClaims.parse(decoded(claims));
    if (iss !== this.serviceAccount)
      return refusal(400, "invalid_grant", "Invalid issuer: Not a valid email.");
    if (aud !== this.tokenUrl) return refusal(400, "invalid_grant", "Invalid JWT: Failed audience check.");
    const now = Date.now() / 1000;
    if (exp <= now || iat > now + 60 || exp - iat > 3600)
      return refusal(400, "invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes).");
    if (scope !== this.scope)
      return refusal(401, "unauthorized_client", "Client is unauthorized to retrieve access tokens.");
    if (!this.users.includes(sub)) return refusal(400, "invalid_grant", "Invalid email or User ID");
    return this.#issue("googleServiceAccount", sub);
  }

  #issue(grant: string, user: string | undefined, refreshToken?: string): Answer {
    const token = randomBytes(24).toString("base64url");
    this.#tokens.set(token, { user, expiresAt: Date.now() + this.lifetime * 1000 });
    this.issued.push({ grant, user, token });
    return {
      status: 200,
      body: {
        token_type: "Bearer",
        access_token: token,
        expires_in: this.lifetime,
        ...(refreshToken === undefined ? {} : { refresh_token: refreshToken }),
      },
    };
  }
}

function decoded(part: string): unknown {
  return JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
}

function refusal(status: number, error: string, description = ""): Answer {
  return { status, body: { error, error_description: description } };
}

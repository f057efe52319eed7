import type { ImapFlow } from "imapflow";
import { MigrationError } from "../../domain/errors.ts";
import type { Scene } from "./classify.ts";
import { isCourier } from "./software.ts";

export type Credentials =
  | {
      readonly kind: "password";
      readonly user: string;
      readonly password: string;
      /** SASL PLAIN authorization identity (RFC 4616): whose mailbox to open with the user's login. */
      readonly authzid?: string | undefined;
    }
  | { readonly kind: "token"; readonly user: string; readonly token: string };

type Auth = NonNullable<ConstructorParameters<typeof ImapFlow>[0]>["auth"];

/**
 * The login as imapflow takes it. imapflow asks for the secret once it knows the server's capabilities: the moment to
 * refuse a login that would open another mailbox than the one asked for, and proof that there was a login at all.
 */
export class Login {
  readonly #credentials: Credentials;
  readonly #scene: Scene;
  #used = false;

  constructor(credentials: Credentials, scene: Scene) {
    this.#credentials = credentials;
    this.#scene = scene;
  }

  /** @param client the client that logs in; it is made with what this returns, so it is asked for later. */
  authFor(client: () => ImapFlow): Auth {
    const credentials = this.#credentials;
    const use = () => {
      this.#used = true;
    };
    if (credentials.kind === "token")
      return {
        user: credentials.user,
        get accessToken(): string {
          use();
          return credentials.token;
        },
      };
    const { user, password, authzid } = credentials;
    const scene = this.#scene;
    return {
      user,
      ...(authzid === undefined ? {} : { authzid, loginMethod: "AUTH=PLAIN" }),
      get pass(): string {
        if (authzid !== undefined && !honoursAuthorizationIdentity(client())) throw adminMailbox(scene);
        use();
        return password;
      },
    };
  }

  /** What SASL PLAIN (RFC 4616, 2) sends for a password, in base64; undefined for a token. Secret. */
  get response(): string | undefined {
    const credentials = this.#credentials;
    if (credentials.kind !== "password") return undefined;
    const { user, password, authzid = "" } = credentials;
    return Buffer.from([authzid, user, password].join("\0")).toString("base64");
  }

  /** @throws MigrationError `mailbox` if the session was open without the login, in whoever's mailbox. */
  verify(): void {
    if (!this.#used) throw preauthenticated(this.#scene);
  }
}

/** A session that was open without a login may be anybody's (PREAUTH, RFC 9051, 7.1.4). */
export function preauthenticated({ host, port, side }: Scene): MigrationError {
  return new MigrationError(
    "mailbox",
    "PreauthenticatedConnection",
    `The ${side} server ${host}:${port} opened a session before any login, so that it is unknown whose mailbox it is.`,
  );
}

/**
 * Without SASL PLAIN imapflow drops the authorization identity silently and logs in as the administrator. Courier
 * takes one by SASL PLAIN, and ignores it.
 */
function honoursAuthorizationIdentity(client: ImapFlow): boolean {
  return client.capabilities.has("AUTH=PLAIN") && !isCourier(client.greeting ?? "");
}

function adminMailbox(scene: Scene): MigrationError {
  return new MigrationError(
    "mailbox",
    "AdminMailboxRefused",
    `The ${scene.side} server ${scene.host}:${scene.port} does not let an administrator act for a user by SASL PLAIN; the login would open the administrator's own mailbox. Use another form of administrator login, or the user's password.`,
  );
}

/** How an administrator's login names the user whose mail it is for. */
export type AdminForm =
  /** SASL PLAIN authorization identity. */
  | "authorization"
  /** `domain/admin/user` */
  | "exchange"
  /** `#user@domain#admin#` */
  | "mirapoint"
  /** `user*admin` */
  | "dovecot";

export interface Administrator {
  /** Also the name of a user, whose mailbox an incomplete login opens. */
  readonly name: string;
  readonly password: string;
  readonly form: AdminForm;
}

export interface ScriptedUser {
  readonly name: string;
  readonly password: string;
  /** The bearer token of XOAUTH2 and OAUTHBEARER. */
  readonly token?: string;
}

/** Whether a bearer token opens the mailbox of a user at this moment. */
export type TokenCheck = (user: string, token: string) => boolean;

export interface LoginRequest {
  readonly mechanism: "LOGIN" | "PLAIN" | "XOAUTH2" | "OAUTHBEARER";
  readonly name: string;
  /** Password or token. */
  readonly secret: string;
  readonly authorization: string;
}

/** The name of the user whose mailbox a login opens; undefined when it is refused. */
export function mailboxOf(
  request: LoginRequest,
  users: readonly ScriptedUser[],
  administrator: Administrator | undefined,
  acceptsToken: TokenCheck | undefined,
): string | undefined {
  const { name, secret, authorization } = request;
  const named = administrator === undefined ? undefined : namedByAdministrator(request, administrator);
  if (named !== undefined) {
    const isKnown = users.some((user) => user.name === named);
    return isKnown && secret === administrator?.password ? named : undefined;
  }
  if (authorization !== "" && authorization !== name) return undefined;
  const isRight = (user: ScriptedUser) => {
    if (!isByToken(request.mechanism)) return user.password === secret;
    return acceptsToken?.(name, secret) ?? user.token === secret;
  };
  return users.find((user) => user.name === name && isRight(user))?.name;
}

const NAME_FORMS = {
  exchange: /^[^/]+\/(?<admin>[^/]+)\/(?<user>.+)$/,
  mirapoint: /^#(?<user>[^#]+)@[^@#]+#(?<admin>[^#]+)#$/,
  dovecot: /^(?<user>.+)\*(?<admin>[^*]+)$/,
} as const;

function namedByAdministrator(request: LoginRequest, administrator: Administrator): string | undefined {
  const { form } = administrator;
  if (form === "authorization") {
    const applies = request.name === administrator.name && request.authorization !== "";
    return applies ? request.authorization : undefined;
  }
  const parts = NAME_FORMS[form].exec(request.name)?.groups;
  return parts?.admin === administrator.name ? parts.user : undefined;
}

/**
 * A client's SASL response in base64; undefined when it is not one.
 *
 * @see RFC 4616 for PLAIN, RFC 7628 for OAUTHBEARER, developers.google.com/workspace/gmail/imap/xoauth2-protocol
 */
export function readSaslResponse(mechanism: string, response: string): LoginRequest | undefined {
  const text = Buffer.from(response, "base64").toString("utf8");
  if (mechanism === "PLAIN") {
    const [authorization, name, secret] = text.split("\0");
    if (authorization === undefined || name === undefined || secret === undefined) return undefined;
    return { mechanism, name, secret, authorization };
  }
  if (!isByToken(mechanism)) return undefined;
  const [identity = "", ...fields] = text.split("\x01");
  const name =
    mechanism === "XOAUTH2" ? /^user=(.*)$/.exec(identity)?.[1] : /^n,a=(.*),$/.exec(identity)?.[1];
  const prefix = "auth=Bearer ";
  const secret = fields.find((field) => field.startsWith(prefix))?.slice(prefix.length);
  if (name === undefined || secret === undefined) return undefined;
  return { mechanism, name, secret, authorization: "" };
}

export function isByToken(mechanism: string): mechanism is "XOAUTH2" | "OAUTHBEARER" {
  return mechanism === "XOAUTH2" || mechanism === "OAUTHBEARER";
}

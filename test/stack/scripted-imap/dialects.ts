/** What a server says of itself, and how it behaves accordingly. */
export interface Dialect {
  readonly greeting: string;
  /** Before login. */
  readonly offered: readonly string[];
  /** After login; what is not here is not done either: UIDPLUS, SPECIAL-USE, LIST-STATUS, CONDSTORE, ESEARCH, ... */
  readonly capabilities: readonly string[];
  readonly separator: string;
  /** The arguments of the NAMESPACE response, as they are sent. */
  readonly namespace: string;
  /** Answer to a wrong password or token. */
  readonly loginRefused: string;
  /** Arguments of the ID response. */
  readonly id: string;
  /** Whether keywords other than $MDNSent can be stored. */
  readonly keepsKeywords: boolean;
  /** Whether names of folders are the bytes that they were given, one a character, and no modified UTF-7. */
  readonly rawNames: boolean;
}

/** RFC 3501 and nothing else, as old servers have it. */
export const BARE: Dialect = {
  greeting: "* OK ready",
  offered: ["IMAP4rev1"],
  capabilities: ["IMAP4rev1"],
  separator: "/",
  namespace: '(("" "/")) NIL NIL',
  loginRefused: "NO [AUTHENTICATIONFAILED] Invalid credentials",
  id: "NIL",
  keepsKeywords: true,
  rawNames: false,
};

const COMMON = ["IMAP4rev1", "SASL-IR", "LITERAL+", "ID", "ENABLE", "NAMESPACE"];

/** What current servers have. */
export const FULL: Dialect = {
  ...BARE,
  offered: [...COMMON, "AUTH=PLAIN", "AUTH=XOAUTH2"],
  capabilities: [
    ...[...COMMON, "UIDPLUS", "CHILDREN", "UNSELECT", "ESEARCH", "CONDSTORE"],
    ...["LIST-EXTENDED", "LIST-STATUS", "SPECIAL-USE"],
  ],
  id: '("name" "Scripted" "version" "1")',
};

/** Exchange Online and Exchange Server: no CONDSTORE, no LIST-STATUS, no SPECIAL-USE, no keywords. */
export const EXCHANGE: Dialect = {
  ...BARE,
  greeting: "* OK The Microsoft Exchange IMAP4 service is ready.",
  offered: [
    "IMAP4",
    "IMAP4rev1",
    "AUTH=PLAIN",
    "AUTH=XOAUTH2",
    "SASL-IR",
    "UIDPLUS",
    "ID",
    "UNSELECT",
    "CHILDREN",
    "IDLE",
    "NAMESPACE",
    "LITERAL+",
  ],
  capabilities: [
    "IMAP4",
    "IMAP4rev1",
    "AUTH=PLAIN",
    "AUTH=XOAUTH2",
    "SASL-IR",
    "UIDPLUS",
    "MOVE",
    "ID",
    "UNSELECT",
    "CLIENTACCESSRULES",
    "CLIENTNETWORKPRESENCELOCATION",
    "BACKENDAUTHENTICATE",
    "CHILDREN",
    "IDLE",
    "NAMESPACE",
    "LITERAL+",
  ],
  loginRefused: "NO LOGIN failed.",
  id: '("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.20")',
  keepsKeywords: false,
};

/** Gmail: labels as folders, `[Gmail]` for what is special. */
export const GMAIL: Dialect = {
  ...BARE,
  greeting: "* OK Gimap ready for requests from 192.0.2.1 a1mb2",
  offered: [
    "IMAP4rev1",
    "UNSELECT",
    "IDLE",
    "NAMESPACE",
    "QUOTA",
    "ID",
    "XLIST",
    "CHILDREN",
    "X-GM-EXT-1",
    "XYZZY",
    "SASL-IR",
    "AUTH=XOAUTH2",
    "AUTH=PLAIN",
    "AUTH=PLAIN-CLIENTTOKEN",
    "AUTH=OAUTHBEARER",
  ],
  capabilities: [
    "IMAP4rev1",
    "UNSELECT",
    "IDLE",
    "NAMESPACE",
    "QUOTA",
    "ID",
    "XLIST",
    "CHILDREN",
    "X-GM-EXT-1",
    "UIDPLUS",
    "ENABLE",
    "MOVE",
    "CONDSTORE",
    "ESEARCH",
    "UTF8=ACCEPT",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "LITERAL-",
    "SPECIAL-USE",
    "APPENDLIMIT=35651584",
  ],
  loginRefused: "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)",
  id: '("name" "GImap" "vendor" "Google, Inc.")',
};

/** Answers of well-known servers to a login that a person has to do something about. */
export const LOGIN_REFUSALS = {
  gmailAppPasswordRequired:
    "NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
  gmailAppPasswordRequiredAsFailure:
    "NO [AUTHENTICATIONFAILED] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
  gmailImapDisabled:
    "NO [ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)",
  gmailTooManyConnections: "NO [ALERT] Too many simultaneous connections. (Failure)",
  exchangeNotConnected: "BAD User is authenticated but not connected.",
} as const;

/** Answers of well-known servers to commands that come too often or move too much. */
export const THROTTLES = {
  gmailBandwidth: "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)",
  exchangeBackoff: "BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds",
  yahooRateLimit: "NO [LIMIT] FETCH Rate limit hit.",
  inUse: "NO [INUSE] Mailbox in use, try again later",
  unavailable: "NO [UNAVAILABLE] Temporarily unavailable",
} as const;

/** The dialect without some capabilities. */
export function without(dialect: Dialect, ...capabilities: readonly string[]): Dialect {
  const keep = (name: string) => !capabilities.includes(name);
  return {
    ...dialect,
    offered: dialect.offered.filter(keep),
    capabilities: dialect.capabilities.filter(keep),
  };
}

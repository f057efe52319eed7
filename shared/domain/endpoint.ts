import { z } from "zod";
import { asHost } from "./host.ts";
import { isLoopback } from "./loopback.ts";

const secretName = z.string().regex(/^[0-9A-Za-z-]{1,127}$/, "expected the name of a Key Vault secret");

/** Where access tokens for XOAUTH2 come from (RFC 6749). */
const tokenSourceSchema = z
  .strictObject({
    type: z
      .enum(["clientCredentials", "refreshToken", "googleServiceAccount"])
      .meta({ description: "How the token is had.", examples: ["refreshToken"] }),
    /** The application as the token server knows it; of a Google service account its e-mail address. */
    clientId: z
      .string()
      .min(1)
      .meta({
        description:
          "The application as the token server knows it; of a Google service account its e-mail address.",
        examples: ["11111111-2222-3333-4444-555555555555"],
      }),
    tokenUrl: z
      .url({ protocol: /^https?$/ })
      .refine((url) => url.startsWith("https:") || isLoopback(url), "expected an https address")
      .refine((url) => !hasUserInfo(url), "expected an address without a user name or password")
      .meta({
        description: "Where tokens are asked for; https.",
        examples: ["https://oauth2.googleapis.com/token"],
      }),
    scope: z
      .string()
      .min(1)
      .meta({ description: "What the token is for.", examples: ["https://mail.google.com/"] }),
    /** Name of the secret in Key Vault that holds the client secret, refresh token or service account key. */
    secretName: secretName.meta({
      description:
        "Name of the secret in Key Vault that holds the client secret, refresh token or service account key.",
      examples: ["contoso-imap"],
    }),
    /** Name of the secret with the client secret that some servers want together with a refresh token. */
    clientSecretName: secretName.optional().meta({
      description:
        "Name of the secret with the client secret that some servers want together with a refresh token.",
      examples: ["contoso-client"],
    }),
  })
  .superRefine(({ type, clientSecretName }, context) => {
    if (type !== "refreshToken" && clientSecretName !== undefined)
      context.addIssue({
        code: "custom",
        path: ["clientSecretName"],
        message: 'is used only with the type "refreshToken"',
      });
  });

function hasUserInfo(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && (parsed.username !== "" || parsed.password !== "");
}

/** A server's name or address, and nothing else. */
const host = z
  .string()
  .trim()
  .transform((text, context) => {
    const server = asHost(text);
    if (server !== undefined) return server;
    context.addIssue({
      code: "custom",
      message: "expected a host name such as imap.contoso.com, or an IP address",
    });
    return z.NEVER;
  });

export type TokenSource = z.infer<typeof tokenSourceSchema>;

const limit = z.int().positive();

/** At fewer bytes a second a message of the largest size takes longer than a day. */
const leastBytesPerSecond = 10_000;

const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected a time of the day from "00:00" to "23:59"');

/** Hours of each day, by the clocks of a time zone; those that end before they begin end on the next day. */
const readingHoursSchema = z
  .strictObject({
    from: timeOfDay.meta({ description: "When they begin.", examples: ["20:00"] }),
    to: timeOfDay.meta({
      description: "When they end; a time before `from` is one of the next day.",
      examples: ["06:00"],
    }),
    timeZone: z
      .string()
      .refine(isTimeZone, "expected a time zone of the IANA list such as Europe/Berlin, or UTC")
      .meta({
        description: "By whose clocks, summer time included: a name of the IANA list.",
        examples: ["Europe/Berlin"],
      }),
  })
  .refine(({ from, to }) => from !== to, {
    path: ["to"],
    message: "is the same as from: leave readingHours out to read at any time",
  });

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    // Offsets such as +01:00 know no summer time.
    return /^[A-Za-z]/.test(name);
  } catch {
    return false;
  }
}

export type ReadingHours = z.infer<typeof readingHoursSchema>;

/**
 * Settings of a source server, the operator's `endpoints/{endpoint}.json`.
 * Unknown keys are refused so that a misspelt setting is never silently ignored.
 */
export const endpointSchema = z
  .strictObject({
    host: host.meta({
      description: "Host name or address of the server. Passwords are sealed for it.",
      examples: ["imap.contoso.com"],
    }),
    port: z
      .int()
      .min(1)
      .max(65535)
      .default(993)
      .meta({ description: "Its port.", examples: [143] }),
    security: z
      .enum(["ssl", "tls", "none"])
      .default("ssl")
      .meta({
        description: "`ssl` is TLS from the first byte, `tls` is STARTTLS, `none` needs `allowInsecure`.",
        examples: ["tls"],
      }),
    allowInsecure: z
      .boolean()
      .default(false)
      .meta({ description: "Whether passwords may be sent in the clear.", examples: [true] }),
    acceptUntrustedCertificates: z
      .boolean()
      .default(false)
      .meta({ description: "Whether certificates of unknown issuers are taken.", examples: [true] }),
    authentication: z
      .enum(["password", "xoauth2"])
      .default("password")
      .meta({ description: "How the source logs in; `xoauth2` needs `tokenSource`.", examples: ["xoauth2"] }),
    /** SASL PLAIN: logs in as this user, whose password is in the CSV's Password column, on behalf of the UserName. */
    adminUser: z
      .string()
      .min(1)
      .optional()
      .meta({
        description:
          "SASL PLAIN: logs in as this user, whose password is in the CSV, on behalf of the row's UserName.",
        examples: ["migration"],
      }),
    tokenSource: tokenSourceSchema.optional().meta({ description: "Where access tokens come from." }),
    maxConcurrentMigrations: limit
      .default(20)
      .meta({ description: "Mailboxes of this endpoint in their first copy at once.", examples: [40] }),
    maxConcurrentIncrementalSyncs: limit
      .default(10)
      .meta({ description: "Mailboxes of this endpoint in a later round at once.", examples: [20] }),
    maxBytesPerDayPerMailbox: limit.optional().meta({
      description: "Bytes read of one mailbox a day (UTC); 2,500,000,000 for Gmail where it is not set.",
      examples: [1000000000],
    }),
    maxBytesPerSecond: z
      .int()
      .min(leastBytesPerSecond)
      .optional()
      .meta({
        description: "Bytes of messages read of all mailboxes of this endpoint together in a second.",
        examples: [5000000],
      }),
    maxMessagesPerSecond: limit.optional().meta({
      description: "Messages read of all mailboxes of this endpoint together in a second.",
      examples: [20],
    }),
    readingHours: readingHoursSchema.optional().meta({
      description: "The hours of the day in which this endpoint is read; at others its mailboxes pause.",
    }),
    rootFolder: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: "Only the folders below this one are copied, as if it were the root.",
        examples: ["INBOX"],
      }),
    allowCompression: z
      .boolean()
      .default(false)
      .meta({
        description: "Whether the connection may be compressed; worth it on slow lines.",
        examples: [true],
      }),
  })
  .superRefine((endpoint, context) => {
    if (endpoint.security === "none" && !endpoint.allowInsecure)
      context.addIssue({
        code: "custom",
        path: ["security"],
        message: '"none" sends passwords in the clear and is refused unless "allowInsecure" is true',
      });
    if (endpoint.authentication === "xoauth2" && endpoint.tokenSource === undefined)
      context.addIssue({
        code: "custom",
        path: ["tokenSource"],
        message: 'is required when "authentication" is "xoauth2"',
      });
    if (endpoint.authentication !== "xoauth2" && endpoint.tokenSource !== undefined)
      context.addIssue({
        code: "custom",
        path: ["tokenSource"],
        message: 'is used only when "authentication" is "xoauth2"',
      });
    if (endpoint.authentication === "xoauth2" && endpoint.adminUser !== undefined)
      context.addIssue({
        code: "custom",
        path: ["adminUser"],
        message: 'is not used when "authentication" is "xoauth2": the token names the user',
      });
  });

export type Endpoint = z.infer<typeof endpointSchema>;

/** Keys that were settings once: files that have them are read as if they had not. */
export const formerEndpointKeys: readonly string[] = ["maxConnectionsPerMailbox"];

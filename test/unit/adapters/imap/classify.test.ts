import { describe, expect, it } from "vitest";
import { classifyReply } from "../../../../shared/adapters/imap/classify.ts";
import { THROTTLES } from "../../../stack/scripted-imap/dialects.ts";

/** What servers answer to a login that they refuse, as their users have reported it. */
const refusals: readonly (readonly [host: string, code: string, text: string, expected: string])[] = [
  [
    "imap.gmail.com",
    "ALERT",
    "Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
    "AppPasswordRequired",
  ],
  [
    "imap.gmail.com",
    "ALERT",
    "Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
    "AppPasswordRequired",
  ],
  ["imap.gmail.com", "AUTHENTICATIONFAILED", "Invalid credentials (Failure)", "AppPasswordRequired"],
  [
    "imap.gmail.com",
    "ALERT",
    "Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)",
    "ImapDisabled",
  ],
  [
    "imap.gmail.com",
    "ALERT",
    "IMAP access is disabled for your domain. Please contact your domain administrator. (Failure)",
    "ImapDisabled",
  ],
  ["imap.mail.yahoo.com", "AUTHENTICATIONFAILED", "LOGIN Invalid credentials", "AppPasswordRequired"],
  [
    "export.imap.mail.yahoo.com",
    "AUTHENTICATIONFAILED",
    "AUTHENTICATE Invalid credentials",
    "AppPasswordRequired",
  ],
  ["imap.aol.com", "AUTHENTICATIONFAILED", "LOGIN Invalid credentials", "AppPasswordRequired"],
  ["imap.mail.me.com", "AUTHENTICATIONFAILED", "Authentication failed", "AppPasswordRequired"],
  ["outlook.office365.com", "", "LOGIN failed.", "PasswordLoginDisabled"],
  ["imap-mail.outlook.com", "", "Basic authentication is disabled.", "PasswordLoginDisabled"],
  ["exchange.contoso.com", "", "LOGIN failed.", "AuthenticationFailed"],
  [
    "imap.zoho.com",
    "ALERT",
    "You are yet to enable IMAP for your account. Please contact your administrator (Failure)",
    "ImapDisabled",
  ],
  ["imap.zoho.com", "AUTHENTICATIONFAILED", "Invalid credentials(Failure)", "AuthenticationFailed"],
  [
    "imap.yandex.com",
    "AUTHENTICATIONFAILED",
    "LOGIN Invalid credentials or IMAP is disabled",
    "AuthenticationFailed",
  ],
  ["imap.web.de", "", "authentication failed", "AuthenticationFailed"],
];

function classify(host: string, code: string, text: string, byToken = false) {
  const reply = { status: "NO", code, codeArguments: [], text } as const;
  return classifyReply(reply, { side: "source", host, port: 993, stage: "login", byToken });
}

describe("a refused login", () => {
  it.each(refusals)("%s: [%s] %s", (host, code, text, expected) => {
    const error = classify(host, code, text);
    expect(error).toMatchObject({
      kind: expected === "ImapDisabled" ? "transient" : "mailbox",
      code: expected,
    });
    expect(error.message).toContain(host);
    expect(error.message).not.toMatch(/https:|\(Failure\)/);
  });

  it.each([
    ["", "User is authenticated but not connected.", "ImapDisabled"],
    ["", "Mailbox is locked by another process.", "LoginRefused"],
    ["", "Maximum load reached", "LoginRefused"],
    ["", "Backend not ready", "LoginRefused"],
    ["", "", "LoginRefused"],
  ])("that is not plainly about the password may pass: [%s] %s", (code, text, expected) => {
    expect(classify("imap.example.com", code, text)).toMatchObject({ kind: "transient", code: expected });
  });

  it.each([
    ["AUTHENTICATIONFAILED", ""],
    ["", "[AUTH] Invalid user name or password"],
    ["", "Login incorrect"],
    ["", "Unknown user"],
    ["", "LOGIN failed."],
  ])("that is plainly about it does not: [%s] %s", (code, text) => {
    expect(classify("imap.example.com", code, text)).toMatchObject({
      kind: "mailbox",
      code: "AuthenticationFailed",
    });
  });

  it("by a token is about the token, and on Exchange about access to the mailbox", () => {
    expect(classify("outlook.office365.com", "", "AUTHENTICATE failed.", true)).toMatchObject({
      code: "TokenRefused",
    });
    expect(
      classify("imap.gmail.com", "AUTHENTICATIONFAILED", "Invalid credentials (Failure)", true),
    ).toMatchObject({
      code: "TokenRefused",
    });
    expect(
      classify("outlook.office365.com", "", "User is authenticated but not connected.", true),
    ).toMatchObject({
      code: "ImapDisabled",
      message: expect.stringContaining("full access"),
    });
  });
});

describe("a command that came too often", () => {
  it.each([
    [THROTTLES.gmailBandwidth, "throttled"],
    [THROTTLES.exchangeBackoff, "throttled"],
    [THROTTLES.yahooRateLimit, "throttled"],
    [THROTTLES.inUse, "throttled"],
    [THROTTLES.unavailable, "transient"],
  ])("%s", (answer, kind) => {
    const [, status = "", code = "", text = ""] = /^(NO|BAD) (?:\[(\w+)\] )?(.*)$/.exec(answer) ?? [];
    const reply = { status: status === "BAD" ? "BAD" : "NO", code, codeArguments: [], text } as const;
    const scene = { side: "source", host: "imap.contoso.com", port: 993, stage: "session" } as const;
    expect(classifyReply(reply, scene).kind).toBe(kind);
  });
});

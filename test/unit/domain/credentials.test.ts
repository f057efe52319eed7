import { describe, expect, test } from "vitest";
import { parseSourceUser, sourceAccount } from "../../../shared/domain/credentials.ts";

describe("parseSourceUser", () => {
  test.each([
    ["alberta@contoso.com", { login: "alberta@contoso.com", mailboxUser: "alberta@contoso.com" }],
    ["CONTOSO/alberta", { login: "CONTOSO/alberta", mailboxUser: "alberta" }],
    ["CONTOSO\\alberta", { login: "CONTOSO\\alberta", mailboxUser: "alberta" }],
    ["Contoso/admin/alberta", { login: "Contoso/admin/alberta", mailboxUser: "alberta", adminUser: "admin" }],
    [
      "Contoso\\admin\\alberta",
      { login: "Contoso\\admin\\alberta", mailboxUser: "alberta", adminUser: "admin" },
    ],
    [
      "contoso.local/admin/alberta@contoso.com",
      {
        login: "contoso.local/admin/alberta@contoso.com",
        mailboxUser: "alberta@contoso.com",
        adminUser: "admin",
      },
    ],
    ["alberta*admin", { login: "alberta*admin", mailboxUser: "alberta", adminUser: "admin" }],
    [
      "#alberta@contoso.com#admin#",
      { login: "#alberta@contoso.com#admin#", mailboxUser: "alberta@contoso.com", adminUser: "admin" },
    ],
    [" alberta ", { login: "alberta", mailboxUser: "alberta" }],
    ["*admin", { login: "*admin", mailboxUser: "*admin" }],
    ["#alberta", { login: "#alberta", mailboxUser: "#alberta" }],
  ])("%s", (userName, expected) => {
    expect(parseSourceUser(userName, {})).toEqual(expected);
  });

  test.each([
    ["/users/alberta", "alberta"],
    ["/users/alberta/", "alberta"],
    ["users/alberta.greene", "alberta.greene"],
    ["#shared.users.alberta", "alberta"],
  ])("UserRoot %s", (userRoot, mailboxUser) => {
    expect(parseSourceUser("admin", {}, userRoot)).toEqual({
      login: "admin",
      mailboxUser,
      adminUser: "admin",
    });
  });

  test("an empty UserRoot is none", () => {
    expect(parseSourceUser("alberta", {}, " ")).toEqual({ login: "alberta", mailboxUser: "alberta" });
  });

  test("the endpoint's administrator logs in for the user, whatever the user's name looks like", () => {
    expect(parseSourceUser("a*b", { adminUser: "cyrus" })).toEqual({
      login: "cyrus",
      authorizationId: "a*b",
      mailboxUser: "a*b",
      adminUser: "cyrus",
    });
  });
});

describe("sourceAccount", () => {
  const endpoint = { host: "IMAP.Example.com." };

  test("is the same for the user's own login and for every form of administrator login", () => {
    const accounts = [
      sourceAccount(endpoint, "Alberta"),
      sourceAccount(endpoint, "CONTOSO\\alberta"),
      sourceAccount(endpoint, "CONTOSO/admin/alberta"),
      sourceAccount(endpoint, "alberta*admin"),
      sourceAccount(endpoint, "#alberta#admin#"),
      sourceAccount(endpoint, "admin", "/users/alberta"),
      sourceAccount({ ...endpoint, adminUser: "cyrus" }, "alberta"),
    ];
    expect(new Set(accounts)).toEqual(new Set(["imap.example.com alberta"]));
  });

  test("differs between users and between servers", () => {
    const accounts = [
      sourceAccount(endpoint, "alberta"),
      sourceAccount(endpoint, "bobby"),
      sourceAccount({ host: "mail.example.com" }, "alberta"),
      sourceAccount(endpoint, "admin", "/users/bobby2"),
    ];
    expect(new Set(accounts).size).toBe(accounts.length);
  });
});

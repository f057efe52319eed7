import { describe, expect, it } from "vitest";
import { isForged, refusalOf } from "../../../functions/authorize.ts";
import { runsInAzure, signsCallersIn } from "../../../shared/config.ts";
import type { AppRole } from "../../../shared/domain/api/routes.ts";

const longRoleType = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role";
const nameType = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
const encoded = (principal: unknown) => Buffer.from(JSON.stringify(principal)).toString("base64");

function principal(roles: readonly string[], type = "roles"): string {
  const claims = [{ typ: "name", val: "Migration.Operate" }, ...roles.map((val) => ({ typ: type, val }))];
  return encoded({ auth_typ: "aad", name_typ: "name", role_typ: type, claims });
}

const signingIn = { inAzure: true, signsIn: true };

describe("who may use a route", () => {
  it.each<[string, readonly string[], AppRole, string | undefined]>([
    ["a reader reads", ["Migration.Read"], "Migration.Read", undefined],
    ["a reader does not operate", ["Migration.Read"], "Migration.Operate", "role"],
    ["an operator operates", ["Migration.Operate"], "Migration.Operate", undefined],
    ["an operator reads", ["Migration.Operate"], "Migration.Read", undefined],
    ["somebody without a role does neither", [], "Migration.Read", "role"],
    ["another role counts for nothing", ["migration.read", "Admin"], "Migration.Read", "role"],
  ])("%s", (_, roles, needed, refusal) => {
    expect(refusalOf(principal(roles), needed, signingIn)).toBe(refusal);
    expect(refusalOf(principal(roles, longRoleType), needed, signingIn)).toBe(refusal);
  });

  it.each([
    ["in Azure with its sign-in, nobody it let in", true, true, null, "signIn"],
    ["in Azure without, nobody", true, false, null, "signInOff"],
    [
      "in Azure without, whatever the caller says",
      true,
      false,
      principal(["Migration.Operate"]),
      "signInOff",
    ],
    ["on a machine of one's own, whoever is there", false, false, null, undefined],
    [
      "on a machine of one's own, nobody is believed",
      false,
      false,
      principal(["Migration.Operate"]),
      "signInOff",
    ],
  ])("without a role: %s", (_, inAzure, signsIn, header, refusal) => {
    expect(refusalOf(header, "Migration.Read", { inAzure, signsIn })).toBe(refusal);
    expect(refusalOf(header, "anyone", { inAzure, signsIn })).toBeUndefined();
  });

  it.each(["name", nameType, "groups"])("nobody has the roles of whom a token calls them: %s", (type) => {
    const claims = [{ typ: type, val: "Migration.Operate" }];
    expect(refusalOf(encoded({ role_typ: type, claims }), "Migration.Read", signingIn)).toBe("role");
  });

  it.each([null, "", "%%%", encoded("text"), encoded({ claims: "Migration.Operate" })])(
    "nobody has signed in with the principal %j",
    (header) => {
      expect(refusalOf(header, "Migration.Read", signingIn)).toBe("signIn");
    },
  );
});

describe("the sign-in of the platform", () => {
  it.each([
    ["True", true],
    ["true", true],
    ["False", false],
    ["", false],
    [undefined, false],
  ])("set to %s is on: %s", (value, on) => {
    expect(signsCallersIn(value === undefined ? {} : { WEBSITE_AUTH_ENABLED: value })).toBe(on);
  });
});

describe("where the app runs", () => {
  it.each([
    [
      "an instance of Flex Consumption",
      { WEBSITE_SITE_NAME: "func-mail", WEBSITE_SKU: "FlexConsumption" },
      true,
    ],
    ["an instance of another plan", { WEBSITE_INSTANCE_ID: "0f" }, true],
    ["a machine of one's own", { WEBSITE_HOSTNAME: "localhost:7071", WEBSITE_SITE_NAME: "" }, false],
  ])("is known of %s", (_, environment, inAzure) => {
    expect(runsInAzure(environment)).toBe(inAzure);
  });
});

describe("a request that a page of another site may have sent", () => {
  const none = { site: null, authorization: null, requestedWith: null };
  const local = { inAzure: false, signsIn: false };
  it.each([
    ["reads", "GET", { ...none, site: "cross-site" }, signingIn, false],
    ["comes from our own page", "POST", { ...none, site: "same-origin" }, signingIn, false],
    ["comes from another site", "POST", { ...none, site: "cross-site" }, signingIn, true],
    ["comes from another host of the site", "DELETE", { ...none, site: "same-site" }, signingIn, true],
    ["was typed in, which no change is", "PUT", { ...none, site: "none" }, signingIn, true],
    ["comes from another site to one's own machine", "PUT", { ...none, site: "cross-site" }, local, true],
    ["shows a token", "DELETE", { ...none, authorization: "Bearer x" }, signingIn, false],
    ["shows neither, from an old browser", "DELETE", none, signingIn, true],
    ["says who it is", "DELETE", { ...none, requestedWith: "imap-to-m365" }, signingIn, false],
    ["says that it is another one", "DELETE", { ...none, requestedWith: "XMLHttpRequest" }, signingIn, true],
    [
      "says who it is, and the browser knows better",
      "PUT",
      { ...none, site: "cross-site", requestedWith: "imap-to-m365" },
      signingIn,
      true,
    ],
    ["comes from a command on one's own machine", "POST", none, local, false],
  ])("%s", (_, method, headers, front, forged) => {
    expect(isForged(method, headers, front)).toBe(forged);
  });
});

import { describe, expect, it } from "vitest";
import { lackingPermissions } from "../../../shared/domain/permissions.ts";

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const token = (claims: unknown): string => `${part({ alg: "RS256" })}.${part(claims)}.signature`;
const lacking = (target: "graph" | "imap", claims: unknown) =>
  lackingPermissions(target, token(claims))?.map(({ value }) => value);

describe("what a token lacks", () => {
  it.each([
    ["graph", {}, ["User.Read.All", "Mail.ReadWrite", "Mail-Advanced.ReadWrite.All", "Mail.Send"]],
    [
      "graph",
      { roles: ["User.ReadBasic.All", "Mail.ReadWrite"] },
      ["Mail-Advanced.ReadWrite.All", "Mail.Send"],
    ],
    ["imap", { roles: ["User.Read.All"] }, ["IMAP.AccessAsApp"]],
    ["imap", { roles: ["IMAP.AccessAsApp"] }, []],
  ] as const)("for %s with %j", (target, claims, expected) => {
    expect(lacking(target, claims)).toEqual(expected);
  });

  it.each(["opaque", "a.b.c", token(null), token({ roles: "User.Read.All" }), ""])(
    "is not known of %j",
    (text) => {
      expect(lackingPermissions("graph", text)).toBeUndefined();
    },
  );
});

import { expect, it } from "vitest";
import { adminFormOf } from "../../../../shared/adapters/imap/software.ts";
import { parseSourceUser } from "../../../../shared/domain/credentials.ts";

it.each([
  ["* OK Dovecot (Debian) ready.", "", "UserName user*admin"],
  ["* OK ready", "Dovecot", "UserName user*admin"],
  ["* OK mail Cyrus IMAP 3.6.1 server ready", "", "adminUser of the endpoint, UserName user"],
  ["* OK Courier-IMAP ready.", "", "UserName admin, UserRoot /users/user"],
  ["* OK The Microsoft Exchange IMAP4 service is ready.", "", "UserName DOMAIN/admin/user"],
  ["* OK mail Mirapoint IMAP4 1.0 server ready", "", "UserName #user@domain#admin#"],
  ["* OK ready", "", undefined],
])("%s %s takes administrators by %s", (greeting, name, form) => {
  expect(adminFormOf(greeting, name)).toBe(form);
});

it("the forms that are told are those that a migration file takes", () => {
  for (const greeting of ["Dovecot", "Microsoft Exchange", "Mirapoint"]) {
    const userName = adminFormOf(greeting, "")?.replace("UserName ", "") ?? "";
    expect(parseSourceUser(userName, {})).toMatchObject({ adminUser: "admin" });
  }
});

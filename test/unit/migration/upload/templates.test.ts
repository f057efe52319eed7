import { Readable } from "node:stream";
import { expect, it } from "vitest";
import { templateKinds } from "../../../../shared/domain/upload-columns.ts";
import { openMigrationFile } from "../../../../shared/migration/upload/migration-file.ts";
import { templateOf } from "../../../../shared/migration/upload/templates.ts";

/** What an upload of the template comes to. */
async function read(kind: (typeof templateKinds)[number]) {
  const authentication = kind === "oauth" ? "xoauth2" : "password";
  const rules = { allowUnknownColumns: false, authentication } as const;
  const opened = await openMigrationFile(Readable.from([Buffer.from(templateOf(kind))]), rules);
  if ("issues" in opened) return opened.issues.map(({ code }) => code);
  const rows = [];
  for await (const row of opened.rows()) rows.push("user" in row ? row.user : row.issues);
  return rows.map((row) =>
    "userName" in row ? [row.userName, row.userRoot].filter(Boolean).join(" ") : row,
  );
}

it.each([
  ["empty", ["NoRows"]],
  ["password", ["alberta", "bobby@contoso.com"]],
  ["exchange", ["CONTOSO/admin/alberta", "CONTOSO/admin/bobby"]],
  ["dovecot", ["alberta*admin", "bobby*admin"]],
  ["mirapoint", ["#alberta@contoso.com#admin#", "#bobby@contoso.com#admin#"]],
  ["courier", ["admin /users/alberta", "admin /users/bobby"]],
  ["oauth", ["alberta@contoso.com", "bobby@contoso.com"]],
] as const)("the template %s is what an upload takes", async (kind, expected) => {
  expect(await read(kind)).toEqual(expected);
});

it("there is one of each kind", () => {
  expect(templateKinds.map((kind) => templateOf(kind).split("\r\n")[0])).toEqual(
    templateKinds.map((kind) =>
      kind === "courier"
        ? "EmailAddress,UserName,Password,UserRoot"
        : kind === "oauth"
          ? "EmailAddress,UserName"
          : "EmailAddress,UserName,Password",
    ),
  );
});

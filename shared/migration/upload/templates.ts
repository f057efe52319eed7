import { columnNames, type TemplateKind } from "../../domain/upload-columns.ts";

const [emailAddress, userName, password, userRoot] = columnNames;
const plain = [emailAddress, userName, password];

/** Rows of each kind of migration file, its headers first. No value holds a delimiter or a quote. */
const rows: Readonly<Record<TemplateKind, readonly (readonly string[])[]>> = {
  empty: [plain],
  password: [
    plain,
    ["alberta@contoso.com", "alberta", "password-of-alberta"],
    ["bobby@contoso.com", "bobby@contoso.com", "password-of-bobby"],
  ],
  exchange: [
    plain,
    ["alberta@contoso.com", "CONTOSO/admin/alberta", "password-of-admin"],
    ["bobby@contoso.com", "CONTOSO/admin/bobby", "password-of-admin"],
  ],
  dovecot: [
    plain,
    ["alberta@contoso.com", "alberta*admin", "password-of-admin"],
    ["bobby@contoso.com", "bobby*admin", "password-of-admin"],
  ],
  mirapoint: [
    plain,
    ["alberta@contoso.com", "#alberta@contoso.com#admin#", "password-of-admin"],
    ["bobby@contoso.com", "#bobby@contoso.com#admin#", "password-of-admin"],
  ],
  courier: [
    [...plain, userRoot],
    ["alberta@contoso.com", "admin", "password-of-admin", "/users/alberta"],
    ["bobby@contoso.com", "admin", "password-of-admin", "/users/bobby"],
  ],
  oauth: [
    [emailAddress, userName],
    ["alberta@contoso.com", "alberta@contoso.com"],
    ["bobby@contoso.com", "bobby@contoso.com"],
  ],
};

/** A migration file to begin with (RFC 4180). Pure. */
export function templateOf(kind: TemplateKind): string {
  return rows[kind].map((row) => `${row.join(",")}\r\n`).join("");
}

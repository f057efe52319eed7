import { isAddress } from "../../domain/addresses.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import { type ColumnName, columnNames } from "../../domain/upload-columns.ts";
import type { Layout } from "./csv-header.ts";
import type { CsvEvent } from "./csv-records.ts";
import type { UploadIssue } from "./issues.ts";

/** One user of a migration file. */
export interface UserRow {
  readonly line: number;
  readonly emailAddress: string;
  readonly userName: string;
  /** Exactly as in the file, spaces included; empty where the endpoint logs in by tokens. Never log or report it. */
  readonly password: string;
  readonly userRoot?: string | undefined;
}

export type CheckedRow = { readonly user: UserRow } | { readonly issues: readonly UploadIssue[] };

/** UTF-16 code units. An address has 254 at most (RFC 5321, 4.5.3.1.3, without the angle brackets). */
const maxLength: Readonly<Record<ColumnName, number>> = {
  EmailAddress: 254,
  UserName: 512,
  Password: 1024,
  UserRoot: 1024,
};
const longest = Math.max(...Object.values(maxLength));

/** Spaces, and characters without a shape of their own, such as marks of direction that come along with a copied address. */
const around = /^[\s\p{Cf}]+|(?<![\s\p{Cf}])[\s\p{Cf}]+$/gu;
/** What nobody sees in a name: controls, formats, and the separators of lines and paragraphs. */
const invisible = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
/** Control characters. */
const control = /\p{Cc}/u;
/** What a decoder leaves where a character was damaged. */
const damaged = "\uFFFD";

/** A row of a migration file as it was read. */
export type CsvRow = Extract<CsvEvent, { readonly kind: "record" }>;

/**
 * Checks one row that has the cells of its header. Everything that is wrong with it is reported at once. Pure.
 * Of EmailAddress, UserName and UserRoot what is invisible around them is dropped, and within them refused; each has the
 * composed form of its letters (NFC, as RFC 8265 has it for user names). A Password is kept as it is, in quotes or not.
 * @param authentication of the endpoint: without passwords none is taken from the row, whatever it holds.
 */
export function checkRow(
  { line, lastLine, cells }: CsvRow,
  layout: Layout,
  authentication: Endpoint["authentication"],
): CheckedRow {
  const cell = (name: ColumnName) => cells[layout.columns.indexOf(name)] ?? "";
  const values: Readonly<Record<ColumnName, string>> = {
    EmailAddress: nameIn(cell("EmailAddress")),
    UserName: nameIn(cell("UserName")),
    Password: authentication === "password" ? cell("Password") : "",
    UserRoot: nameIn(cell("UserRoot")),
  };
  const faults = columnNames.flatMap((name) => {
    const fault = faultOf(name, values[name], lastLine, authentication);
    return fault === undefined ? [] : [{ line, column: name, ...fault }];
  });
  if (faults.length === 0)
    return {
      user: {
        line,
        emailAddress: values.EmailAddress,
        userName: values.UserName,
        password: values.Password,
        ...(values.UserRoot === "" ? {} : { userRoot: values.UserRoot }),
      },
    };
  const addressIsSound = !faults.some(({ column }) => column === "EmailAddress");
  const emailAddress = addressIsSound ? values.EmailAddress : undefined;
  return { issues: faults.map((fault) => ({ ...fault, emailAddress })) };
}

function faultOf(
  name: ColumnName,
  value: string,
  lastLine: number,
  authentication: Endpoint["authentication"],
): Pick<UploadIssue, "code" | "message"> | undefined {
  const byToken = authentication === "xoauth2";
  if (value.trim() === "")
    return name === "UserRoot" || (name === "Password" && byToken)
      ? undefined
      : { code: "ValueMissing", message: `The ${name} is missing.` };
  if (name === "UserRoot" && byToken)
    return {
      code: "UserRootNotUsed",
      message:
        "The endpoint logs in by OAuth, where no administrator's view has a UserRoot. Put the user into UserName and leave UserRoot empty.",
    };
  if (value.includes("\n"))
    return {
      code: "LineBreakInValue",
      message: `The ${name} goes on to the next line. If a quote is not closed, the rows up to line ${lastLine} are lost as well.`,
    };
  const most = maxLength[name];
  if (value.length > most)
    return { code: "ValueTooLong", message: `The ${name} is longer than ${most} characters.` };
  const fault = name === "Password" ? control.exec(value) : invisible.exec(value);
  if (fault !== null || value.includes(damaged))
    return {
      code: "CharacterNotUsable",
      message:
        fault === null
          ? `The ${name} holds a damaged character.`
          : name === "Password"
            ? "The Password holds a control character."
            : `The ${name} holds ${codePoint(fault[0])}, which nobody sees. Type it anew.`,
    };
  if (name === "EmailAddress" && !isAddress(value))
    return { code: "AddressInvalid", message: "The EmailAddress is not an address like user@contoso.com." };
  return undefined;
}

/** The name that a cell holds. One that is too long to be used is not looked into. */
function nameIn(cell: string): string {
  const name = cell.trim();
  return name.length > longest ? name : name.replace(around, "").normalize("NFC");
}

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}

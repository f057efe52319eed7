import type { Endpoint } from "../../domain/endpoint.ts";
import type { Layout } from "./csv-header.ts";
import { type ColumnName, columnNames, type UploadIssue } from "./issues.ts";

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

const address = /^[^\s@"(),:;<>[\\\]]{1,64}@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+$/u;
/** Control characters, and the mark a decoder leaves where a character was damaged. */
const unusable = /[\p{Cc}\uFFFD]/u;

/**
 * Checks one row that has as many cells as the header. Everything that is wrong with it is reported at once. Pure.
 * Spaces around EmailAddress, UserName and UserRoot are dropped; a Password is kept as it is, in quotes or not.
 * @param authentication of the endpoint: without passwords none is taken from the row, whatever it holds.
 */
export function checkRow(
  line: number,
  cells: readonly string[],
  layout: Layout,
  authentication: Endpoint["authentication"],
): CheckedRow {
  const cell = (name: ColumnName) => cells[layout.columns.indexOf(name)] ?? "";
  const values: Readonly<Record<ColumnName, string>> = {
    EmailAddress: cell("EmailAddress").trim(),
    UserName: cell("UserName").trim(),
    Password: authentication === "password" ? cell("Password") : "",
    UserRoot: cell("UserRoot").trim(),
  };
  const lastLine = line + cells.join("").split("\n").length - 1;
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
  if (unusable.test(value))
    return {
      code: "CharacterNotUsable",
      message: `The ${name} holds a control character or a damaged character.`,
    };
  const most = maxLength[name];
  if (value.length > most)
    return { code: "ValueTooLong", message: `The ${name} is longer than ${most} characters.` };
  if (name === "EmailAddress" && !isAddress(value))
    return { code: "AddressInvalid", message: "The EmailAddress is not an address like user@contoso.com." };
  return undefined;
}

function isAddress(value: string): boolean {
  return address.test(value) && !/^\.|\.\.|\.@/.test(value);
}

import { Readable } from "node:stream";
import fc from "fast-check";
import iconv from "iconv-lite";
import { describe, expect, it } from "vitest";
import type { UploadIssue } from "../../../../shared/migration/upload/issues.ts";
import {
  type MigrationFileRules,
  openMigrationFile,
} from "../../../../shared/migration/upload/migration-file.ts";
import type { UserRow } from "../../../../shared/migration/upload/user-row.ts";

interface Reading {
  readonly users: readonly UserRow[];
  readonly issues: readonly UploadIssue[];
  readonly rejected: boolean;
}

const passwordRules = { allowUnknownColumns: false, authentication: "password" } as const;

async function read(file: string | Buffer, rules: Partial<MigrationFileRules> = {}): Promise<Reading> {
  const bytes = typeof file === "string" ? Buffer.from(file) : file;
  const opened = await openMigrationFile(Readable.from([bytes], { objectMode: false }), {
    ...passwordRules,
    ...rules,
  });
  if ("issues" in opened) return { users: [], issues: opened.issues, rejected: true };
  const users: UserRow[] = [];
  const issues = [...opened.warnings];
  for await (const row of opened.rows())
    if ("user" in row) users.push(row.user);
    else issues.push(...row.issues);
  return { users, issues, rejected: false };
}

const header = "EmailAddress,UserName,Password";
const summary = ({ issues }: Reading) =>
  issues.map(({ line, column, code }) => [line, column, code].join(" "));

describe("a sound migration file", () => {
  const wanted = [
    { line: 2, emailAddress: "a@contoso.com", userName: "a", password: "p1" },
    { line: 3, emailAddress: "b@contoso.com", userName: "admin/b", password: "p;2", userRoot: "/users/b" },
  ];
  const rows = [
    ["EmailAddress", "UserName", "Password", "UserRoot"],
    ["a@contoso.com", "a", "p1", ""],
    ["b@contoso.com", "admin/b", '"p;2"', "/users/b"],
  ];

  it.each([
    ["comma", ","],
    ["semicolon", ";"],
    ["tab", "\t"],
  ])("is read with %s as delimiter", async (_, delimiter) => {
    const reading = await read(rows.map((row) => row.join(delimiter)).join("\r\n"));
    expect(reading).toEqual({ users: wanted, issues: [], rejected: false });
  });

  it.each([
    ["CRLF", "\r\n"],
    ["LF", "\n"],
    ["CR", "\r"],
  ])("is read with %s at line ends", async (_, lineEnd) => {
    const text = rows.map((row) => row.join(",")).join(lineEnd);
    expect(await read(text)).toMatchObject({ users: wanted, issues: [] });
    expect(await read(text + lineEnd)).toMatchObject({ users: wanted, issues: [] });
  });

  it("may mix line ends", async () => {
    const reading = await read(`${header}\ra@contoso.com,a,1\r\nb@contoso.com,b,2\nc@contoso.com,c,3\r`);
    expect(reading.users.map(({ line, password }) => [line, password])).toEqual([
      [2, "1"],
      [3, "2"],
      [4, "3"],
    ]);
  });

  it.each([
    ["UTF-8", "utf-8", false],
    ["UTF-8 with a mark", "utf-8", true],
    ["UTF-16 little-endian", "utf-16le", false],
    ["UTF-16 little-endian with a mark", "utf-16le", true],
    ["UTF-16 big-endian", "utf-16be", false],
    ["UTF-16 big-endian with a mark", "utf-16be", true],
  ])("is read as %s", async (_, encoding, addBOM) => {
    const text = `${header}\r\nå@contoso.com,Grüße,пароль-密码-🔑\r\n`;
    const reading = await read(iconv.encode(text, encoding, { addBOM }));
    expect(reading).toMatchObject({
      users: [{ emailAddress: "å@contoso.com", userName: "Grüße", password: "пароль-密码-🔑" }],
      issues: [],
    });
  });

  it("is read as Windows-1252 where it is not UTF-8, and says so", async () => {
    const reading = await read(iconv.encode(`${header}\r\na@contoso.com,Grüße,pass€\r\n`, "windows-1252"));
    expect(reading.users).toMatchObject([{ userName: "Grüße", password: "pass€" }]);
    expect(summary(reading)).toEqual(["1  EncodingAssumed"]);
  });

  it("may tell its delimiter as Excel does, and begin and end with blank lines", async () => {
    const reading = await read(
      `sep=;\r\nEmailAddress;UserName;Password\r\n\r\na@contoso.com;a;1,2\r\n;;\r\n\r\n`,
    );
    expect(reading).toMatchObject({ users: [{ line: 4, password: "1,2" }], issues: [] });
    const blank = await read(`\n  \n${header}\na@contoso.com,a,1\n`);
    expect(blank).toMatchObject({ users: [{ line: 4 }], issues: [] });
  });

  it("may begin with the line that Export-Csv of PowerShell 5.1 writes", async () => {
    const rows = '"EmailAddress";"UserName";"Password"\r\n"a@contoso.com";"a";"1"\r\n';
    for (const first of [
      "#TYPE System.Management.Automation.PSCustomObject\r\n",
      "\r\n#type X;;\r\nsep=;\r\n",
    ])
      expect(await read(first + rows)).toMatchObject({
        users: [{ userName: "a", password: "1" }],
        issues: [],
      });
  });

  it("may lack optional values at the end of a row", async () => {
    const reading = await read(
      `${header},UserRoot\na@contoso.com,a,1\nb@contoso.com,b,2,/users/b\nc@contoso.com,c\n`,
    );
    expect(reading.users.map(({ line, userRoot }) => [line, userRoot])).toEqual([
      [2, undefined],
      [3, "/users/b"],
    ]);
    expect(summary(reading)).toEqual(["4  ColumnCountWrong"]);
    const unknown = await read(`${header},Note\na@contoso.com,a,1\n`, { allowUnknownColumns: true });
    expect(unknown.users).toHaveLength(1);
  });

  it("has names in one form, without what nobody sees around them", async () => {
    const reading = await read(
      `${header},UserRoot\n\u202Ae\u0301va@contoso.com\u202C, \u200Be\u0301va\uFEFF,e\u0301\u200B,/users/\u00e9va\u2060\n`,
    );
    expect(reading.users).toEqual([
      {
        line: 2,
        emailAddress: "\u00e9va@contoso.com",
        userName: "\u00e9va",
        password: "e\u0301\u200B",
        userRoot: "/users/\u00e9va",
      },
    ]);
  });

  it("may have its headers in any order, case and with spaces around them", async () => {
    const reading = await read("password , USERNAME,emailaddress\n p w ,  a ,\ta@contoso.com \n");
    expect(reading.users).toEqual([
      { line: 2, emailAddress: "a@contoso.com", userName: "a", password: " p w " },
    ]);
  });

  it("keeps a password exactly as it is", async () => {
    const passwords = [" lead", "trail ", 'quo""te', "com,ma", "'=1+1", "\u00a0nbsp", "tab\u2003wide"];
    const reading = await read(
      [header, ...passwords.map((password, n) => `u${n}@contoso.com,u,"${password}"`)].join("\n"),
    );
    expect(reading.users.map(({ password }) => password)).toEqual(
      passwords.map((password) => password.replaceAll('""', '"')),
    );
  });

  it("may have unknown columns where the batch allows them", async () => {
    const text = 'Note,EmailAddress,UserName,Password\n"two\nlines",a@contoso.com,a,1\nx,b@contoso.com,b,2\n';
    expect(summary(await read(text))).toEqual(["1  HeaderUnknown"]);
    const reading = await read(text, { allowUnknownColumns: true });
    expect(reading.users.map(({ line, userName }) => [line, userName])).toEqual([
      [2, "a"],
      [4, "b"],
    ]);
  });

  it("reads every row again each time", async () => {
    const opened = await openMigrationFile(
      Readable.from([Buffer.from(`${header}\na@contoso.com,a,1\n`)]),
      passwordRules,
    );
    if ("issues" in opened) throw new Error("the file was refused");
    const count = async () => {
      let rows = 0;
      for await (const row of opened.rows()) rows += "user" in row ? 1 : 0;
      return rows;
    };
    expect([await count(), await count()]).toEqual([1, 1]);
  });
});

describe("a file refused as a whole", () => {
  it.each([
    ["empty", "", "0  FileEmpty"],
    ["nothing but a mark", "\uFEFF", "0  FileEmpty"],
    ["blank lines only", "\r\n \r\n;\r\n", "0  FileEmpty"],
    ["headers only", `${header}\r\n\r\n`, "1  NoRows"],
    ["no headers", "a@contoso.com,a,1\n", "1  HeaderMissing"],
    ["a header missing", "EmailAddress,UserName\na@contoso.com,a\n", "1 Password HeaderMissing"],
    ["a header with a space", "Email Address,UserName,Password\n", "1 EmailAddress HeaderMisspelt"],
    ["a header misspelt", "EmailAddress,UserName,Pasword\n", "1 Password HeaderMisspelt"],
    ["an optional header misspelt", `${header},User_Root\n`, "1 UserRoot HeaderMisspelt"],
    ["a header repeated", `${header},password\n`, "1 Password HeaderRepeated"],
    ["an unknown header", `${header},Department\n`, "1  HeaderUnknown"],
    ["a quote never closed", `${header}\na@contoso.com,a,1\nb@contoso.com,b,"2\n`, "3  QuotesUnbalanced"],
    ["text after a closing quote", `${header}\na@contoso.com,a,"1"2\n`, "2  QuotesUnbalanced"],
    [
      "a quote closed rows later",
      `${header}\na@contoso.com,a,"1\nb@contoso.com,b,2\nc@contoso.com,"c",3\n`,
      "2  QuotesUnbalanced",
    ],
  ])("%s", async (_, text, expected) => {
    const reading = await read(text);
    expect(summary(reading)).toEqual([expected]);
    expect(reading.rejected).toBe(true);
  });

  it.each([
    ["an Excel workbook", Buffer.from("PK\u0003\u0004rest of the archive")],
    ["an old Excel workbook", Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 1, 2, 3])],
    ["a picture", Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 0, 13, 9, 9, 9, 9])],
    ["UTF-8 by its mark only", Buffer.from([0xef, 0xbb, 0xbf, 0x41, 0xff, 0xfe])],
  ])("not text: %s", async (_, bytes) => {
    expect(summary(await read(bytes))).toEqual(["0  FileNotText"]);
  });

  it("more bytes than allowed, of which no more are read", async () => {
    let made = 0;
    const endless = Readable.from(
      (function* () {
        for (; made < 1_000; made++) yield Buffer.alloc(100_000, "x");
      })(),
      { objectMode: false },
    );
    const opened = await openMigrationFile(endless, passwordRules);
    expect(opened).toMatchObject({ issues: [{ code: "FileTooLarge" }] });
    expect(made).toBeLessThan(200);
  });

  it("one row more than allowed", async () => {
    const rows = (count: number) =>
      [header, ...Array.from({ length: count }, (_, n) => `u${n}@contoso.com,u,p`)].join("\n");
    expect((await read(rows(50_000))).users).toHaveLength(50_000);
    expect(summary(await read(rows(50_001)))).toEqual(["50002  TooManyRows"]);
  });

  it("names the header that was meant, and never what the cell says", async () => {
    const { issues } = await read("EmailAdress,User Name,P@ssw0rd-canary\n");
    expect(JSON.stringify(issues)).not.toContain("canary");
    const misspelt = await read("EmailAdress,User Name,Passwort\n");
    expect(misspelt.issues.map(({ message }) => message)).toEqual([
      'The header of column 1 looks like "EmailAddress" but is spelt differently.',
      'The header of column 2 looks like "UserName" but is spelt differently.',
      'The header of column 3 looks like "Password" but is spelt differently.',
    ]);
  });
});

describe("an odd file", () => {
  /** How often others got their turn meanwhile. */
  async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await work();
    clearInterval(timer);
    return turns;
  }

  const row = "a@contoso.com,a,1\n";
  const oneUser = "1 user";
  it.each([
    ["500,000 carriage returns", `${header}\n${row}${"\r".repeat(500_000)}`, oneUser],
    ["a million blank rows of a spreadsheet", `${header}\n${row}${",,\r\n".repeat(1_000_000)}`, oneUser],
    [
      "more blank lines than a spreadsheet has",
      `${header}\n${row}${"\n".repeat(9_000_000)}`,
      "1048577  TooManyRows",
    ],
    [
      "five million line breaks before the header",
      `${"\n".repeat(5_000_000)}${header}\n${row}`,
      "0  TooManyRows",
    ],
    ["a header of five million cells", "x,".repeat(5_000_000), "1  HeaderTooWide"],
    ["a header of misspelt cells", "EmailAdress;".repeat(800_000), "1  HeaderTooWide"],
    ["nothing but commas", ",".repeat(10_000_000), "0  FileEmpty"],
    ["a row of nothing but commas", `${header}\n${row}${",".repeat(9_000_000)}x`, "3  ColumnCountWrong"],
    ["a value of 9 MB", `${header}\n${row}"${"a b".repeat(3_000_000)}",a,1`, "3 EmailAddress ValueTooLong"],
    [
      "a value of nine million lines",
      `${header}\n${row}"x${"\n".repeat(9_000_000)}y",a,1`,
      "3 EmailAddress LineBreakInValue",
    ],
    ["a quote never closed", `${header}\n${row}"${"x\n".repeat(4_000_000)}`, "3  QuotesUnbalanced"],
    ["nothing but quotes", `${header}\n${row}${'"'.repeat(9_000_001)}`, "3  QuotesUnbalanced"],
    ["a row of stray quotes", `${header}\n${row}x${'"'.repeat(9_000_000)}`, "3  QuoteInValue"],
  ])("is read or refused while others get their turn: %s", async (_, file, expected) => {
    const bytes = Buffer.from(file);
    let reading: Reading | undefined;
    const turns = await turnsDuring(async () => {
      reading = await read(bytes);
    });
    expect(turns).toBeGreaterThan(1);
    const seen = reading && summary(reading);
    expect(reading?.users.length === 1 && seen?.length === 0 ? oneUser : seen?.join()).toBe(expected);
  });

  it("of 50,000 rows with stray quotes has each of them reported", async () => {
    const rows = Array.from({ length: 50_000 }, (_, n) => `u${n}@contoso.com,u"1",p"w`);
    const reading = await read([header, ...rows].join("\n"));
    expect(reading.issues).toHaveLength(50_000);
    expect(new Set(reading.issues.map(({ code }) => code))).toEqual(new Set(["QuoteInValue"]));
  });

  it("of unknown columns keeps none of them", async () => {
    const columns = Array.from({ length: 900 }, (_, n) => `c${n}`).join(",");
    const text = `${header},${columns}\na@contoso.com,a,1${",xx".repeat(900)}\n`;
    expect((await read(text, { allowUnknownColumns: true })).users).toHaveLength(1);
    expect(summary(await read(text))).toHaveLength(900);
  });
});

describe("a row refused on its own", () => {
  const good = "good@contoso.com,good,secret";

  it.each([
    ["too few values", "a@contoso.com,a", "3  ColumnCountWrong"],
    ["too many values", "a@contoso.com,a,pass,word", "3  ColumnCountWrong"],
    ["a delimiter at the end", "a@contoso.com,a,1,", "3  ColumnCountWrong"],
    ["no address", ",a,1", "3 EmailAddress ValueMissing"],
    ["no user name", "a@contoso.com, ,1", "3 UserName ValueMissing"],
    ["no password", "a@contoso.com,a,", "3 Password ValueMissing"],
    ["a password of spaces", 'a@contoso.com,a,"  "', "3 Password ValueMissing"],
    ["no domain", "a@contoso,a,1", "3 EmailAddress AddressInvalid"],
    ["no @", "contoso.com,a,1", "3 EmailAddress AddressInvalid"],
    ["two @", "a@b@contoso.com,a,1", "3 EmailAddress AddressInvalid"],
    ["a space in the address", "a b@contoso.com,a,1", "3 EmailAddress AddressInvalid"],
    ["dots in a row", "a..b@contoso.com,a,1", "3 EmailAddress AddressInvalid"],
    ["a display name", '"A <a@contoso.com>",a,1', "3 EmailAddress AddressInvalid"],
    ["an address too long", `${"a".repeat(60)}@${"b".repeat(200)}.com,a,1`, "3 EmailAddress ValueTooLong"],
    ["a user name too long", `a@contoso.com,${"a".repeat(513)},1`, "3 UserName ValueTooLong"],
    ["a password too long", `a@contoso.com,a,${"a".repeat(1025)}`, "3 Password ValueTooLong"],
    ["a control character", "a@contoso.com,a,1\u0007", "3 Password CharacterNotUsable"],
    ["a damaged character", "a@contoso.com,a\ufffd,1", "3 UserName CharacterNotUsable"],
    ["a line break in a value", 'a@contoso.com,a,"1\n2"', "3 Password LineBreakInValue"],
    ["a quote in a value without quotes", 'a@contoso.com,a"b"c,1', "3  QuoteInValue"],
    ["an invisible character in an address", "a\u200Bb@contoso.com,a,1", "3 EmailAddress CharacterNotUsable"],
    ["a soft hyphen in a name", "a@contoso.com,a\u00ADb,1", "3 UserName CharacterNotUsable"],
    ["a separator of lines in a name", "a@contoso.com,a\u2028b,1", "3 UserName CharacterNotUsable"],
    ["a label that begins with a hyphen", "a@-contoso.com,a,1", "3 EmailAddress AddressInvalid"],
    ["a label that ends with a hyphen", "a@contoso-.com,a,1", "3 EmailAddress AddressInvalid"],
    ["the same address in wide letters", "\uFF47ood@contoso.com,a,1", "3 EmailAddress AddressRepeated"],
    ["the same address again", "GOOD@Contoso.com,a,1", "3 EmailAddress AddressRepeated"],
  ])("%s", async (_, row, expected) => {
    const reading = await read(`${header}\n${good}\n${row}\nlast@contoso.com,last,1\n`);
    expect(summary(reading)).toEqual([expected]);
    expect(reading.users.map(({ userName }) => userName)).toEqual(["good", "last"]);
    expect(reading.users[1]?.line).toBe(row.includes("\n") ? 5 : 4);
  });

  it("is reported with everything that is wrong with it, and with its address only if that is sound", async () => {
    const reading = await read(`${header}\n${good}\nbad,,\nsound@contoso.com,,\n`);
    expect(
      reading.issues.map(({ line, emailAddress, column, code }) => [line, emailAddress, column, code]),
    ).toEqual([
      [3, undefined, "EmailAddress", "AddressInvalid"],
      [3, undefined, "UserName", "ValueMissing"],
      [3, undefined, "Password", "ValueMissing"],
      [4, "sound@contoso.com", "UserName", "ValueMissing"],
      [4, "sound@contoso.com", "Password", "ValueMissing"],
    ]);
  });

  it.each([
    ["composed and decomposed letters", "\u00fcte@contoso.com", "u\u0308te@contoso.com"],
    ["a dotless i", "info@contoso.com", "\u0131nfo@contoso.com"],
    ["a capital dotless i", "\u0131nfo@contoso.com", "INFO@contoso.com"],
  ])("may look like another one: %s", async (_, one, other) => {
    const reading = await read(`${header}\n${one},a,1\n${other},b,2\n`);
    expect(reading.users.map(({ line }) => line)).toEqual([2]);
    expect(summary(reading)).toEqual(["3 EmailAddress AddressRepeated"]);
  });

  it("says which character nobody sees", async () => {
    const reading = await read(`${header}\na\u200Bb@contoso.com,a,1\n`);
    expect(reading.issues).toEqual([
      {
        line: 2,
        column: "EmailAddress",
        code: "CharacterNotUsable",
        message: "The EmailAddress holds U+200B, which nobody sees. Type it anew.",
      },
    ]);
  });

  it("does not take the address from a good row that comes later", async () => {
    const reading = await read(`${header}\na@contoso.com,a,\nA@contoso.com,a,1\na@contoso.com,a,2\n`);
    expect(reading.users.map(({ line }) => line)).toEqual([3]);
    expect(reading.issues.at(-1)?.message).toContain("line 3");
  });

  it("has its line as an editor shows it, whatever came before", async () => {
    const text = `Note,${header}\r\n"one\r\ntwo\r\n\r\nfour",a@contoso.com,a,1\r\n\r\nx,b"b,b,1\r\nx,bad,c,1\r\n`;
    const reading = await read(text, { allowUnknownColumns: true });
    expect(reading.users.map(({ line }) => line)).toEqual([2]);
    expect(summary(reading)).toEqual(["7  QuoteInValue", "8 EmailAddress AddressInvalid"]);
  });

  it("is never shown: a password in any column stays out of every issue", async () => {
    const canary = "canary-7f3a";
    const rows = [
      `a@contoso.com,${canary}`,
      `a@contoso.com,a,x,${canary}`,
      `${canary},a@contoso.com,a`,
      `${canary}"x,a,1`,
      `b@contoso.com,,${canary}`,
      `c@contoso.com,c,"${canary}\n${canary}"`,
      `d@contoso.com,d,${canary}\u0001`,
      `e@contoso.com,e,${canary.repeat(200)}`,
    ];
    const reading = await read([header, good, ...rows].join("\n"));
    expect(reading.issues).toHaveLength(rows.length);
    expect(JSON.stringify(reading.issues)).not.toContain("canary");
    const unbalanced = await read(`${header}\na@contoso.com,a,"${canary}\n`);
    expect(JSON.stringify(unbalanced.issues)).not.toContain("canary");
  });
});

describe("any rows", () => {
  const value = fc.string({
    unit: fc.constantFrom("a", " ", ",", ";", "\t", '"', "'", "é", "密"),
    minLength: 1,
  });
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;

  it("come back as they were written, in pieces of any size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          value.filter((text) => text.trim() !== "" && !text.includes("\t")),
          { minLength: 1, maxLength: 20 },
        ),
        fc.constantFrom(",", ";"),
        fc.integer({ min: 1, max: 50 }),
        async (passwords, delimiter, size) => {
          const lines = [
            header.replaceAll(",", delimiter),
            ...passwords.map((password, n) => [`u${n}@contoso.com`, "u", quoted(password)].join(delimiter)),
          ];
          const bytes = Buffer.from(lines.join("\r\n"));
          const pieces: Buffer[] = [];
          for (let start = 0; start < bytes.length; start += size)
            pieces.push(bytes.subarray(start, start + size));
          const opened = await openMigrationFile(Readable.from(pieces, { objectMode: false }), passwordRules);
          if ("issues" in opened) throw new Error(JSON.stringify(opened.issues));
          const found: string[] = [];
          for await (const row of opened.rows()) if ("user" in row) found.push(row.user.password);
          expect(found).toEqual(passwords);
        },
      ),
    );
  });
});

describe("a migration file for an endpoint that logs in by tokens", () => {
  const byToken = { authentication: "xoauth2" } as const;
  const users = [{ line: 2, emailAddress: "a@contoso.com", userName: "a", password: "" }];

  it.each([
    ["no column for passwords", "EmailAddress,UserName\na@contoso.com,a\n"],
    ["an empty one", `${header}\na@contoso.com,a,\n`],
  ])("needs no passwords: %s", async (_, file) => {
    expect(await read(file, byToken)).toEqual({ users, issues: [], rejected: false });
  });

  it("keeps no passwords, and says so once", async () => {
    const reading = await read(`${header}\na@contoso.com,a,canary\nb@contoso.com,b,canary\n`, byToken);
    expect(reading.users).toHaveLength(2);
    expect(summary(reading)).toEqual(["2 Password PasswordNotUsed"]);
    expect(JSON.stringify(reading)).not.toContain("canary");
  });

  it("refuses an administrator's view of a user", async () => {
    const reading = await read(`${header},UserRoot\na@contoso.com,admin,,/users/a\n`, byToken);
    expect(summary(reading)).toEqual(["2 UserRoot UserRootNotUsed"]);
  });

  it("leaves the others as they are: they need passwords", async () => {
    expect(summary(await read("EmailAddress,UserName\na@contoso.com,a\n"))).toEqual([
      "1 Password HeaderMissing",
    ]);
    expect(summary(await read(`${header}\na@contoso.com,a,\n`))).toEqual(["2 Password ValueMissing"]);
  });
});

import iconv from "iconv-lite";
import { Random } from "../../random.ts";
import { type BaseMessage, baseMessages, type Truth } from "./base-messages.ts";

export type Family = "header" | "boundary" | "charset" | "encoding" | "nesting" | "names" | "words";

/** A message in good order that was damaged in one way. */
export interface DamagedMessage {
  /** Unique: the damage and the base. */
  readonly id: string;
  readonly family: Family;
  readonly damage: string;
  readonly content: Buffer;
  /** What is to be read all the same. */
  readonly truth: Truth;
}

/** What a mutation makes of a message; undefined where the message has nothing for it to damage. */
type Outcome = string | Buffer | { readonly mail: string; readonly truth: Partial<Truth> } | undefined;
type Mutation = (base: BaseMessage, random: Random) => Outcome;

/** The header without its last line feed, and what follows. */
function split(mail: string): readonly [header: string, rest: string] {
  const end = mail.indexOf("\n\n");
  return [mail.slice(0, end), mail.slice(end + 1)];
}

function inHeader(mail: string, change: (header: string) => string): string {
  const [header, rest] = split(mail);
  return `${change(header)}\n${rest}`;
}

/** Undefined where nothing changed. */
function changed(before: string, after: string): string | undefined {
  return before === after ? undefined : after;
}

function replaced(mail: string, pattern: RegExp | string, by: string): string | undefined {
  return changed(mail, mail.replace(pattern, by));
}

function between(mail: string, lines: string, random: Random): string {
  return inHeader(mail, (header) => {
    const fields = header.split("\n");
    const at = random.integer(1, fields.length - 1);
    return [...fields.slice(0, at), lines, ...fields.slice(at)].join("\n");
  });
}

const outerBoundary = (mail: string) => /boundary="([^"]+)"/.exec(mail)?.[1];
const utf8 = (text: string) => Buffer.from(text).toString("latin1");
const legacy = (text: string, charset: string) => iconv.encode(text, charset).toString("latin1");

/** Asks for a multipart and its outer boundary. */
function ofMultipart(change: (mail: string, boundary: string, base: BaseMessage) => Outcome): Mutation {
  return (base) => {
    const boundary = outerBoundary(base.mail);
    return boundary === undefined ? undefined : change(base.mail, boundary, base);
  };
}

function onMail(change: (mail: string, random: Random) => string | undefined): Mutation {
  return ({ mail }, random) => change(mail, random);
}

function firstName(mail: string, by: string): string | undefined {
  return replaced(
    mail.replace(/; name="plan.zip"/, ""),
    'attachment; filename="plan.zip"',
    by.replaceAll("\n", "\n"),
  );
}

function fileCalled(name: string, disposition: string): Mutation {
  return ({ mail, truth }) => {
    const renamed = firstName(mail, disposition);
    if (renamed === undefined || !mail.includes("plan.zip")) return undefined;
    const files = truth.files.map((file) => (file.name === "plan.zip" ? { ...file, name } : file));
    return { mail: renamed, truth: { files } };
  };
}

function subjectAs(field: string, subject: string): Mutation {
  return ({ mail }) => ({
    mail: mail.replace(/^Subject: .*$/m, () => `Subject: ${field}`),
    truth: { subject },
  });
}

/** Around the text/plain of UTF-8 in quoted-printable, which becomes 8bit. */
function eightBit(mail: string): string | undefined {
  if (!/quoted-printable/.test(mail)) return undefined;
  return mail
    .replace("Content-Transfer-Encoding: quoted-printable", "Content-Transfer-Encoding: 8bit")
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function charsetAs(type: string): Mutation {
  return onMail((mail) => {
    const plain = eightBit(mail);
    return plain === undefined || mail.includes("multipart/alternative")
      ? undefined
      : replaced(plain, "Content-Type: text/plain; charset=utf-8", type);
  });
}

const mutations: Readonly<Record<Family, Readonly<Record<string, Mutation>>>> = {
  header: {
    "banner before": onMail((mail) => `Microsoft Mail Internet Headers Version 2.0\n${mail}`),
    "mbox line before": onMail((mail) => `From ada@example.org Tue Mar  3 09:00:00 2015\n${mail}`),
    "quoted mbox line before": onMail((mail) => `>From ada@example.org Tue Mar  3 09:00:00 2015\n${mail}`),
    "empty lines before": onMail((mail, random) => "\n".repeat(random.integer(1, 3)) + mail),
    "byte order mark": onMail((mail) => `\xef\xbb\xbf${mail}`),
    "first line indented": onMail((mail) => ` ${mail}`),
    "stray line": onMail((mail, random) => between(mail, "this line is no field", random)),
    "two stray lines": onMail((mail, random) => between(mail, "this line is no field\nnor this", random)),
    "blanks before colons": onMail((mail) => inHeader(mail, (text) => text.replace(/^([\w-]+):/gm, "$1 :"))),
    "names in capitals": onMail((mail) =>
      inHeader(mail, (text) => text.replace(/^[\w-]+:/gm, (name) => name.toUpperCase())),
    ),
    "bare line feeds": ({ mail }) => Buffer.from(mail, "latin1"),
    "second subject": onMail((mail) => inHeader(mail, (text) => `${text}\nSubject: another one`)),
    "folded at every blank": onMail((mail) =>
      inHeader(mail, (text) =>
        text.replace(/^(Subject|Content-Type|To): (.*)$/gm, (line) => line.replaceAll(" ", "\n ")),
      ),
    ),
    "NUL in a field": onMail((mail) => inHeader(mail, (text) => `${text}\nX-Nul: a\0b`)),
    "field of 50 KB": onMail((mail, random) => between(mail, `X-Long: ${"x".repeat(50_000)}`, random)),
    "no blank line after": onMail((mail) => mail.replace("\n\n", "\n")),
    "line of blanks after": onMail((mail) => mail.replace("\n\n", "\n  \n")),
    "comma in a name": ({ mail, truth }) => ({
      mail: mail.replace("From: Ada Example", "From: Example, Ada"),
      truth: { from: { ...truth.from, name: "Example, Ada" } },
    }),
    "no closing bracket": onMail((mail) => mail.replace("ada@example.org>\nTo", "ada@example.org\nTo")),
    "fields after junk of a scanner": onMail((mail) =>
      inHeader(mail, (text) => text.replace("\nSubject", "\n*****SPAM*****\nSubject")),
    ),
  },
  boundary: {
    "folded inside quotes": ofMultipart((mail, boundary) =>
      mail
        .replace(`boundary="${boundary}"`, 'boundary="part=AAAA1111\n =BBBB2222"')
        .replaceAll(`--${boundary}`, "--part=AAAA1111=BBBB2222"),
    ),
    "never closed": ofMultipart((mail, boundary) => mail.replace(`--${boundary}--\n`, "")),
    "closed before the last part": ofMultipart((mail, boundary, { truth }) => {
      // Alternatives that stand behind the end are no alternatives any more.
      if (truth.files.length === 0) return undefined;
      const last = mail.lastIndexOf(`--${boundary}\n`);
      return `${mail.slice(0, last)}--${boundary}--\n${mail.slice(last)}`;
    }),
    "not quoted": ofMultipart((mail, boundary) => mail.replace(`"${boundary}"`, boundary)),
    "blanks behind delimiters": ofMultipart((mail, boundary) =>
      mail.replaceAll(`--${boundary}\n`, `--${boundary} \t \n`),
    ),
    "not declared": ofMultipart((mail, boundary) => mail.replace(`; boundary="${boundary}"`, "")),
    "no semicolon": ofMultipart((mail) => mail.replace("; boundary=", " boundary=")),
    "a second Content-Type first": ofMultipart((mail) =>
      mail.replace("Content-Type: multipart", "Content-Type: text/plain\nContent-Type: multipart"),
    ),
    "a second Content-Type behind": ofMultipart((mail) =>
      mail.replace(/^(Content-Type: multipart.*)$/m, "$1\nContent-Type: text/plain"),
    ),
    "parameter in capitals": ofMultipart((mail) => mail.replace("boundary=", "BOUNDARY=")),
    "text before the parts": ofMultipart((mail) => mail.replace("\n\n", "\n\nsomething is written here\n")),
    "text behind the parts": ofMultipart((mail) => `${mail}\n____\nfooter of a list\n`),
    "cut in the last part": ofMultipart((mail, boundary, { truth }) => {
      if (truth.files.length === 0) return undefined;
      const end = mail.lastIndexOf(`--${boundary}--`);
      return { mail: mail.slice(0, end - 9), truth: { files: truth.files.slice(0, -1) } };
    }),
    "delimiters with bare line feeds": ofMultipart((mail, boundary) =>
      Buffer.from(
        mail.replaceAll("\n", "\r\n").replaceAll(`\r\n--${boundary}\r\n`, `\n--${boundary}\n`),
        "latin1",
      ),
    ),
    "a delimiter twice": ofMultipart((mail, boundary) =>
      mail.replace(`--${boundary}\n`, `--${boundary}\n\n--${boundary}\n`),
    ),
  },
  charset: {
    unknown: charsetAs("Content-Type: text/plain; charset=x-foo-9"),
    missing: charsetAs("Content-Type: text/plain"),
    "in single quotes": charsetAs("Content-Type: text/plain; charset='utf-8'"),
    "with junk": charsetAs('Content-Type: text/plain; charset="utf-8;"'),
    "without hyphen": charsetAs("Content-Type: text/plain; charset=UTF8"),
    "declared as ASCII": charsetAs("Content-Type: text/plain; charset=us-ascii"),
    "declared as Latin-1": charsetAs("Content-Type: text/plain; charset=iso-8859-1"),
    "no semicolon": charsetAs("Content-Type: text/plain charset=utf-8"),
    "with a colon": charsetAs("Content-Type: text/plain; charset:utf-8"),
    "a byte that fits not": onMail((mail) => {
      const plain = eightBit(mail);
      return plain === undefined || mail.includes("multipart/alternative")
        ? undefined
        : replaced(plain, "lanterns", "lanterns \xff");
    }),
    "Latin-1 without declaration": onMail((mail) => {
      const plain = eightBit(mail);
      if (plain === undefined || mail.includes("multipart/alternative")) return undefined;
      return plain.replace("; charset=utf-8", "").replace(utf8("Grüße"), legacy("Grüße", "latin1"));
    }),
  },
  encoding: {
    "base64 with junk": onMail((mail) => replaced(mail, /(base64\n[\s\S]*?\n\n.{40})/, "$1 !!\n*#! ")),
    "base64 without padding": onMail((mail) => replaced(mail, /={1,2}\n--/, "\n--")),
    "base64 on one line": onMail((mail) =>
      changed(
        mail,
        mail.replace(/(?<=\n)([A-Za-z0-9+/]{76}\n)+/g, (lines) => lines.replaceAll("\n", "")),
      ),
    ),
    "base64 in uneven lines": onMail((mail) =>
      replaced(mail, /(?<=\n)([A-Za-z0-9+/]{33})([A-Za-z0-9+/]{43}\n)/, "$1\n$2"),
    ),
    "quoted-printable in small letters": onMail((mail) =>
      changed(
        mail,
        mail.replace(/=[0-9A-F]{2}(?=[=\w])/g, (code) => code.toLowerCase()),
      ),
    ),
    "quoted-printable with stray signs": onMail((mail) =>
      replaced(mail, "Hello there,\nGr=C3", "Hello = there,\nGr=C3"),
    ),
    "soft line break with blanks": onMail((mail) =>
      mail.includes("quoted-printable")
        ? replaced(mail, "windmill and lan", "wind=  \nmill and lan")
        : undefined,
    ),
    "in capitals with a comment": onMail((mail) =>
      replaced(mail, "Encoding: quoted-printable", "Encoding: QUOTED-PRINTABLE (sic)"),
    ),
    "in quotes": onMail((mail) => replaced(mail, "Encoding: base64", 'Encoding: "base64"')),
    "on the line of the type": onMail((mail) =>
      replaced(
        mail,
        "charset=utf-8\nContent-Transfer-Encoding: quoted",
        "charset=utf-8 Content-Transfer-Encoding: quoted",
      ),
    ),
    unknown: ({ mail, truth }) => {
      const plain = replaced(mail, "Encoding: quoted-printable", "Encoding: x-foo");
      return plain === undefined
        ? undefined
        : { mail: plain, truth: { words: truth.words.filter((word) => /^[\w]+$/.test(word)) } };
    },
    "uuencode in the text": ({ mail, truth }) => {
      const plain = mail.includes("multipart") ? undefined : eightBit(mail);
      if (plain === undefined) return undefined;
      const file = { name: "cat.txt", content: Buffer.from("Cat") };
      return {
        mail: `${plain}begin 644 cat.txt\n#0V%T\n\`\nend\n`,
        truth: { files: [...truth.files, file] },
      };
    },
  },
  nesting: {
    "inner boundary is the outer": ofMultipart((mail, boundary) => {
      const inner = /boundary="=_alt"/.test(mail) && boundary !== "=_alt";
      return inner ? mail.replaceAll("=_alt", boundary) : undefined;
    }),
    "inner never closed": ofMultipart((mail, boundary) =>
      boundary === "=_alt" ? undefined : replaced(mail, "--=_alt--\n", ""),
    ),
    "wrapped ten times": (base) => wrapped(base, 10, "mixed"),
    "wrapped in an unknown multipart": (base) => wrapped(base, 1, "x-foo"),
    "a part without header": ofMultipart((mail, boundary) =>
      mail.replace(`--${boundary}\n`, `--${boundary}\nno header here\n--${boundary}\n`),
    ),
    "an empty part": ofMultipart((mail, boundary) =>
      mail.replace(`--${boundary}--`, `--${boundary}\n\n--${boundary}--`),
    ),
  },
  names: {
    "encoded words in quotes": fileCalled("Über x.zip", 'attachment; filename="=?utf-8?Q?=C3=9Cber_x.zip?="'),
    "encoded words over continuations": fileCalled(
      "tea ☕☕.zip",
      'attachment; filename*0="=?UTF-8?Q?tea_=E2=98=95?=\n =?UTF-8?Q?=E2=98=9"; filename*1="5.zip?="',
    ),
    "raw UTF-8": fileCalled("Über.zip", `attachment; filename="${utf8("Über.zip")}"`),
    "quotes inside quotes": fileCalled("the _best_ one.zip", 'attachment; filename="the "best" one.zip"'),
    "no quotes": fileCalled("my plan.zip", "attachment; filename=my plan.zip"),
    "no closing quote": fileCalled("open.zip", 'attachment; filename="open.zip'),
    "no semicolon": fileCalled("new.zip", "attachment filename=new.zip"),
    "extended without asterisk": fileCalled("Über.zip", "attachment; filename=\"utf-8''%C3%9Cber.zip\""),
    "extended and plain continuations": fileCalled(
      "Über x.zip",
      "attachment; filename*0*=utf-8''%C3%9C; filename*1=ber; filename*2*=%20x.zip",
    ),
  },
  words: {
    "question marks and blanks": subjectAs(
      "=?UTF-8?Q?Ready for lunch? (today)?=",
      "Ready for lunch? (today)",
    ),
    "no blank between": subjectAs("=?utf-8?B?R3LDvMOfZQ==?==?utf-8?Q?_an_alle?=", "Grüße an alle"),
    "cut inside base64": subjectAs("=?utf-8?B?R3LDvM?= =?utf-8?B?OfZQ==?=", "Grüße"),
    "a character cut in two": subjectAs("=?utf-8?B?4pg=?= =?utf-8?B?gw==?=", "☃"),
    "small letters": subjectAs("=?utf-8?q?gr=c3=bc=c3=9fe?=", "grüße"),
    "raw UTF-8": subjectAs(utf8("Grüße an alle"), "Grüße an alle"),
    "raw in the charset of the text": ({ mail }) => {
      if (!mail.includes("koi8-r\n")) return undefined;
      const subject = "Отчет за год";
      return {
        mail: mail.replace(/^Subject: .*$/m, () => `Subject: ${legacy(subject, "koi8-r")}`),
        truth: { subject },
      };
    },
    "glued to text": subjectAs("Re:=?utf-8?Q?Gr=C3=BC=C3=9Fe?=!", "Re:Grüße!"),
  },
};

function wrapped({ mail }: BaseMessage, times: number, subtype: string): string {
  const at = mail.indexOf("Content-Type:");
  let entity = mail.slice(at);
  for (let level = 0; level < times; level++)
    entity = `Content-Type: multipart/${subtype}; boundary="=_w${level}"\n\n--=_w${level}\n${entity}--=_w${level}--\n`;
  return mail.slice(0, at) + entity;
}

/** Every base message damaged in every way it can be, one way at a time; the same at every call. */
export function damagedMessages(): readonly DamagedMessage[] {
  const random = new Random("mutations");
  return Object.entries(mutations).flatMap(([family, ways]) =>
    Object.entries(ways).flatMap(([damage, mutate]) =>
      baseMessages.flatMap((base) => {
        const id = `${family}: ${damage} (${base.name})`;
        // Programs that keep mail keep each Message-ID once.
        const own = `<${id.replace(/\W+/g, "-")}@example.org>`;
        const mail = base.mail.replace(/^Message-ID: .*$/m, `Message-ID: ${own}`);
        const outcome = mutate({ ...base, mail }, random.fork(id));
        if (outcome === undefined) return [];
        const plain = typeof outcome === "string" ? { mail: outcome, truth: {} } : outcome;
        const content = Buffer.isBuffer(plain)
          ? plain
          : Buffer.from(plain.mail.replace(/\r?\n/g, "\r\n"), "latin1");
        const truth = { ...base.truth, ...(Buffer.isBuffer(plain) ? {} : plain.truth) };
        return [{ id, family: family as Family, damage, content, truth }];
      }),
    ),
  );
}

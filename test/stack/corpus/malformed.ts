import { address, bodyText, boundary, type Draft, dateField, subjectField, usualFields } from "./draft.ts";
import { ENGLISH, GERMAN, paragraphs } from "./text.ts";

/** Mail that breaks the standards and is found in every old mailbox all the same, by kind. */
export const MALFORMED: Readonly<Record<string, (draft: Draft) => Buffer>> = {
  noHeaders: (draft) => raw([], plainBody(draft)),

  emptyBody: (draft) => raw(usualFields(draft), ""),

  headersWithoutBlankLine: (draft) => Buffer.from(`${usualFields(draft).join("\r\n")}\r\n`),

  noDate: (draft) => raw(without(draft, "Date:"), plainBody(draft)),

  unreadableDate: (draft) =>
    raw([...without(draft, "Date:"), "Date: yesterday, about noon"], plainBody(draft)),

  dateOutOfRange: (draft) => {
    const date = draft.random.pick([
      "Thu, 1 Jan 1970 00:00:00 +0000",
      "Mon, 1 Jan 2046 12:00:00 +0100",
      "Wed, 31 Feb 0201 26:61:00 GMT",
    ]);
    return raw([...without(draft, "Date:"), `Date: ${date}`], plainBody(draft));
  },

  noMessageId: (draft) => raw(without(draft, "Message-ID:"), plainBody(draft)),

  noMessageIdNoDate: (draft) => raw([`From: ${address(draft)}`, subjectField(draft)], plainBody(draft)),

  badMessageId: (draft) =>
    raw([...without(draft, "Message-ID:"), `Message-ID: ${draft.messageId} (no brackets)`], plainBody(draft)),

  noSender: (draft) => raw(without(draft, "From:"), plainBody(draft)),

  badAddresses: (draft) =>
    raw(
      [...without(draft, "From:"), "From: <>", 'Cc: a@@example..com, ,;, "unclosed <x@example.com>', "Bcc:"],
      plainBody(draft),
    ),

  rawLatin1Headers: (draft) =>
    Buffer.from(
      `From: Jürgen Müller <jm@example.com>\r\nTo: Käthe <k@example.com>\r\nSubject: Grüße aus Köln\r\n${dateField(draft)}\r\nMessage-ID: <${draft.messageId}>\r\n\r\nSchöne Grüße\r\n`,
      "latin1",
    ),

  rawUtf8Headers: (draft) =>
    Buffer.from(
      `From: 山田 <y@example.com>\r\nSubject: こんにちは 👋\r\n${dateField(draft)}\r\nMessage-ID: <${draft.messageId}>\r\n\r\n本文\r\n`,
    ),

  duplicatedHeaders: (draft) =>
    raw(
      [
        ...usualFields(draft),
        "Subject: A second subject",
        "From: Second <second@example.com>",
        "Message-ID: <second@example.com>",
      ],
      plainBody(draft),
    ),

  lineWithoutColon: (draft) =>
    raw([...usualFields(draft), "this line is no header field", "X-After: still a field"], plainBody(draft)),

  mboxFromLine: (draft) =>
    raw(["From person@example.com  Mon Jan  3 10:11:12 2011", ...usualFields(draft)], plainBody(draft)),

  hugeHeader: (draft) =>
    raw(
      [...usualFields(draft), `X-Spam-Report: ${"BAYES_50,HTML_MESSAGE,".repeat(1_500)}`],
      plainBody(draft),
    ),

  badEncodedWords: (draft) =>
    raw(
      [
        ...without(draft, "Subject:"),
        "Subject: =?utf-8?B?w7xiZXI=?==?utf-8?Q?no_space=ZZ?= =?x-none?B?!!!?= =?utf-8?Q?cut",
      ],
      plainBody(draft),
    ),

  unknownCharset: (draft) =>
    raw(
      [
        ...usualFields(draft),
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=x-unknown-9",
        "Content-Transfer-Encoding: 8bit",
      ],
      plainBody(draft),
    ),

  wrongCharset: (draft) =>
    Buffer.concat([
      raw(
        [
          ...usualFields(draft),
          "MIME-Version: 1.0",
          "Content-Type: text/plain; charset=utf-8",
          "Content-Transfer-Encoding: 8bit",
        ],
        "",
      ),
      Buffer.from("Die Rechnung über 100 € für März\r\n", "latin1"),
    ]),

  badContentType: (draft) =>
    raw([...usualFields(draft), "MIME-Version: 1.0", "Content-Type: text; ; =?; name"], plainBody(draft)),

  unknownTransferEncoding: (draft) =>
    raw(
      [
        ...usualFields(draft),
        "MIME-Version: 1.0",
        "Content-Type: text/plain",
        "Content-Transfer-Encoding: x-uuencode",
      ],
      "begin 644 a.txt\r\n#0V%T\r\n`\r\nend\r\n",
    ),

  badBase64: (draft) =>
    raw(
      [
        ...usualFields(draft),
        "MIME-Version: 1.0",
        'Content-Type: application/pdf; name="a.pdf"',
        "Content-Transfer-Encoding: base64",
      ],
      "JVBERi0xLjQK*** not base64 ***\r\nJVBERi0\r\n",
    ),

  unclosedMultipart: (draft) => {
    const edge = boundary(draft);
    return raw(
      [...usualFields(draft), "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="${edge}"`],
      `--${edge}\r\nContent-Type: text/plain\r\n\r\nfirst\r\n--${edge}\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\nAAEC`,
    );
  },

  multipartWithoutBoundary: (draft) =>
    raw(
      [...usualFields(draft), "MIME-Version: 1.0", "Content-Type: multipart/mixed"],
      "--x\r\nContent-Type: text/plain\r\n\r\nlost\r\n--x--\r\n",
    ),

  wrongBoundary: (draft) =>
    raw(
      [...usualFields(draft), "MIME-Version: 1.0", "Content-Type: multipart/alternative; boundary=right"],
      "--wrong\r\nContent-Type: text/html\r\n\r\n<p>?</p>\r\n--wrong--\r\n",
    ),

  emptyMultipart: (draft) =>
    raw(
      [...usualFields(draft), "MIME-Version: 1.0", "Content-Type: multipart/mixed; boundary=b"],
      "--b--\r\n",
    ),

  bareLineFeeds: (draft) =>
    Buffer.from([...usualFields(draft), "", plainBody(draft)].join("\r\n").replace(/\r\n/g, "\n")),

  bareCarriageReturns: (draft) => raw(usualFields(draft), `one\rtwo\rthree\r\n${plainBody(draft)}`),

  longLines: (draft) => raw(usualFields(draft), `${"all on one line, ".repeat(1_200)}\r\n`),

  noFinalLineEnd: (draft) => raw(usualFields(draft), "the last line has no end"),

  nulBytes: (draft) => raw(usualFields(draft), "before\0after\r\n"),

  controlCharacters: (draft) => raw(usualFields(draft), "bell \x07 escape \x1b form feed \x0c end \x1a\r\n"),

  eightBitWithoutMime: (draft) =>
    Buffer.concat([
      raw(usualFields(draft), ""),
      Buffer.from(paragraphs(draft.random, GERMAN, 400), "latin1"),
    ]),

  dotLines: (draft) => raw(usualFields(draft), ".\r\n..\r\n.leading\r\nFrom here\r\n"),
};

function raw(fields: readonly string[], body: string): Buffer {
  return Buffer.from([...fields, "", body].join("\r\n"));
}

function without(draft: Draft, field: string): string[] {
  return usualFields(draft).filter((line) => !line.startsWith(field));
}

function plainBody(draft: Draft): string {
  return draft.language === ENGLISH ? bodyText(draft) : paragraphs(draft.random, ENGLISH, 300);
}

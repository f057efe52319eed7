import { address, addresses, bodyText, boundary, type Draft, usualFields } from "./draft.ts";
import {
  attachedMessage,
  binary,
  type Entity,
  encodedWords,
  extendedParameter,
  message,
  multipart,
  text,
} from "./mime.ts";
import { ENGLISH, paragraphs } from "./text.ts";

/** Messages as the standards have them, by kind. */
export const ORDINARY: Readonly<Record<string, (draft: Draft) => Buffer>> = {
  plainUtf8: (draft) =>
    message(usualFields(draft), text("plain", bodyText(draft), "utf-8", "quoted-printable")),

  plainUtf8Eightbit: (draft) => message(usualFields(draft), text("plain", bodyText(draft), "utf-8", "8bit")),

  plainLegacyCharset: (draft) => {
    const encoding = draft.random.pick(["8bit", "quoted-printable", "base64"] as const);
    return message(usualFields(draft), text("plain", bodyText(draft), draft.language.charset, encoding));
  },

  plainFlowed: (draft) =>
    message(
      usualFields(draft),
      text(
        "plain",
        paragraphs(draft.random, ENGLISH, draft.size),
        "us-ascii",
        "7bit",
        "; format=flowed; delsp=no",
      ),
    ),

  htmlOnly: (draft) => message(usualFields(draft), html(draft, "utf-8")),

  alternative: (draft) => message(usualFields(draft), alternative(draft)),

  inlineImages: (draft) => {
    const first = `image1.${draft.messageId}`;
    const second = `image2.${draft.messageId}`;
    const page = html(draft, "utf-8", `<img src="cid:${first}"><img src="cid:${second}" alt="logo">`);
    return message(
      usualFields(draft),
      multipart(
        "related",
        boundary(draft),
        [page, image(draft, first), image(draft, second)],
        '; type="text/html"',
      ),
    );
  },

  attachments: (draft) => {
    const rest = Math.max(500, draft.size * 0.7 - 2_000);
    return message(
      usualFields(draft),
      multipart("mixed", boundary(draft), [
        alternative(draft),
        file(draft, "application/pdf", 'filename="report.pdf"', rest / 2),
        file(
          draft,
          "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
          extendedParameter("filename", "Übersicht 2021 – Entwurf.docx"),
          rest / 4,
        ),
        file(draft, "application/zip", `filename="${encodedWords("写真 まとめ.zip")}"`, rest / 4),
      ]),
    );
  },

  continuedFileName: (draft) =>
    message(
      usualFields(draft),
      multipart("mixed", boundary(draft), [
        text("plain", bodyText(draft), "utf-8", "base64"),
        file(
          draft,
          "image/jpeg",
          `filename*0*=utf-8''Ein%20sehr%20langer%20;\r\n\tfilename*1*=Name%20f%C3%BCr%20;\r\n\tfilename*2="ein Bild.jpg"`,
          800,
        ),
      ]),
    ),

  forwardedMessage: (draft) => {
    const inner = message(usualFields(draft), alternative(draft));
    const outer = message(
      usualFields(draft),
      multipart("mixed", boundary(draft), [
        text("plain", "See below.\r\n", "us-ascii", "7bit"),
        attachedMessage(inner),
      ]),
    );
    return message(
      usualFields(draft),
      multipart("mixed", boundary(draft), [
        text("plain", "FYI\r\n", "us-ascii", "7bit"),
        attachedMessage(outer),
      ]),
    );
  },

  invitation: (draft) => {
    const start = draft.date.toISOString().replace(/[-:]|\.\d+/g, "");
    const calendar = [
      ...[
        "BEGIN:VCALENDAR",
        "PRODID:-//Example//Calendar 1.0//EN",
        "VERSION:2.0",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
      ],
      ...[`UID:${draft.messageId}`, `DTSTAMP:${start}`, `DTSTART:${start}`, "DURATION:PT45M"],
      ...["SUMMARY:Jour fixe – März", "ORGANIZER;CN=Alice:mailto:alice@example.com"],
      ...["ATTENDEE;RSVP=TRUE:mailto:person1@example.org", "END:VEVENT", "END:VCALENDAR", ""],
    ].join("\r\n");
    const parts = [
      text("plain", bodyText(draft), "utf-8", "quoted-printable"),
      text("calendar", calendar, "utf-8", "base64", "; method=REQUEST"),
    ];
    return message(usualFields(draft), multipart("alternative", boundary(draft), parts));
  },

  deliveryReport: (draft) => {
    const status: Entity = {
      fields: ["Content-Type: message/delivery-status"],
      body: Buffer.from(
        "Reporting-MTA: dns; mail.example.org\r\n\r\nFinal-Recipient: rfc822; nobody@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n",
      ),
    };
    const parts = [
      text("plain", "Your message could not be delivered.\r\n", "us-ascii", "7bit"),
      status,
      attachedMessage(
        message(usualFields(draft), text("plain", bodyText(draft), "utf-8", "quoted-printable")),
      ),
    ];
    return message(
      [...usualFields(draft), "Auto-Submitted: auto-replied"],
      multipart("report", boundary(draft), parts, "; report-type=delivery-status"),
    );
  },

  receiptRequested: (draft) =>
    message(
      [
        ...usualFields(draft),
        `Disposition-Notification-To: ${address(draft)}`,
        "Importance: High",
        "X-Priority: 1",
      ],
      text("plain", bodyText(draft), "utf-8", "quoted-printable"),
    ),

  newsletter: (draft) =>
    message(
      [
        ...usualFields(draft),
        "List-Id: Weekly news <news.example.com>",
        "List-Unsubscribe: <https://example.com/u?id=1>, <mailto:u@example.com>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "Precedence: bulk",
        "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=mail;\r\n\th=from:to:subject; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\r\n\tb=c2lnbmF0dXJl",
      ],
      alternative(draft),
    ),

  clearSigned: (draft) => {
    const signature = binary(
      'application/pkcs7-signature; name="smime.p7s"',
      draft.random.bytes(2_400),
      'Content-Disposition: attachment; filename="smime.p7s"',
    );
    return message(
      usualFields(draft),
      multipart(
        "signed",
        boundary(draft),
        [text("plain", bodyText(draft), "utf-8", "quoted-printable"), signature],
        '; protocol="application/pkcs7-signature"; micalg=sha-256',
      ),
    );
  },

  encrypted: (draft) =>
    message(
      usualFields(draft),
      binary(
        'application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
        draft.random.bytes(draft.size * 0.7),
        'Content-Disposition: attachment; filename="smime.p7m"',
      ),
    ),

  pgpMime: (draft) => {
    const parts: Entity[] = [
      { fields: ["Content-Type: application/pgp-encrypted"], body: Buffer.from("Version: 1\r\n") },
      {
        fields: ['Content-Type: application/octet-stream; name="encrypted.asc"'],
        body: Buffer.from(
          `-----BEGIN PGP MESSAGE-----\r\n\r\n${draft.random
            .bytes(600)
            .toString("base64")
            .replace(/.{1,64}/g, "$&\r\n")}-----END PGP MESSAGE-----\r\n`,
        ),
      },
    ];
    return message(
      usualFields(draft),
      multipart("encrypted", boundary(draft), parts, '; protocol="application/pgp-encrypted"'),
    );
  },

  tnef: (draft) =>
    message(
      usualFields(draft),
      multipart("mixed", boundary(draft), [
        text("plain", bodyText(draft), "utf-8", "quoted-printable"),
        file(draft, "application/ms-tnef", "filename=winmail.dat", 3_000),
      ]),
    ),

  manyRecipients: (draft) => {
    const fields = usualFields(draft).filter((field) => !field.startsWith("To:"));
    return message(
      [...fields, `To: Board: ${addresses(draft, 60)};, undisclosed-recipients:;`],
      text("plain", bodyText(draft), "utf-8", "quoted-printable"),
    );
  },

  longThread: (draft) => {
    const ids = Array.from({ length: 40 }, (_, index) => `<${index}.${draft.messageId}>`);
    return message(
      [...usualFields(draft), `In-Reply-To: ${ids.at(-1)}`, `References: ${ids.join("\r\n ")}`],
      text("plain", bodyText(draft), "utf-8", "quoted-printable"),
    );
  },

  deeplyNested: (draft) => {
    let entity: Entity = alternative(draft);
    for (let depth = 0; depth < 12; depth += 1) entity = multipart("mixed", boundary(draft), [entity]);
    return message(usualFields(draft), entity);
  },
};

/** A message of `size` bytes whose weight is in its attachments. */
export function largeMessage(draft: Draft): Buffer {
  // Base64 with its line ends takes 78 bytes for 57.
  const content = (draft.size - 4_000) * (57 / 78);
  return message(
    usualFields(draft),
    multipart("mixed", boundary(draft), [
      text("plain", paragraphs(draft.random, draft.language, 500), "utf-8", "base64"),
      file(draft, "video/mp4", 'filename="film.mp4"', content * 0.7),
      file(draft, "application/pdf", 'filename="scan.pdf"', content * 0.3),
    ]),
  );
}

function alternative(draft: Draft): Entity {
  return multipart("alternative", boundary(draft), [
    text("plain", paragraphs(draft.random, draft.language, draft.size * 0.1), "utf-8", "quoted-printable"),
    html(draft, "utf-8"),
  ]);
}

function html(draft: Draft, charset: string, extra = ""): Entity {
  const content = paragraphs(draft.random, draft.language, Math.min(draft.size * 0.15, 30_000));
  const page = `<!DOCTYPE html>\r\n<html><head><meta charset="${charset}"></head>\r\n<body><p>${content.replace(/\r\n\r\n/g, "</p>\r\n<p>")}</p>${extra}</body></html>\r\n`;
  return text("html", page, charset, "quoted-printable");
}

function image(draft: Draft, contentId: string): Entity {
  const png = Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    draft.random.bytes(draft.random.integer(300, 2_000)),
  ]);
  return binary(
    "image/png; name=image.png",
    png,
    `Content-ID: <${contentId}>`,
    "Content-Disposition: inline; filename=image.png",
  );
}

function file(draft: Draft, type: string, fileName: string, size: number): Entity {
  return binary(type, draft.random.bytes(Math.round(size)), `Content-Disposition: attachment; ${fileName}`);
}

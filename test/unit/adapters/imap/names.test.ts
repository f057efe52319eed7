import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { imapNaming, plainName } from "../../../../shared/adapters/imap/naming.ts";
import { assignUses, declaredUse, suggestedUse } from "../../../../shared/adapters/imap/special-use.ts";
import { decodeMailboxName, encodeMailboxName } from "../../../../shared/adapters/imap/utf7.ts";

describe("modified UTF-7", () => {
  test.each([
    ["Entw\u00fcrfe", "Entw&APw-rfe"],
    ["A & B", "A &- B"],
    ["~peter/mail/\u53f0\u5317/\u65e5\u672c\u8a9e", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"],
    ["\u{1f600}", "&2D3eAA-"],
  ])("%s", (name, encoded) => {
    expect(encodeMailboxName(name)).toBe(encoded);
    expect(decodeMailboxName(encoded)).toBe(name);
  });

  test("reads shifts that follow each other, as some servers write them", () => {
    expect(decodeMailboxName("&AOQ-&APY-")).toBe("\u00e4\u00f6");
  });

  test("keeps what is no valid encoding", () => {
    for (const name of ["A&B", "&AM-", "&!-", "&"]) expect(decodeMailboxName(name)).toBe(name);
  });

  test("reads back every name it writes, in printable US-ASCII", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (name) => {
        const encoded = encodeMailboxName(name);
        expect(encoded).toMatch(/^[\x20-\x7e]*$/);
        expect(decodeMailboxName(encoded)).toBe(name);
      }),
    );
  });
});

/** Any character of Unicode but halves of one. */
const anyCharacter = fc
  .nat({ max: 0x10f7ff })
  .map((place) => String.fromCodePoint(place < 0xd800 ? place : place + 0x800));

describe("naming", () => {
  test.each([
    ["a/b", "a_b"],
    ["a.b", "a_b"],
    ["~a", "_a"],
    ["#a", "_a"],
    ["..", "__"],
    ["a\tb\n", "a_b_"],
    ["", "_"],
    [" a ", " a "],
    ["100% *", "100% *"],
  ])("%j", (segment, expected) => {
    expect(imapNaming(".").sanitize(segment)).toBe(expected);
  });

  test("only the server's separator is replaced", () => {
    expect(imapNaming("/").sanitize("a.b/c")).toBe("a.b_c");
  });

  test("is idempotent, never empty, and keeps names short", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: anyCharacter, maxLength: 300 }),
        fc.constantFrom("/", ".", undefined),
        (name, separator) => {
          const { sanitize } = imapNaming(separator);
          const once = sanitize(name);
          expect(sanitize(once)).toBe(once);
          expect(once).not.toBe("");
          expect(Buffer.byteLength(encodeMailboxName(once))).toBeLessThanOrEqual(200);
          if (separator) expect(once).not.toContain(separator);
        },
      ),
    );
  });

  test.each([
    ["rock \u{1f600}", "rock _"],
    ["a.b*", "a_b_"],
    [" \u00dcber ", "\u00dcber"],
    ["\u{1f600}", "_"],
  ])("a plainer name for %j", (name, expected) => {
    expect(plainName(name)).toBe(expected);
  });
});

describe("special use", () => {
  test.each([
    [
      "sent",
      [
        "Sent Items",
        "Gesendete Elemente",
        "\u00c9l\u00e9ments envoy\u00e9s",
        "Elementos enviados",
        "Itens Enviados",
        "Posta inviata",
        "Verzonden items",
        "Skickat",
        "Sendt post",
        "L\u00e4hetetyt",
        "Elementy wys\u0142ane",
        "Odeslan\u00e1 po\u0161ta",
        "Elk\u00fcld\u00f6tt elemek",
        "\u041e\u0442\u043f\u0440\u0430\u0432\u043b\u0435\u043d\u043d\u044b\u0435",
        "G\u00f6nderilmi\u015f \u00d6\u011feler",
        "\u9001\u4fe1\u6e08\u307f\u30a2\u30a4\u30c6\u30e0",
        "\u5df2\u53d1\u9001\u90ae\u4ef6",
        "\ubcf4\ub0b8 \ud3b8\uc9c0\ud568",
      ],
    ],
    [
      "drafts",
      [
        "Drafts",
        "Entw\u00fcrfe",
        "Brouillons",
        "Borradores",
        "Rascunhos",
        "Bozze",
        "Concepten",
        "Utkast",
        "Kladder",
        "Luonnokset",
        "Koncepty",
        "Piszkozatok",
        "\u0427\u0435\u0440\u043d\u043e\u0432\u0438\u043a\u0438",
        "Taslaklar",
        "\u4e0b\u66f8\u304d",
        "\u8349\u7a3f",
      ],
    ],
    [
      "trash",
      [
        "Deleted Items",
        "Papierkorb",
        "Corbeille",
        "Papelera",
        "Lixeira",
        "Cestino",
        "Prullenbak",
        "Papperskorgen",
        "Slettet post",
        "Roskakori",
        "Kosz",
        "Ko\u0161",
        "Kuka",
        "\u041a\u043e\u0440\u0437\u0438\u043d\u0430",
        "\u00c7\u00f6p Kutusu",
        "\u30b4\u30df\u7bb1",
        "\ud734\uc9c0\ud1b5",
      ],
    ],
    [
      "junk",
      [
        "Spam",
        "Junk E-Mail",
        "Courrier ind\u00e9sirable",
        "Correo no deseado",
        "Lixo Eletr\u00f4nico",
        "Posta indesiderata",
        "Ongewenste e-mail",
        "Skr\u00e4ppost",
        "Roskaposti",
        "Nevy\u017e\u00e1dan\u00e1 po\u0161ta",
        "Lev\u00e9lszem\u00e9t",
        "\u0421\u043f\u0430\u043c",
        "\u8ff7\u60d1\u30e1\u30fc\u30eb",
        "\u5783\u573e\u90ae\u4ef6",
      ],
    ],
    [
      "archive",
      [
        "Archive",
        "Archiv",
        "Archivo",
        "Arquivo",
        "Archivio",
        "Archief",
        "Arkiv",
        "Arkisto",
        "Archiwum",
        "\u0410\u0440\u0445\u0438\u0432",
        "Ar\u015fiv",
      ],
    ],
  ])("names of %s in many languages", (use, names) => {
    for (const name of names) {
      expect([name, suggestedUse([name])]).toEqual([name, use]);
      expect(suggestedUse(["INBOX", name.toUpperCase().normalize("NFD")])).toBe(
        suggestedUse([name.toUpperCase()]),
      );
    }
  });

  test("a name deeper down suggests nothing", () => {
    expect(suggestedUse(["Work", "Sent"])).toBeUndefined();
    expect(suggestedUse(["INBOX"])).toBeUndefined();
    expect(suggestedUse(["Sentinels"])).toBeUndefined();
  });

  test("declared uses are read from attributes", () => {
    expect(declaredUse(new Set(["\\hasnochildren", "\\junk"]))).toBe("junk");
    expect(declaredUse(new Set(["\\all"]))).toBeUndefined();
  });

  test("each use goes to one folder, a declared one first", () => {
    const folder = (path: string, ...attributes: readonly string[]) => ({
      path,
      segments: path.split("/"),
      attributes: new Set(attributes),
    });
    const uses = assignUses([
      folder("INBOX"),
      folder("Sent"),
      folder("Outbox", "\\sent"),
      folder("Trash"),
      folder("Papierkorb"),
      folder("Work"),
    ]);
    expect(uses).toEqual(
      new Map([
        ["INBOX", "inbox"],
        ["Outbox", "sent"],
        ["Trash", "trash"],
      ]),
    );
  });
});

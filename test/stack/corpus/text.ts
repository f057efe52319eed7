import iconv from "iconv-lite";
import type { Random } from "../random.ts";

/** Words of one language, and a charset that old mail in it was written in. */
export interface Language {
  readonly charset: string;
  readonly words: readonly string[];
  readonly names: readonly string[];
}

export const ENGLISH: Language = {
  charset: "us-ascii",
  words:
    "please find the agenda for our meeting on Thursday attached and let me know whether the draft budget still needs another review before it goes to the board".split(
      " ",
    ),
  names: ["Alice Carter", "Brian O'Neil", "Dana Wu-Smith", "Priya Raman"],
};

export const GERMAN: Language = {
  charset: "iso-8859-1",
  words:
    "bitte prüfen Sie die beigefügte Rechnung für März und überweisen Sie den Betrag auf das gewohnte Konto herzliche Grüße aus Zürich wir hören uns nächste Woche größer".split(
      " ",
    ),
  names: ["Jürgen Müller", "Käthe Groß", "Björn Ångström"],
};

export const LANGUAGES: readonly Language[] = [
  ENGLISH,
  GERMAN,
  {
    charset: "windows-1252",
    words: "l’été s’achève – “à bientôt” où que vous soyez voilà le prix : 25 € très cœur naïve façade".split(
      " ",
    ),
    names: ["François Lefèvre", "Zoë D’Aubigné"],
  },
  {
    charset: "iso-2022-jp",
    words: [
      "お世話になっております",
      "添付の請求書を",
      "ご確認ください",
      "会議は",
      "三月十五日",
      "です",
      "よろしく",
    ],
    names: ["山田太郎", "鈴木花子"],
  },
  {
    charset: "shift_jis",
    words: ["写真を", "お送りします", "来週の", "打ち合わせ", "について"],
    names: ["田中一郎"],
  },
  {
    charset: "euc-jp",
    words: ["注文書", "ありがとう", "ございます", "納期は", "未定です"],
    names: ["佐藤次郎"],
  },
  {
    charset: "koi8-r",
    words: "добрый день высылаю отчёт за март прошу подтвердить получение с уважением".split(" "),
    names: ["Иван Петров", "Ольга Смирнова"],
  },
  {
    charset: "windows-1251",
    words: "договор подписан оплата до пятницы спасибо".split(" "),
    names: ["Пётр Ильин"],
  },
  { charset: "gb18030", words: ["您好", "附件是", "本月报告", "请查收", "谢谢"], names: ["王小明"] },
  { charset: "big5", words: ["您好", "會議紀錄", "請參考", "附件", "謝謝"], names: ["陳大文"] },
  {
    charset: "euc-kr",
    words: ["안녕하세요", "보고서를", "첨부합니다", "확인", "부탁드립니다"],
    names: ["김철수"],
  },
  {
    charset: "iso-8859-15",
    words: "el presupuesto asciende a 1.250 € mañana señor año según acordamos".split(" "),
    names: ["José Muñoz"],
  },
];

/** Paragraphs in lines of at most about 72 characters, `length` characters in all. */
export function paragraphs(random: Random, language: Language, length: number): string {
  const lines: string[] = [];
  let line = "";
  let total = 0;
  while (total < length) {
    const word = random.pick(language.words);
    if (line.length + word.length > 72 || random.chance(0.02)) {
      lines.push(line.trimEnd());
      if (random.chance(0.1)) lines.push("");
      line = "";
    }
    line += `${word} `;
    total += word.length + 1;
  }
  lines.push(line.trimEnd());
  return `${lines.join("\r\n")}\r\n`;
}

/** `text` as bytes of a charset. */
export function encodeText(text: string, charset: string): Buffer {
  return charset === "iso-2022-jp" ? encodeJis(text) : iconv.encode(text, charset);
}

/** ISO-2022-JP (RFC 1468) is EUC-JP with its high bits cleared between escape sequences. */
function encodeJis(text: string): Buffer {
  const chunks: Buffer[] = [];
  for (const run of text.match(/[\0-\x7f]+|[^\0-\x7f]+/g) ?? []) {
    if (run.charCodeAt(0) < 0x80) chunks.push(Buffer.from(run, "ascii"));
    else {
      const bytes = iconv.encode(run, "euc-jp").map((byte) => byte & 0x7f);
      chunks.push(Buffer.from("\x1b$B", "latin1"), Buffer.from(bytes), Buffer.from("\x1b(B", "latin1"));
    }
  }
  return Buffer.concat(chunks);
}

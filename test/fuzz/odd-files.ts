import iconv from "iconv-lite";
import type { Random } from "../stack/random.ts";

/** Stands in every password, and can be part of no address. */
export const canary = "(canary)";

const maxBytes = 10_500_000;
const delimiters = [",", ";", "\t"];
const encodings = ["utf-8", "utf-8", "utf-8", "utf-16le", "utf-16be", "windows-1252"];
const lineEnds = ["\r\n", "\r\n", "\n", "\r", "\n\r"];
const headers = [
  ["EmailAddress", "UserName", "Password"],
  ["EmailAddress", "UserName", "Password", "UserRoot"],
  ["password ", " USERNAME", "emailaddress"],
  ["EmailAdress", "UserName", "Password"],
  ["Note", "EmailAddress", "UserName", "Password", "Note"],
  ["EmailAddress"],
];
const openings = ["", "", "", "sep=;", "#TYPE System.Object", '"sep=,"', " ", "\u200B", '"', "\uFEFF"];
/** What nobody expects in a cell, alone and repeated. */
const oddities = [
  ...['"', '""', '"a', 'a"', ",", ";", "\t", "\n", "\r", "\r\n", " ", "\u00a0", "\u2028", "\u200B", "\u00AD"],
  ...[
    "\u0000",
    "\u0007",
    "\u0085",
    "\uFFFD",
    "\uFEFF",
    "\uD800",
    "\u0301",
    "\u0131",
    "e\u0301",
    "\uFF41",
    "🔑",
  ],
  ...[
    "=1+1",
    "@",
    "@@",
    "-",
    ".",
    "a@-b.c",
    "a@b",
    "x,",
    "EmailAdress;",
    ",,\r\n",
    "#TYPE a\n",
    "\\",
    "'",
    "密码",
  ],
];
const someLetters = ["a", "b", "c", "é", "я", "密", "0", "-", "_"];

/** A CSV with users, some of it odd. */
export function csvFile(random: Random): Buffer {
  const delimiter = random.pick(delimiters);
  const lineEnd = random.pick(lineEnds);
  const columns = random.pick(headers);
  const lines = [random.pick(openings), columns.join(delimiter)].filter((line) => line !== "");
  const count = random.magnitude(1, random.chance(0.02) ? 60_000 : 200);
  for (let n = 0; n < count; n++) {
    const row = columns.map((name) => cell(random, name, n));
    if (random.chance(0.02)) row.splice(random.integer(0, row.length), 1, random.pick(oddities));
    lines.push(row.join(random.chance(0.99) ? delimiter : random.pick(delimiters)));
  }
  const text = random.chance(0.6) ? lines.join(lineEnd) : twisted(random, lines.join(lineEnd));
  const bytes = iconv.encode(text, random.pick(encodings), { addBOM: random.chance(0.3) });
  return (random.chance(0.1) ? flipped(random, bytes) : bytes).subarray(0, maxBytes);
}

function cell(random: Random, column: string, n: number): string {
  const odd = random.chance(0.03) ? random.pick(oddities).repeat(random.magnitude(1, 300)) : "";
  const word = Array.from({ length: random.integer(1, 6) }, () => random.pick(someLetters)).join("");
  const value = /mail/i.test(column)
    ? `${word}${n}${odd}@contoso.example`
    : /pass/i.test(column)
      ? `${word}${canary}${odd}`
      : `${odd}${word}`;
  return random.chance(0.2) ? `"${value.replaceAll('"', '""')}"` : value;
}

/** A settings file: nearly what the schema wants, or anything else that JSON can be. */
export function jsonFile(random: Random): string {
  const keys = Array.from({ length: random.magnitude(1, random.chance(0.05) ? 5_000 : 20) }, () =>
    random.chance(0.7) ? random.pick(settings) : random.pick(oddities).repeat(random.magnitude(1, 100)),
  );
  const entries = keys.map((key) => `${JSON.stringify(key)}: ${JSON.stringify(anyValue(random, 0))}`);
  const text = `{ ${entries.join(", ")} }`;
  return random.chance(0.7) ? text : twisted(random, text);
}

const settings = [
  ...[
    "host",
    "port",
    "security",
    "allowInsecure",
    "authentication",
    "tokenSource",
    "adminUser",
    "rootFolder",
  ],
  ...["maxConcurrentMigrations", "autoStart", "startAfter", "excludeFolders", "renameFolders", "maxItemSize"],
  ...["dryRun", "testLogins", "hots", "autostart", "receivedDateFrom", "notificationEmails", "__proto__"],
];

function anyValue(random: Random, depth: number): unknown {
  const more = (): unknown => anyValue(random, depth + 1);
  switch (random.integer(0, depth > 2 ? 5 : 8)) {
    case 0:
      return random.pick(["imap.contoso.example", "ssl", "none", "xoauth2", "2026-03-01T00:00:00Z", canary]);
    case 1:
      return random.pick([0, 1, 993, -1, 1.5, 1e308, 65_536]);
    case 2:
      return random.chance(0.5);
    case 3:
      return null;
    case 4:
      return `${canary}${random.pick(oddities).repeat(random.magnitude(1, 500))}`;
    case 5:
      return random.pick([
        "https://u:p@login.example/token",
        "http://127.0.0.1/",
        "imap.contoso.example\r\nx",
        "127.1",
      ]);
    case 6:
      return Array.from({ length: random.magnitude(1, 50) }, more);
    case 7:
      return {
        type: "clientCredentials",
        clientId: more(),
        tokenUrl: more(),
        scope: more(),
        secretName: more(),
      };
    default:
      return Object.fromEntries(
        Array.from({ length: random.magnitude(1, 30) }, () => [random.pick(oddities), more()]),
      );
  }
}

/** The text after one to three accidents, one of which may be a short piece that is repeated up to megabytes. */
export function twisted(random: Random, text: string): string {
  let result = text;
  for (let accidents = random.integer(1, 3); accidents > 0; accidents--) {
    const at = random.integer(0, result.length);
    const length = random.magnitude(1, 2_000);
    const piece = result.slice(at, at + length);
    switch (random.integer(0, 5)) {
      case 0:
        result = result.slice(0, at) + result.slice(at + length);
        break;
      case 1:
        result = result.slice(0, at) + piece + result.slice(at);
        break;
      case 2:
        result = result.slice(0, at);
        break;
      case 3:
        result = result.slice(0, at) + random.pick(oddities) + result.slice(at);
        break;
      case 4:
        result = result.slice(0, at) + piece.split("").reverse().join("") + result.slice(at + length);
        break;
      default: {
        const unit = random.chance(0.8) ? random.pick(oddities) : piece.slice(0, 20) || "x";
        const length = random.chance(0.15) ? random.integer(20_000, maxBytes) : random.magnitude(1, 20_000);
        const run = unit.repeat(Math.max(1, Math.floor(length / unit.length)));
        result = result.slice(0, at) + run + result.slice(at);
      }
    }
  }
  return result.slice(0, maxBytes);
}

/** Some of the bytes are others. */
function flipped(random: Random, bytes: Buffer): Buffer {
  const damaged = Buffer.from(bytes);
  for (let n = random.integer(1, 20); n > 0 && damaged.length > 0; n--)
    damaged[random.integer(0, damaged.length - 1)] = random.integer(0, 255);
  return damaged;
}

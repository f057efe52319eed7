import { letOthersRun } from "../../event-loop.ts";
import { storableText, truncateText } from "./charset.ts";
import { decodeEncodedWords, type EncodedWord, findEncodedWord } from "./encoded-words.ts";

/** `recipient` of Graph. A name without an address stands for what no server could deliver to. */
export interface Recipient {
  readonly emailAddress: { readonly name?: string; readonly address?: string };
}

/** What is noticed of the address lists of a message. */
export interface AddressCounts {
  /** Groups are dissolved into their members; their names stay in the original headers only. */
  groups: number;
  /** Names that were put together over commas which should have been quoted. */
  guessed: number;
  /** Names without an end, of which but the begin is kept. */
  shortened: number;
}

const maxNameLength = 255;
/** Whatever its encoding, so much is more than what can be kept. */
const maxWrittenName = 4096;
/** Of what stands between two commas; some senders put blanks between addresses instead. */
const maxPhrase = 16_384;
/** More than is kept even if every character is escaped. */
const longestQuoted = 2 * maxPhrase + 3;
/** RFC 5321, 4.5.3.1: 64 for the local part, 255 for the domain. */
const maxAddressLength = 320;

/** What stands between two separators of a list. */
interface Entry {
  /** Words outside quotes, brackets and comments; quoted ones as they are meant. */
  readonly phrase: string;
  readonly comment: string;
  /** Between angle brackets. */
  readonly address: string | undefined;
}

/**
 * Reads an address list (RFC 5322, 3.4) one by one, groups included, in steps between which others get their turn. Encoded
 * words are decoded only after the list is split, since a decoded name may hold commas and brackets.
 * @param counts is added to as groups and guesses are met.
 */
export async function* readAddresses(value: string, counts: AddressCounts): AsyncGenerator<Recipient> {
  /** Names in front of a comma that may belong to the next address: `Lovelace, Ada <ada@example.org>`. */
  let names: Entry[] = [];
  let manyNames = false;
  for await (const entry of readEntries(value, counts)) {
    if (entry.address === undefined && !entry.phrase.includes("@") && !entry.comment.includes("@")) {
      names.push(entry);
      manyNames ||= names.length > maxJoinedNames;
      if (!manyNames) continue;
      for (const name of names) yield* recipientsOf(name);
      names = [];
      continue;
    }
    if (entry.address !== undefined && names.length > 0) {
      counts.guessed++;
      const phrase = [...names.map((name) => name.phrase), entry.phrase].filter((text) => text !== "");
      yield* recipientsOf({ ...entry, phrase: phrase.join(", ") });
    } else {
      for (const name of names) yield* recipientsOf(name);
      yield* recipientsOf(entry);
    }
    names = [];
    manyNames = false;
  }
  for (const name of names) yield* recipientsOf(name);
}

/** "Lovelace, Ada" and "Acme, Inc., Sales"; a longer list of names is rather one of people. */
const maxJoinedNames = 2;

/** Everything up to a character that may have a meaning. */
const plainText = /[^="(<,;:]+/y;

async function* readEntries(value: string, counts: AddressCounts): AsyncGenerator<Entry> {
  const find = createFinder(value);
  let before = new Phrase();
  let address: string | undefined;
  let after = new Phrase();
  let comment = "";
  let inGroup = false;
  const add = (text: string) => (address === undefined ? before : after).add(text);
  const take = (): readonly Entry[] => {
    const phrase = `${before.text} ${after.text}`.replace(/\s+/g, " ").trim();
    const entry = { phrase, comment, address };
    if (before.cut || after.cut) counts.shortened++;
    before = new Phrase();
    address = undefined;
    after = new Phrase();
    comment = "";
    return entry.address === undefined && entry.phrase === "" && entry.comment === "" ? [] : [entry];
  };
  for (let at = 0; at < value.length; ) {
    await letOthersRun();
    const char = value[at] as string;
    const word = char === "=" && value[at + 1] === "?" ? find.encodedWord(at) : undefined;
    if (word !== undefined) {
      add(value.slice(at, word));
      at = word;
    } else if (char === '"' && !/\S/.test((address === undefined ? before : after).last)) {
      const end = find.closingQuote(at + 1);
      if (end !== undefined)
        add(value.slice(at + 1, Math.min(end, at + longestQuoted)).replace(/\\(.)/gs, "$1"));
      at = (end ?? at) + 1;
    } else if (char === "(") {
      const end = find.closingParenthesis(at + 1);
      if (end !== undefined)
        comment = value
          .slice(at + 1, end)
          .trim()
          .slice(0, maxPhrase);
      at = (end ?? at) + 1;
    } else if (char === "<") {
      // Somebody forgot the comma.
      const next = after;
      if (address?.includes("@") === true && !next.blank) {
        after = new Phrase();
        yield* take();
        before = next;
      }
      const end = find.angleEnd(at + 1);
      address = value.slice(at + 1, end).replace(/^<+/, "");
      at = end;
      while (value[at] === ">") at++;
    } else if (char === "," || char === ";") {
      yield* take();
      if (char === ";") inGroup = false;
      at++;
    } else if (char === ":" && !inGroup && address === undefined && isGroupName(before)) {
      counts.groups++;
      inGroup = true;
      before = new Phrase();
      at++;
    } else {
      plainText.lastIndex = at;
      const text = plainText.exec(value)?.[0] ?? char;
      add(text);
      at += text.length;
    }
  }
  yield* take();
}

/** Text that comes in pieces, of which the first characters are kept. */
class Phrase {
  #pieces: string[] = [];
  #length = 0;
  /** The last character that was added; empty if none was. */
  last = "";
  blank = true;
  holdsAt = false;
  cut = false;

  get text(): string {
    return this.#pieces.join("");
  }

  add(text: string): void {
    if (text === "") return;
    this.last = text.slice(-1);
    const room = maxPhrase - this.#length;
    this.cut ||= text.length > room;
    if (room <= 0) return;
    const piece = text.slice(0, room);
    this.#pieces.push(piece);
    this.#length += piece.length;
    this.blank &&= piece.trim() === "";
    this.holdsAt ||= piece.includes("@");
  }
}

/** "mailto:" and a stray colon in an address begin no group. */
function isGroupName(phrase: Phrase): boolean {
  return !phrase.blank && !phrase.holdsAt && phrase.text.trim().toLowerCase() !== "mailto";
}

/**
 * Looks for ends of what has begun, always further on. What was found ahead, or in vain, is not looked for again, so that a
 * list takes one pass.
 */
function createFinder(value: string) {
  const found = new Map<string, number>();
  const indexOf = (text: string, from: number): number | undefined => {
    const known = found.get(text);
    if (known !== undefined && (known === -1 || known >= from)) return known === -1 ? undefined : known;
    const at = value.indexOf(text, from);
    found.set(text, at);
    return at === -1 ? undefined : at;
  };
  const missing = new Set<string>();
  let word: EncodedWord | undefined;
  return {
    encodedWord(start: number): number | undefined {
      if (missing.has("?=")) return undefined;
      if (word === undefined || word.start < start) word = findEncodedWord(value, start);
      if (word === undefined) missing.add("?=");
      return word?.start === start ? word.end : undefined;
    },
    closingQuote(from: number): number | undefined {
      if (missing.has('"')) return undefined;
      for (let at = from; at < value.length; at++) {
        if (value[at] === "\\") at++;
        else if (value[at] === '"') return at;
      }
      missing.add('"');
      return undefined;
    },
    closingParenthesis(from: number): number | undefined {
      if (missing.has(")")) return undefined;
      let depth = 1;
      for (let at = from; at < value.length; at++) {
        if (value[at] === "\\") at++;
        else if (value[at] === "(") depth++;
        else if (value[at] === ")" && --depth === 0) return at;
      }
      missing.add(")");
      return undefined;
    },
    /** At the closing bracket; without one an address ends where the next begins. */
    angleEnd(from: number): number {
      const close = indexOf(">", from);
      const separator = /[,;]/.exec(value.slice(from, from + maxAddressLength));
      const open = indexOf("<", from + 1);
      const nextFirst = open !== undefined && (close === undefined || open < close);
      if (close !== undefined && !(nextFirst && separator !== null)) return close;
      return separator === null ? value.length : from + separator.index;
    },
  };
}

const plainLocalPart = /^[^\s<>()[\]:;,"\\@]+$/;
const quotedLocalPart = /^"[^"\r\n]+"$/;
const plainDomain = /^[^\s<>()[\]:;,"\\@]+$/;
const literalDomain = /^\[[^\s\]]+\]$/;

/** Whether a server could have sent to it, or from it; local parts with an at sign of their own exist. */
function isPlausible(address: string): boolean {
  if (address.length > maxAddressLength) return false;
  const at = address.lastIndexOf("@");
  const [local, domain] = [address.slice(0, at), address.slice(at + 1)];
  if (at < 1 || !(plainDomain.test(domain) || literalDomain.test(domain))) return false;
  return quotedLocalPart.test(local) || plainLocalPart.test(local.replaceAll("@", ""));
}

function* recipientsOf({ phrase, comment, address }: Entry): Generator<Recipient> {
  if (address !== undefined) {
    const recipient = recipientOf(phrase === "" ? comment : phrase, address);
    if (recipient !== undefined) yield recipient;
    return;
  }
  // Without brackets, the words that look like addresses are.
  const words = phrase.split(" ");
  const isAddress = (word: string) => word.includes("@") && isPlausible(tidyAddress(word));
  const addresses = words.filter(isAddress);
  if (addresses.length > 1 && addresses.length === words.length) {
    for (const word of words) yield* some(recipientOf("", word));
    return;
  }
  const [only] = addresses;
  const name = words.filter((word) => word !== only).join(" ");
  yield* some(recipientOf(name === "" ? comment : name, only ?? ""));
}

function some<T>(value: T | undefined): readonly T[] {
  return value === undefined ? [] : [value];
}

/** Without what is written around and before an address: "[a@b]", "'a@b'", "mailto:a@b", "@relay:a@b". */
function tidyAddress(written: string): string {
  let address = storableText(written.slice(0, 2 * maxAddressLength)).replace(/\s/g, "");
  if (address.toLowerCase().startsWith("mailto:")) address = address.slice("mailto:".length);
  if (address.startsWith("@") && address.includes(":")) address = address.slice(address.indexOf(":") + 1);
  const quoted = address.startsWith('"') && address.includes('"@');
  let [start, end] = [0, address.length];
  while (!quoted && start < end && "['\"".includes(address[start] as string)) start++;
  while (end > start && "'\"".includes(address[end - 1] as string)) end--;
  if (!address.includes("@[")) while (end > start && address[end - 1] === "]") end--;
  return address.slice(start, end);
}

function recipientOf(rawName: string, rawAddress: string): Recipient | undefined {
  const name = truncateText(
    decodeEncodedWords(rawName.slice(0, maxWrittenName)).replace(/\s+/g, " ").trim(),
    maxNameLength,
  );
  const address = tidyAddress(rawAddress);
  if (isPlausible(address))
    return { emailAddress: name === "" || name === address ? { address } : { name, address } };
  const written = decodeEncodedWords(rawAddress.slice(0, 1000)).replace(/\s+/g, "");
  const label = truncateText(
    [name, written === name ? "" : written].filter((text) => text !== "").join(" "),
    maxNameLength,
  );
  return label === "" ? undefined : { emailAddress: { name: label } };
}

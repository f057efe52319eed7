import { dayOf, type ScriptedFolder, type ScriptedMessage } from "./mailbox.ts";
import { inSequenceSet } from "./sequence-set.ts";
import { listOf, type Token, textOf } from "./tokens.ts";

type Test = (message: ScriptedMessage, sequence: number) => boolean;

/**
 * The messages that match the keys of a SEARCH (RFC 9051, 6.4.4).
 *
 * @throws Error for a key that this server does not know
 */
export function search(folder: ScriptedFolder, keys: readonly Token[]): ScriptedMessage[] {
  const test = allOf([...keys], folder);
  return folder.messages.filter((message, index) => test(message, index + 1));
}

function allOf(keys: Token[], folder: ScriptedFolder): Test {
  const tests: Test[] = [];
  while (keys.length > 0) tests.push(nextTest(keys, folder));
  return (message, sequence) => tests.every((test) => test(message, sequence));
}

function nextTest(keys: Token[], folder: ScriptedFolder): Test {
  const key = keys.shift();
  if (Array.isArray(key)) return allOf([...listOf(key)], folder);
  const name = textOf(key).toUpperCase();
  const argument = () => textOf(keys.shift());
  const flag = FLAG_KEYS[name];
  if (flag !== undefined) return ({ flags }) => flags.includes(flag.flag) === flag.isSet;
  switch (name) {
    case "ALL":
      return () => true;
    case "UID": {
      const set = argument();
      return ({ uid }) => inSequenceSet(set, uid, folder.messages.at(-1)?.uid ?? 0);
    }
    case "SINCE": {
      const day = dayOf(argument());
      return ({ internalDate }) => dayOf(internalDate) >= day;
    }
    case "BEFORE": {
      const day = dayOf(argument());
      return ({ internalDate }) => dayOf(internalDate) < day;
    }
    case "ON": {
      const day = dayOf(argument());
      return ({ internalDate }) => dayOf(internalDate) === day;
    }
    case "LARGER": {
      const size = Number(argument());
      return ({ content }) => content.length > size;
    }
    case "SMALLER": {
      const size = Number(argument());
      return ({ content }) => content.length < size;
    }
    case "KEYWORD": {
      const keyword = argument();
      return ({ flags }) => flags.includes(keyword);
    }
    case "MODSEQ": {
      const modseq = Number(argument());
      return (message) => message.modseq >= modseq;
    }
    case "HEADER": {
      const [field, value] = [argument().toLowerCase(), argument().toLowerCase()];
      return ({ content }) =>
        headerLines(content).some((line) => line.startsWith(`${field}:`) && line.includes(value));
    }
    case "NOT": {
      const test = nextTest(keys, folder);
      return (message, sequence) => !test(message, sequence);
    }
    case "OR": {
      const [first, second] = [nextTest(keys, folder), nextTest(keys, folder)];
      return (message, sequence) => first(message, sequence) || second(message, sequence);
    }
  }
  if (/^[\d:,*]+$/.test(name)) return (_, sequence) => inSequenceSet(name, sequence, folder.messages.length);
  throw new Error(`unknown search key ${name}`);
}

const FLAG_KEYS: Readonly<Record<string, { flag: string; isSet: boolean }>> = Object.fromEntries(
  ["Answered", "Deleted", "Draft", "Flagged", "Seen"].flatMap((name) => [
    [name.toUpperCase(), { flag: `\\${name}`, isSet: true }],
    [`UN${name.toUpperCase()}`, { flag: `\\${name}`, isSet: false }],
  ]),
);

function headerLines(content: Buffer): string[] {
  const end = content.indexOf("\r\n\r\n");
  const header = content.subarray(0, end === -1 ? content.length : end).toString("latin1");
  return header
    .toLowerCase()
    .replace(/\r\n[ \t]/g, " ")
    .split("\r\n");
}

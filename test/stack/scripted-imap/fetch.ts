import type { Reaction } from "./faults.ts";
import type { ScriptedMessage } from "./mailbox.ts";
import { quoted } from "./names.ts";
import { listOf, type Token, textOf } from "./tokens.ts";

/** How what a scripted server says of its messages is wrong. */
export interface Quirks {
  /** Messages that are there, and left out of a FETCH without an error. */
  readonly omits: (message: ScriptedMessage, isByUid: boolean) => boolean;
  /** What happens in a FETCH of these items when it comes to the message; undefined where it is served. */
  readonly failsAt: (message: ScriptedMessage, items: readonly string[]) => Reaction | undefined;
  /** What INTERNALDATE is, with its quotes; undefined leaves the item out. */
  readonly dateOf: (message: ScriptedMessage) => string | undefined;
  /** True if each item of a message comes in a response of its own, the UID in the first one alone. */
  readonly splitsRows: boolean;
  /** What SEARCH makes of the numbers that it has found by these keys. */
  readonly finds: (numbers: readonly number[], keys: string) => readonly number[];
  /** RFC822.SIZE, where it is not the number of bytes served. */
  readonly sizeOf: (message: ScriptedMessage) => number;
  /** The bytes that are served. */
  readonly contentOf: (message: ScriptedMessage) => Buffer;
}

const MACROS: Readonly<Record<string, readonly string[]>> = {
  FAST: ["FLAGS", "INTERNALDATE", "RFC822.SIZE"],
};

/** The names of the items that a FETCH asks for. */
export function fetchItems(token: Token | undefined): readonly string[] {
  const names = Array.isArray(token) ? listOf(token).map(textOf) : [textOf(token)];
  return names.flatMap((name) => MACROS[name.toUpperCase()] ?? [name]);
}

/**
 * One message's FETCH response, without the line end (RFC 9051, 7.5.2).
 *
 * @throws Error for an item that this server does not have
 */
export function fetchResponse(
  message: ScriptedMessage,
  sequence: number,
  items: readonly string[],
  quirks: Quirks,
  encodeLabel: (label: string) => string = (label) => label,
): Buffer {
  const chunks = items
    .map((item) => Buffer.concat(itemOf(message, item, quirks, encodeLabel)))
    .filter((item) => item.length > 0);
  const start = Buffer.from(`* ${sequence} FETCH (`);
  const between = quirks.splitsRows ? Buffer.concat([Buffer.from(")\r\n"), start]) : Buffer.from(" ");
  return Buffer.concat([
    start,
    ...chunks.flatMap((item, i) => (i === 0 ? [item] : [between, item])),
    Buffer.from(")"),
  ]);
}

function itemOf(
  message: ScriptedMessage,
  item: string,
  quirks: Quirks,
  encodeLabel: (label: string) => string,
): Buffer[] {
  const name = item.toUpperCase();
  switch (name) {
    case "UID":
      return [Buffer.from(`UID ${message.uid}`)];
    case "FLAGS":
      return [Buffer.from(`FLAGS (${message.flags.join(" ")})`)];
    case "INTERNALDATE":
      return quirks.dateOf(message) === undefined
        ? []
        : [Buffer.from(`INTERNALDATE ${quirks.dateOf(message)}`)];
    case "RFC822.SIZE":
      return [Buffer.from(`RFC822.SIZE ${quirks.sizeOf(message)}`)];
    case "MODSEQ":
      return [Buffer.from(`MODSEQ (${message.modseq})`)];
    case "X-GM-MSGID":
      return [Buffer.from(`X-GM-MSGID ${message.gmail?.id ?? "0"}`)];
    case "X-GM-LABELS":
      return [
        Buffer.from(
          `X-GM-LABELS (${(message.gmail?.labels ?? []).map((label) => quoted(encodeLabel(label))).join(" ")})`,
        ),
      ];
  }
  const body = /^BODY(?:\.PEEK)?\[(.*)\](?:<(\d+)\.(\d+)>)?$/i.exec(item);
  if (body === null) throw new Error(`unknown FETCH item ${item}`);
  const [, section = "", start, length] = body;
  const whole = sectionOf(quirks.contentOf(message), section);
  const bytes = start === undefined ? whole : whole.subarray(Number(start), Number(start) + Number(length));
  const origin = start === undefined ? "" : `<${start}>`;
  return [Buffer.from(`BODY[${section}]${origin} {${bytes.length}}\r\n`), bytes];
}

function sectionOf(content: Buffer, section: string): Buffer {
  const blankLine = content.indexOf("\r\n\r\n");
  const bodyStart = blankLine === -1 ? content.length : blankLine + 4;
  switch (section.toUpperCase()) {
    case "":
      return content;
    case "HEADER":
      return content.subarray(0, bodyStart);
    case "TEXT":
      return content.subarray(bodyStart);
  }
  const fields = /^HEADER\.FIELDS \((.*)\)$/i.exec(section)?.[1]?.toLowerCase().split(" ");
  if (fields === undefined) throw new Error(`unknown section ${section}`);
  const header = content.subarray(0, bodyStart).toString("latin1");
  const found = header.match(/^[^\s:]+:.*(?:\r\n[ \t].*)*\r\n/gm) ?? [];
  const wanted = found.filter((field) => fields.includes(field.slice(0, field.indexOf(":")).toLowerCase()));
  return Buffer.from(`${wanted.join("")}\r\n`, "latin1");
}

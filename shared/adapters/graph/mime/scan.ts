import { isAscii, isUtf8 } from "node:buffer";
import type { GuessCode } from "../../../domain/warnings.ts";
import { type ByteSource, readRange } from "../../byte-source.ts";
import { letOthersRun } from "../../event-loop.ts";
import { ByteList } from "./byte-list.ts";
import { entityType, isMultipart } from "./content-type.ts";
import {
  fieldName,
  fieldValue,
  fieldValues,
  type HeaderField,
  isBlank,
  isKnownField,
  isReadField,
  maxFieldBytes,
  parseHeader,
  parseLongHeader,
} from "./header.ts";
import { type Parameterized, parseParameterized } from "./parameters.ts";
import { type TransferEncoding, transferEncoding } from "./transfer.ts";
import { uuencodedLine, uuencodedName } from "./uuencode.ts";

/** Offsets in the source. */
export interface Range {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** A uuencoded file inside a text, from its begin line to its end line. */
export interface FileInText extends Range {
  readonly name: string;
}

/** One MIME entity (RFC 2045, 2.4): where it lies in the source and what its header says. */
export interface Entity {
  readonly headerStart: number;
  readonly bodyStart: number;
  /** End of the body, exclusive, without the line end that belongs to the boundary. */
  readonly end: number;
  /** The fields that are read; the others are in the source only. */
  readonly header: readonly HeaderField[];
  readonly contentType: Parameterized;
  readonly disposition: Parameterized;
  readonly encoding: TransferEncoding;
  /** Empty for everything that is not a multipart, or a multipart in which no boundary was found. */
  readonly children: readonly Entity[];
  /** What is not blank before, between and after the parts of a multipart, where nothing is shown. */
  readonly surroundings: readonly Range[];
  /** Files in an unencoded text/plain. */
  readonly files: readonly FileInText[];
  /** It stands after the closing delimiter of its multipart. */
  readonly late: boolean;
}

/** How much of a message is taken apart. Beyond, the original is attached whole. */
export const budgets = {
  parts: 1000,
  depth: 64,
  /** Of all entities together. */
  headerBytes: 16 << 20,
  filesInText: 1000,
  /** Of reading a message once, in milliseconds. */
  time: 60_000,
};

export type Budget = keyof typeof budgets;

export interface Scan {
  readonly root: Entity;
  readonly guesses: ReadonlySet<GuessCode>;
  /** The charset in which the header is read where it is no UTF-8. */
  readonly headerCharset: string | undefined;
  /** The budget that was exceeded: what was found until then is all there is. */
  readonly exceeded: Budget | undefined;
}

interface OpenEntity {
  readonly headerStart: number;
  bodyStart: number;
  end: number;
  /** Lines of fields that are read. */
  readonly headerLines: ByteList;
  headerBytes: number;
  /** Whether a field has been seen. */
  hasFields: boolean;
  /** How many, those that are not read included. */
  fields: number;
  inContentField: boolean;
  contentFieldBytes: number;
  /** How many bytes more of the field that is read are kept. */
  fieldRoom: number;
  readonly defaultType: string;
  header: readonly HeaderField[];
  contentType: Parameterized;
  otherwise: Parameterized | undefined;
  disposition: Parameterized;
  encoding: TransferEncoding;
  readonly children: OpenEntity[];
  /** Undefined for what is no multipart; empty while the boundary is yet to be guessed. */
  delimiters: readonly string[] | undefined;
  depth: number;
  inHeader: boolean;
  /** Lines that are no fields, since the last field: where the body begins if they do not belong to the header. */
  stray: { readonly bodyStart: number; lines: number; readonly blank: boolean } | undefined;
  closed: boolean;
  readonly late: boolean;
  readonly surroundings: { start: number; end: number }[];
  outsideParts: boolean;
  /** Whether files in the text are looked for. */
  mayHoldFiles: boolean;
  file: { readonly name: string; readonly start: number; lines: number } | undefined;
  readonly files: FileInText[];
}

const carriageReturn = 0x0d;
const lineFeed = 0x0a;
const hyphen = 0x2d;
/** Kept of the header of one entity; no field that is read is longer. */
const maxHeaderBytes = 1 << 20;
const maxFields = 10_000;
/** Of those that tell what an entity is: they are read at once. */
const maxContentFieldBytes = 64 * 1024;
/** All that tells what an entity is. */
const contentFields = "content-";
/** What is done between two looks at the clock: so many lines, or headers that are worth as many. */
const maxEffort = 256;
const effortOfHeader = 32;
const effortOfHeaderBytes = 1 / 256;
/** Enough of a line to tell a boundary or the begin of a field; of a longer line of a header only this is kept. */
const longLineBytes = 1 << 20;
const maxDelimiter = 1024;
const maxSurroundings = 100;
/** Lines before the first field, or between fields, that may still be followed by the header. */
const maxStrayLines = 4;

/**
 * Finds the entities of a message in one pass, holding only header fields that are read. Lines may end in CRLF or LF. Never
 * fails: what is no MIME becomes one entity with what can be told about it. message/rfc822 is not opened, since its bytes
 * must survive.
 */
export async function scanEntities(source: ByteSource, limits: typeof budgets = budgets): Promise<Scan> {
  const scanner = new Scanner(limits);
  /** Of a line that is not over at the end of a window; of a very long one only the begin is held. */
  let torn: { readonly start: number; readonly begin: ByteList; lastByte: number | undefined } | undefined;
  let offset = 0;
  let worked = 0;
  for await (const window of readRange(source, 0, source.size)) {
    let began = performance.now();
    let start = 0;
    for (
      let at = window.indexOf(lineFeed);
      at !== -1 && !scanner.halted;
      at = window.indexOf(lineFeed, start)
    ) {
      const lineEnd = offset + at + 1;
      const before = at > start ? window[at - 1] : torn?.lastByte;
      const contentEnd = lineEnd - (before === carriageReturn ? 2 : 1);
      if (torn === undefined) scanner.line(window, start, at + 1, offset + start, contentEnd, lineEnd);
      else {
        hold(torn.begin, window.subarray(start, at + 1));
        scanner.line(torn.begin.bytes(), 0, torn.begin.length, torn.start, contentEnd, lineEnd);
      }
      torn = undefined;
      start = at + 1;
      if (scanner.takeEffort() < maxEffort) continue;
      worked += performance.now() - began;
      await letOthersRun();
      began = performance.now();
    }
    if (start < window.length) {
      torn ??= { start: offset + start, begin: new ByteList(), lastByte: undefined };
      hold(torn.begin, window.subarray(start));
      torn.lastByte = window.at(-1);
    }
    offset += window.length;
    worked += performance.now() - began;
    if (worked > limits.time) scanner.exceed("time");
    if (scanner.halted) return scanner.finish(source.size);
  }
  if (torn !== undefined) scanner.line(torn.begin.bytes(), 0, torn.begin.length, torn.start, offset, offset);
  await letOthersRun();
  return scanner.finish(offset);
}

function hold(begin: ByteList, bytes: Buffer): void {
  begin.append(bytes.subarray(0, Math.max(0, longLineBytes - begin.length)));
}

class Scanner {
  readonly #limits: typeof budgets;
  readonly #root = openEntity(0, "text/plain", 1, false);
  /** From the root to the entity the next line belongs to. */
  readonly #stack: OpenEntity[] = [this.#root];
  /** The open multiparts that a line may delimit, the innermost last. */
  readonly #delimited = new Map<string, OpenEntity[]>();
  readonly #guesses = new Set<GuessCode>();
  #parts = 1;
  #headerBytes = 0;
  #files = 0;
  #effort = 0;
  #exceeded: Budget | undefined;
  /** Of the charsets that are declared somewhere, the first: for headers in bytes that are no UTF-8. */
  #charset: string | undefined;
  /** Offset before the line end of the line before, where a part ends if a boundary follows. */
  #contentEnd = 0;

  constructor(limits: typeof budgets) {
    this.#limits = limits;
  }

  /** True if nothing more is to be read; of a message nested too deep the rest can be all the same. */
  get halted(): boolean {
    return this.#exceeded !== undefined && this.#exceeded !== "depth" && this.#exceeded !== "filesInText";
  }

  /** What was done since this was asked last, roughly in lines. */
  takeEffort(): number {
    const effort = this.#effort;
    if (effort >= maxEffort) this.#effort = 0;
    return effort;
  }

  exceed(budget: Budget): void {
    this.#exceeded ??= budget;
  }

  /**
   * Takes the next line, or the begin of one that is too long to be held.
   * @param bytes hold the line from `from` to `to`, its line end included.
   * @param start of the line in the source. @param contentEnd before, @param end after its line end.
   */
  line(bytes: Buffer, from: number, to: number, start: number, contentEnd: number, end: number): void {
    const hyphens = bytes[from] === hyphen && bytes[from + 1] === hyphen;
    if (hyphens && this.#boundary(bytes, from, to, start, end)) {
      this.#contentEnd = start;
      return;
    }
    const current = this.#stack.at(-1) ?? this.#root;
    if (current.inHeader) this.#headerLine(current, bytes.subarray(from, to), start, end);
    else if (current.delimiters !== undefined) outsideLine(current, bytes, from, to, start, contentEnd);
    else if (current.mayHoldFiles && (current.file !== undefined || bytes[from] === 0x62))
      this.#fileLine(current, bytes.toString("latin1", from, Math.min(to, from + 400)), start, end);
    this.#contentEnd = contentEnd;
  }

  async finish(size: number): Promise<Scan> {
    for (const entity of this.#stack) {
      if (entity.inHeader) this.#endHeader(entity, entity.stray?.bodyStart ?? size);
      this.#endFile(entity, size);
      entity.end = size;
    }
    const root = this.#root;
    // A multipart declares no charset of its own; its texts do.
    const charset = root.contentType.params.get("charset") ?? this.#charset;
    const block = root.headerLines.bytes();
    await letOthersRun();
    root.header = await parseLongHeader(block, charset);
    if (!isUtf8(block)) this.#guesses.add("HeaderCharsetGuessed");
    return {
      root: finished(root),
      guesses: this.#guesses,
      headerCharset: charset,
      exceeded: this.#exceeded,
    };
  }

  #headerLine(entity: OpenEntity, line: Buffer, start: number, end: number): void {
    this.#headerBytes += line.length;
    if (this.#headerBytes > this.#limits.headerBytes) this.exceed("headerBytes");
    if (isEmptyLine(line) && (entity.hasFields || entity !== this.#root)) {
      // A line that is no field, right before the blank one, is rather the begin of the text.
      this.#endHeader(entity, entity.stray?.bodyStart ?? end);
      return;
    }
    const text = entity === this.#root && !entity.hasFields ? withoutLead(line) : line;
    if (isBlank(text[0]) && entity.hasFields && entity.stray === undefined && !isBlankLine(text)) {
      this.#keep(entity, text);
      return;
    }
    const name = fieldName(text);
    if (name !== undefined && belongsAfterStray(entity, name)) {
      if (entity.stray !== undefined) this.#guesses.add("HeaderMended");
      if (text !== line && start === 0) this.#guesses.add("HeaderMended");
      entity.stray = undefined;
      entity.hasFields = true;
      entity.fieldRoom = isReadField(name, entity !== this.#root) ? maxFieldBytes(name) : 0;
      entity.inContentField = name.startsWith(contentFields);
      entity.fields++;
      this.#keep(entity, text);
      return;
    }
    this.#strayLine(entity, text, start, end);
  }

  /**
   * Some lines that are no fields are passed over, if fields that are known follow. Otherwise the sender forgot the blank
   * line, or the header altogether.
   */
  #strayLine(entity: OpenEntity, line: Buffer, start: number, end: number): void {
    const first = !entity.hasFields;
    // The line of an mbox file belongs to no message (RFC 4155).
    if (first && entity === this.#root && entity.stray === undefined && isMboxLine(line)) return;
    if (first && entity !== this.#root) {
      this.#endHeader(entity, start);
      return;
    }
    const blank = isBlankLine(line);
    entity.stray ??= { bodyStart: blank ? end : start, lines: 0, blank };
    entity.stray.lines++;
    if (entity.stray.lines > maxStrayLines) this.#endHeader(entity, entity.stray.bodyStart);
  }

  #keep(entity: OpenEntity, line: Buffer): void {
    if (entity.fieldRoom <= 0) return;
    entity.fieldRoom -= line.length;
    entity.headerBytes += line.length;
    if (entity.inContentField) entity.contentFieldBytes += line.length;
    const within =
      entity.headerBytes <= maxHeaderBytes &&
      entity.contentFieldBytes <= maxContentFieldBytes &&
      entity.fields <= maxFields;
    if (within) entity.headerLines.append(line);
    else this.exceed("headerBytes");
  }

  #endHeader(entity: OpenEntity, bodyStart: number): void {
    entity.inHeader = false;
    entity.bodyStart = bodyStart;
    const block = entity.headerLines.bytes();
    this.#effort += effortOfHeader + block.length * effortOfHeaderBytes;
    const written = parseHeader(block, this.#charset, "content-type");
    const own = parseParameterized(fieldValue(written, "content-type")).params.get("charset");
    const header = parseHeader(block, own ?? this.#charset, contentFields);
    if (own !== undefined && !/^(?:us-ascii|utf-?8)$/i.test(own)) this.#charset ??= own;
    if (entity !== this.#root && !isAscii(block) && !isUtf8(block)) this.#guesses.add("HeaderCharsetGuessed");
    entity.header = header;
    entity.disposition = parseParameterized(fieldValue(header, "content-disposition"));
    const type = entityType(header, entity.defaultType, entity.disposition.params.get("filename"));
    if (type.guessed || header.some((field) => field.joined)) this.#guesses.add("ContentTypeGuessed");
    entity.contentType = type.contentType;
    entity.otherwise = type.otherwise;
    const encodings = fieldValues(header, "content-transfer-encoding").map(transferEncoding);
    const encoding = encodings.find((one) => one !== undefined);
    if (encoding === undefined && encodings.length > 0) this.#guesses.add("EncodingUnknown");
    entity.encoding = encoding ?? "identity";
    entity.mayHoldFiles =
      type.contentType.value === "text/plain" &&
      entity.encoding === "identity" &&
      entity.disposition.value !== "attachment";
    if (!isMultipart(type.contentType)) return;
    if (entity.depth >= this.#limits.depth) this.exceed("depth");
    else this.#delimit(entity, type.boundaries ?? []);
  }

  #delimit(entity: OpenEntity, boundaries: readonly string[]): void {
    entity.delimiters = boundaries.map((boundary) => `--${Buffer.from(boundary, "utf8").toString("latin1")}`);
    for (const delimiter of entity.delimiters) {
      const open = this.#delimited.get(delimiter);
      if (open === undefined) this.#delimited.set(delimiter, [entity]);
      else open.push(entity);
    }
  }

  /**
   * True if the line is a delimiter of an open multipart (RFC 2046, 5.1.1); the outer ones count too, if an inner is torn.
   * After the closing delimiter further parts may follow by mistake.
   */
  #boundary(bytes: Buffer, from: number, to: number, start: number, end: number): boolean {
    const current = this.#stack.at(-1) ?? this.#root;
    if (current.inHeader && current.hasFields && fieldName(bytes.subarray(from, to)) === undefined)
      this.#endHeader(current, start);
    const guesses = current.delimiters?.length === 0;
    if (!guesses && this.#delimited.size === 0) return false;
    const text = bytes.toString("latin1", from, Math.min(to, from + maxDelimiter)).trimEnd();
    if (guesses && /^--\S.{0,69}$/.test(text)) {
      this.#guesses.add("BoundaryGuessed");
      this.#delimit(current, [Buffer.from(text.slice(2), "latin1").toString("utf8")]);
    }
    const opens = preferred(this.#delimited.get(text));
    const closes = text.endsWith("--") ? preferred(this.#delimited.get(text.slice(0, -2))) : undefined;
    const entity = (opens?.depth ?? 0) >= (closes?.depth ?? 0) ? opens : closes;
    if (entity === undefined) return false;
    // Folded inside its quotes, or told by the second of two fields.
    if (entity.delimiters?.[0] !== (entity === opens ? text : text.slice(0, -2)))
      this.#guesses.add("BoundaryGuessed");
    this.#closeBelow(entity.depth, start);
    entity.outsideParts = false;
    if (entity === opens) this.#openChild(entity, end);
    else entity.closed = true;
    return true;
  }

  /** @param depth of the innermost entity that stays open. */
  #closeBelow(depth: number, start: number): void {
    for (const entity of this.#stack.splice(depth)) {
      // An empty part has no line of its own before the delimiter.
      entity.end = Math.max(Math.min(this.#contentEnd, start), entity.inHeader ? start : entity.bodyStart);
      if (entity.inHeader) this.#endHeader(entity, entity.stray?.bodyStart ?? start);
      this.#endFile(entity, entity.end);
      for (const delimiter of entity.delimiters ?? []) {
        const open = this.#delimited.get(delimiter)?.filter((one) => one !== entity) ?? [];
        if (open.length === 0) this.#delimited.delete(delimiter);
        else this.#delimited.set(delimiter, open);
      }
    }
  }

  #openChild(parent: OpenEntity, start: number): void {
    const digest = parent.contentType.value === "multipart/digest";
    const child = openEntity(
      start,
      digest ? "message/rfc822" : "text/plain",
      parent.depth + 1,
      parent.closed || parent.late,
    );
    if (parent.closed) this.#guesses.add("PartAfterEnd");
    if (++this.#parts > this.#limits.parts) this.exceed("parts");
    parent.children.push(child);
    this.#stack.push(child);
  }

  #fileLine(entity: OpenEntity, line: string, start: number, end: number): void {
    if (entity.file === undefined) {
      const name = uuencodedName(line);
      if (name !== undefined) entity.file = { name, start, lines: 0 };
      return;
    }
    switch (uuencodedLine(line)) {
      case "data":
        entity.file.lines++;
        break;
      case "end":
        this.#endFile(entity, end);
        break;
      case "none":
        entity.file = undefined;
        // The line may begin another.
        this.#fileLine(entity, line, start, end);
    }
  }

  #endFile(entity: OpenEntity, end: number): void {
    const { file } = entity;
    entity.file = undefined;
    if (file === undefined || file.lines === 0) return;
    if (++this.#files > this.#limits.filesInText) {
      this.exceed("filesInText");
      entity.mayHoldFiles = false;
      return;
    }
    entity.files.push({ name: file.name, start: file.start, end });
    this.#guesses.add("FileInText");
  }
}

/** The innermost one that is not closed yet, else the innermost. */
function preferred(entities: readonly OpenEntity[] | undefined): OpenEntity | undefined {
  return entities?.findLast((entity) => !entity.closed) ?? entities?.at(-1);
}

/** Notes where text stands outside the parts. */
function outsideLine(
  entity: OpenEntity,
  bytes: Buffer,
  from: number,
  to: number,
  start: number,
  contentEnd: number,
): void {
  const last = entity.surroundings.at(-1);
  if (entity.outsideParts && last !== undefined) {
    last.end = contentEnd;
    return;
  }
  let at = from;
  while (at < to && (bytes[at] as number) <= 0x20) at++;
  if (at === to || entity.surroundings.length === maxSurroundings) return;
  entity.surroundings.push({ start, end: contentEnd });
  entity.outsideParts = true;
}

function isEmptyLine(line: Buffer): boolean {
  return line[0] === lineFeed || (line[0] === carriageReturn && line[1] === lineFeed);
}

const maxBlankLine = 1000;

function isBlankLine(line: Buffer): boolean {
  if (line.length > maxBlankLine) return false;
  return line.every((byte) => isBlank(byte) || byte === carriageReturn || byte === lineFeed);
}

function isMboxLine(line: Buffer): boolean {
  const text = line.toString("latin1", 0, 6);
  return text.startsWith("From ") || text === ">From ";
}

/** A byte order mark and blanks in front of the first field. */
function withoutLead(line: Buffer): Buffer {
  let at = line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? 3 : 0;
  if (fieldName(line.subarray(at)) !== undefined) return at === 0 ? line : line.subarray(at);
  while (at < 100 && isBlank(line[at])) at++;
  return at > 0 && fieldName(line.subarray(at)) !== undefined ? line.subarray(at) : line;
}

/** After one stray line among the fields every field goes on; after more, or before any field, only a known one. */
function belongsAfterStray({ stray, hasFields }: OpenEntity, name: string): boolean {
  return stray === undefined || (hasFields && stray.lines === 1) || isKnownField(name);
}

function openEntity(start: number, defaultType: string, depth: number, late: boolean): OpenEntity {
  return {
    headerStart: start,
    bodyStart: start,
    end: start,
    headerLines: new ByteList(),
    headerBytes: 0,
    hasFields: false,
    fields: 0,
    inContentField: false,
    contentFieldBytes: 0,
    fieldRoom: 0,
    defaultType,
    header: [],
    contentType: { value: defaultType, params: new Map() },
    otherwise: undefined,
    disposition: { value: "", params: new Map() },
    encoding: "identity",
    children: [],
    delimiters: undefined,
    depth,
    inHeader: true,
    stray: undefined,
    closed: false,
    late,
    surroundings: [],
    outsideParts: false,
    mayHoldFiles: false,
    file: undefined,
    files: [],
  };
}

function finished(entity: OpenEntity): Entity {
  const { headerStart, bodyStart, header, disposition, encoding, files, late } = entity;
  const torn = entity.children.length === 0;
  return {
    headerStart,
    bodyStart,
    end: Math.max(entity.end, bodyStart),
    header,
    contentType: torn ? (entity.otherwise ?? entity.contentType) : entity.contentType,
    disposition,
    encoding,
    children: entity.children.map(finished),
    surroundings: torn ? [] : entity.surroundings,
    files,
    late,
  };
}

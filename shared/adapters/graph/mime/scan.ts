import { type ByteSource, readRange } from "./bytes.ts";
import { beginsField, fieldValue, type HeaderField, headerText, parseHeader } from "./header.ts";
import { type Parameterized, parseParameterized } from "./parameters.ts";
import { type TransferEncoding, transferEncoding } from "./transfer.ts";

/** One MIME entity (RFC 2045, 2.4): where it lies in the source and what its header says. */
export interface Entity {
  readonly headerStart: number;
  readonly bodyStart: number;
  /** End of the body, exclusive, without the line end that belongs to the boundary. */
  readonly end: number;
  readonly header: readonly HeaderField[];
  readonly contentType: Parameterized;
  readonly disposition: Parameterized;
  readonly encoding: TransferEncoding;
  /** Empty for everything that is not a multipart, or a multipart in which no boundary was found. */
  readonly children: readonly Entity[];
  /** True if something but blanks lies before the first or after the last boundary, where nothing is shown. */
  readonly hasSurroundings: boolean;
}

interface OpenEntity {
  headerStart: number;
  bodyStart: number;
  end: number;
  headerBytes: number;
  readonly headerLines: Buffer[];
  readonly defaultType: string;
  header: readonly HeaderField[];
  contentType: Parameterized;
  readonly children: OpenEntity[];
  /** "" while the boundary of a multipart that declares none is yet to be guessed. */
  boundary: string | undefined;
  inHeader: boolean;
  /** Where a line began that is no field, if it was the last one. */
  strayStart: number | undefined;
  closed: boolean;
  hasSurroundings: boolean;
}

/** RFC 6838, 4.2. */
const mediaType = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/;
const carriageReturn = 0x0d;
const maxHeaderBytes = 1 << 20;
const maxDepth = 64;
const maxEntities = 10_000;
/** Enough of a line to tell a boundary (at most 70 characters) or the begin of a field. */
const peekBytes = 1024;

/**
 * Finds the entities of a message in one pass, holding only headers. Lines may end in CRLF or LF. Never fails: what is no
 * MIME becomes one entity with what can be told about it. message/rfc822 is not opened, since its bytes must survive.
 */
export async function scanEntities(source: ByteSource): Promise<Entity> {
  const scanner = new Scanner();
  let offset = 0;
  let rest: Buffer = Buffer.alloc(0);
  /** Of a line longer than a window, only its begin is kept. */
  let longLine: { readonly start: number; readonly begin: Buffer; endsInReturn: boolean } | undefined;
  for await (const chunk of readRange(source, 0, source.size)) {
    const data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const base = offset - rest.length;
    let start = 0;
    for (let lineFeed = data.indexOf(0x0a); lineFeed !== -1; lineFeed = data.indexOf(0x0a, start)) {
      const end = base + lineFeed + 1;
      const endsInReturn =
        lineFeed > start ? data[lineFeed - 1] === carriageReturn : longLine?.endsInReturn === true;
      const contentEnd = end - (endsInReturn ? 2 : 1);
      if (longLine === undefined)
        scanner.line({ bytes: data.subarray(start, lineFeed + 1), start: base + start, contentEnd, end });
      else scanner.line({ bytes: longLine.begin, start: longLine.start, contentEnd, end });
      longLine = undefined;
      start = lineFeed + 1;
    }
    rest = data.subarray(start);
    offset += chunk.length;
    if (rest.length > maxHeaderBytes || (longLine !== undefined && rest.length > 0)) {
      longLine ??= {
        start: base + start,
        begin: Buffer.from(rest.subarray(0, peekBytes)),
        endsInReturn: false,
      };
      longLine.endsInReturn = rest.at(-1) === carriageReturn;
      rest = Buffer.alloc(0);
    }
  }
  const last = longLine ?? { start: offset - rest.length, begin: rest };
  if (last.start < offset)
    scanner.line({ bytes: last.begin, start: last.start, contentEnd: offset, end: offset });
  return scanner.finish(offset);
}

/** A line, or the begin of one that is too long to be held, and where it lies in the source. */
interface Line {
  readonly bytes: Buffer;
  readonly start: number;
  /** Before the line end. */
  readonly contentEnd: number;
  readonly end: number;
}

class Scanner {
  readonly #root = openEntity(0, "text/plain");
  /** From the root to the entity the next line belongs to. */
  #stack: OpenEntity[] = [this.#root];
  #entities = 1;
  /** Offset before the line end of the line before, where a part ends if a boundary follows. */
  #contentEnd = 0;

  line(line: Line): void {
    const { bytes } = line;
    if (bytes[0] === 0x2d && bytes[1] === 0x2d && this.#boundary(line)) {
      this.#contentEnd = line.start;
      return;
    }
    const current = this.#current();
    if (current.inHeader) this.#headerLine(current, line);
    else if (current.boundary !== undefined && bytes.some((byte) => byte > 0x20))
      current.hasSurroundings = true;
    this.#contentEnd = line.contentEnd;
  }

  finish(size: number): Entity {
    for (const entity of this.#stack) {
      if (entity.inHeader) this.#endHeader(entity, entity.strayStart ?? size);
      entity.end = size;
    }
    return finished(this.#root);
  }

  #current(): OpenEntity {
    return this.#stack.at(-1) ?? this.#root;
  }

  #headerLine(entity: OpenEntity, { bytes, start, end }: Line): void {
    if (isBlankLine(bytes)) {
      this.#endHeader(entity, end);
      return;
    }
    if (!this.#belongsToHeader(entity, bytes)) {
      // One stray line among the fields is passed over. Before any field, or after another stray one, the sender forgot the
      // blank line, or the header altogether.
      if (entity.headerLines.length > 0 && entity.strayStart === undefined) entity.strayStart = start;
      else this.#endHeader(entity, entity.strayStart ?? start);
      return;
    }
    entity.strayStart = undefined;
    entity.headerBytes += bytes.length;
    if (entity.headerBytes <= maxHeaderBytes) entity.headerLines.push(Buffer.from(bytes));
  }

  #belongsToHeader(entity: OpenEntity, line: Buffer): boolean {
    const first = entity.headerLines.length === 0;
    if (line[0] === 0x20 || line[0] === 0x09) return !first;
    const text = headerText(line.subarray(0, peekBytes));
    return beginsField(text) || (first && entity === this.#root && text.startsWith("From "));
  }

  #endHeader(entity: OpenEntity, bodyStart: number): void {
    entity.inHeader = false;
    entity.bodyStart = bodyStart;
    entity.header = parseHeader(Buffer.concat(entity.headerLines));
    const declared = parseParameterized(fieldValue(entity.header, "content-type"));
    entity.contentType = mediaType.test(declared.value)
      ? declared
      : { value: declared.value === "text" ? "text/plain" : entity.defaultType, params: declared.params };
    if (entity.contentType.value.startsWith("multipart/") && this.#stack.length < maxDepth)
      entity.boundary = entity.contentType.params.get("boundary")?.trimEnd() ?? "";
  }

  /** True if the line is a delimiter of an open multipart (RFC 2046, 5.1.1); the outer ones count too, if an inner is torn. */
  #boundary({ bytes, start, end }: Line): boolean {
    const text = bytes.subarray(0, peekBytes).toString("latin1").trimEnd();
    const current = this.#current();
    if (current.inHeader && current.headerLines.length > 0 && !beginsField(text))
      this.#endHeader(current, start);
    if (current.boundary === "" && current.children.length === 0) {
      const guess = /^--(\S.{0,69})$/.exec(text)?.[1];
      if (guess !== undefined) current.boundary = guess;
    }
    for (let depth = this.#stack.length - 1; depth >= 0; depth--) {
      const entity = this.#stack[depth];
      if (entity?.boundary === undefined || entity.boundary === "" || entity.closed) continue;
      const delimiter = `--${Buffer.from(entity.boundary, "utf8").toString("latin1")}`;
      const closes = text === `${delimiter}--`;
      if (!closes && text !== delimiter) continue;
      this.#closeBelow(depth, start);
      entity.closed = closes;
      if (!closes) this.#openChild(entity, end);
      return true;
    }
    return false;
  }

  #closeBelow(depth: number, start: number): void {
    for (const entity of this.#stack.splice(depth + 1)) {
      // An empty part has no line of its own before the delimiter.
      entity.end = Math.max(Math.min(this.#contentEnd, start), entity.inHeader ? start : entity.bodyStart);
      if (entity.inHeader) this.#endHeader(entity, entity.strayStart ?? start);
    }
  }

  #openChild(parent: OpenEntity, start: number): void {
    const digest = parent.contentType.value === "multipart/digest";
    const child = openEntity(start, digest ? "message/rfc822" : "text/plain");
    this.#entities++;
    if (this.#entities > maxEntities) {
      // From here on everything belongs to the last part.
      parent.closed = true;
    }
    parent.children.push(child);
    this.#stack.push(child);
  }
}

function isBlankLine(line: Buffer): boolean {
  return line[0] === 0x0a || (line[0] === 0x0d && line[1] === 0x0a);
}

function openEntity(start: number, defaultType: string): OpenEntity {
  return {
    headerStart: start,
    bodyStart: start,
    end: start,
    headerBytes: 0,
    headerLines: [],
    defaultType,
    header: [],
    contentType: { value: defaultType, params: new Map() },
    children: [],
    boundary: undefined,
    inHeader: true,
    strayStart: undefined,
    closed: false,
    hasSurroundings: false,
  };
}

function finished(entity: OpenEntity): Entity {
  return {
    headerStart: entity.headerStart,
    bodyStart: entity.bodyStart,
    end: Math.max(entity.end, entity.bodyStart),
    header: entity.header,
    contentType: entity.contentType,
    disposition: parseParameterized(fieldValue(entity.header, "content-disposition")),
    encoding: transferEncoding(fieldValue(entity.header, "content-transfer-encoding")),
    children: entity.children.map(finished),
    hasSurroundings: entity.hasSurroundings,
  };
}

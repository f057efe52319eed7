import { encodeText } from "./text.ts";

/** A MIME entity: header lines and the bytes below them. */
export interface Entity {
  readonly fields: readonly string[];
  readonly body: Buffer;
}

const CRLF = "\r\n";

/** Writes an entity as it goes over the wire. */
export function serialize(entity: Entity): Buffer {
  return Buffer.concat([Buffer.from([...entity.fields, "", ""].join(CRLF), "latin1"), entity.body]);
}

/** A message (RFC 5322) of header fields around a MIME entity (RFC 2045). */
export function message(fields: readonly string[], entity: Entity): Buffer {
  return serialize({ fields: [...fields, "MIME-Version: 1.0", ...entity.fields], body: entity.body });
}

/** Text in a charset; `latin1` header lines only, so names in `parameters` are encoded before. */
export function text(
  subtype: string,
  content: string,
  charset: string,
  encoding: "7bit" | "8bit" | "quoted-printable" | "base64",
  parameters = "",
): Entity {
  const bytes = encodeText(content, charset);
  return {
    fields: [
      `Content-Type: text/${subtype}; charset=${charset}${parameters}`,
      `Content-Transfer-Encoding: ${encoding}`,
    ],
    body:
      encoding === "base64"
        ? base64(bytes)
        : encoding === "quoted-printable"
          ? quotedPrintable(bytes)
          : bytes,
  };
}

/** Bytes in base64, as a file or a part of a page. */
export function binary(type: string, content: Buffer, ...fields: readonly string[]): Entity {
  return {
    fields: [`Content-Type: ${type}`, "Content-Transfer-Encoding: base64", ...fields],
    body: base64(content),
  };
}

/** Parts between boundaries (RFC 2046). The parameters begin with a semicolon. */
export function multipart(
  subtype: string,
  boundary: string,
  parts: readonly Entity[],
  parameters = "",
): Entity {
  const chunks = parts.flatMap((part) => [
    Buffer.from(`--${boundary}${CRLF}`),
    serialize(part),
    Buffer.from(CRLF),
  ]);
  return {
    fields: [`Content-Type: multipart/${subtype};${CRLF}\tboundary="${boundary}"${parameters}`],
    body: Buffer.concat([...chunks, Buffer.from(`--${boundary}--${CRLF}`)]),
  };
}

/** A whole message inside another one (RFC 2046, 5.2.1). */
export function attachedMessage(content: Buffer): Entity {
  return {
    fields: [
      "Content-Type: message/rfc822",
      "Content-Disposition: attachment",
      "Content-Transfer-Encoding: 8bit",
    ],
    body: content,
  };
}

/** Encoded words (RFC 2047) of at most 75 characters each, folded; plain ASCII stays as it is. Q is for single-byte charsets. */
export function encodedWords(value: string, charset = "utf-8", form: "B" | "Q" = "B"): string {
  if (/^[\x20-\x7e]*$/.test(value) && !value.includes("=?")) return value;
  const words: string[] = [];
  const characters = [...value];
  // Ten characters stay below the limit, escape sequences included.
  for (let start = 0; start < characters.length; start += 10) {
    const bytes = encodeText(characters.slice(start, start + 10).join(""), charset);
    const coded = form === "B" ? bytes.toString("base64") : [...bytes].map(qEncoded).join("");
    words.push(`=?${charset}?${form}?${coded}?=`);
  }
  return words.join(`${CRLF} `);
}

/** A parameter with a charset and percent signs (RFC 2231). */
export function extendedParameter(name: string, value: string): string {
  const coded = [...Buffer.from(value)].map((byte) =>
    /[A-Za-z0-9._-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${hex(byte)}`,
  );
  return `${name}*=utf-8''${coded.join("")}`;
}

function qEncoded(byte: number): string {
  if (byte === 0x20) return "_";
  return /[A-Za-z0-9]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `=${hex(byte)}`;
}

function hex(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, "0");
}

function base64(content: Buffer): Buffer {
  return Buffer.from(content.toString("base64").replace(/.{1,76}/g, `$&${CRLF}`), "latin1");
}

function quotedPrintable(content: Buffer): Buffer {
  const lines = content
    .toString("latin1")
    .split(CRLF)
    .map((line) => {
      let coded = "";
      let width = 0;
      for (const character of line) {
        const code = character.charCodeAt(0);
        const unit = code < 0x20 || code > 0x7e || code === 0x3d ? `=${hex(code)}` : character;
        if (width + unit.length > 75) {
          coded += `=${CRLF}`;
          width = 0;
        }
        coded += unit;
        width += unit.length;
      }
      return coded.replace(/ $/, "=20");
    });
  return Buffer.from(lines.join(CRLF), "latin1");
}

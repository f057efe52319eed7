import { typeOfName } from "./filename.ts";
import { fieldValues, type HeaderField } from "./header.ts";
import { type Parameterized, parseParameterized } from "./parameters.ts";

/** What the Content-Type fields of an entity say, and what was made of them. */
export interface EntityType {
  readonly contentType: Parameterized;
  /** Delimiters to look for in the body, as declared; empty for a multipart that declares none. */
  readonly boundaries?: readonly string[];
  /** The type if no boundary is found although another field declares a multipart. */
  readonly otherwise?: Parameterized;
  /** The field did not say it in a form the standard knows. */
  readonly guessed: boolean;
}

/** RFC 6838, 4.2. */
const mediaType = /^[\w!#$&^.+-]{1,127}\/[\w!#$&^.+-]{1,127}$/;

/** Types of which senders write but one half. */
const halves: ReadonlyMap<string, string> = new Map([
  ["text", "text/plain"],
  ["plain", "text/plain"],
  ["html", "text/html"],
  ["multipart", "multipart/mixed"],
  ["mixed", "multipart/mixed"],
  ["alternative", "multipart/alternative"],
  ["related", "multipart/related"],
  ["pdf", "application/pdf"],
  ["octet-stream", "application/octet-stream"],
]);

/**
 * Decides the type of an entity from its header.
 * @param defaultType of entities whose header names none.
 * @param fileName of the Content-Disposition, which tells a type where no field does.
 */
export function entityType(
  header: readonly HeaderField[],
  defaultType: string,
  fileName: string | undefined,
): EntityType {
  const declared = fieldValues(header, "content-type")
    .slice(0, 4)
    .map((value) => readType(value, defaultType, fileName));
  const [first] = declared;
  if (first === undefined) return { contentType: { value: defaultType, params: new Map() }, guessed: false };
  const multiparts = declared.filter(({ contentType }) => isMultipart(contentType));
  const [multipart] = multiparts;
  if (multipart === undefined) return { ...first, guessed: first.guessed || declared.length > 1 };
  return {
    ...multipart,
    boundaries: multiparts.flatMap(({ contentType }) => boundariesOf(contentType)),
    guessed: multipart.guessed || declared.length > 1,
    ...(isMultipart(first.contentType) ? {} : { otherwise: first.contentType }),
  };
}

export function isMultipart(contentType: Parameterized): boolean {
  return contentType.value.startsWith("multipart/");
}

function readType(
  field: string,
  defaultType: string,
  fileName: string | undefined,
): { readonly contentType: Parameterized; readonly guessed: boolean } {
  // "Content-Type: Content-Type: text/html" is sent as well.
  const { value: written, params } = parseParameterized(field.replace(/^\s*content-type\s*:/i, ""));
  const value = written
    .replaceAll("\\", "/")
    .split("/")
    .map((half) => half.trim())
    .join("/");
  if (mediaType.test(value)) return { contentType: { value, params }, guessed: value !== written };
  const [word = ""] = value.split(/[\s,]/);
  const name = fileName ?? params.get("name");
  const told = mediaType.test(word) ? word : (halves.get(value) ?? (name && typeOfName(name)));
  const known = told || (params.has("boundary") ? "multipart/mixed" : defaultType);
  return { contentType: { value: known, params }, guessed: field.trim() !== "" };
}

const maxBoundary = 1000;

/** As declared, and without blanks: a boundary may have been folded inside its quotes. */
function boundariesOf({ params }: Parameterized): readonly string[] {
  const boundary = (params.get("boundary") ?? "").trimEnd();
  if (boundary === "" || boundary.length > maxBoundary) return [];
  return [...new Set([boundary, boundary.replace(/\s+/g, "")])];
}

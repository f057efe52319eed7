import { declaredName } from "./filename.ts";
import { fieldValue } from "./header.ts";
import type { Entity } from "./scan.ts";

/** What becomes of a leaf of the MIME tree. */
export type PartUse = "body" | "attachment" | "alternative" | "wrapped";

export interface Part {
  /** Position in the tree as IMAP counts (RFC 9051, 6.4.5), such as "2.1"; "1" for a message of one part. */
  readonly path: string;
  readonly entity: Entity;
  readonly use: PartUse;
  /** For `body`: how its text is to be read. */
  readonly bodyKind?: BodyKind | undefined;
}

export type BodyKind = "html" | "text";

/** Renderings for devices that show nothing the chosen alternative does not. */
const otherRenderings = new Set(["text/x-amp-html", "text/watch-html", "text/enriched", "text/richtext"]);

/**
 * Decides for each leaf whether it is read as the body, attached, or stands for the body in another rendering.
 * Every leaf is in the result exactly once, in the order of the source.
 */
export function layOut(root: Entity): readonly Part[] {
  const parts: Part[] = [];
  place(root, "", false, parts);
  return parts;
}

function place(entity: Entity, path: string, bodiesAreAlternatives: boolean, parts: Part[]): void {
  if (entity.children.length === 0) {
    parts.push(leaf(entity, path === "" ? "1" : path, bodiesAreAlternatives));
    return;
  }
  const chosen = entity.contentType.value === "multipart/alternative" ? bestAlternative(entity) : undefined;
  entity.children.forEach((child, index) => {
    const childPath = path === "" ? `${index + 1}` : `${path}.${index + 1}`;
    const alternative = bodiesAreAlternatives || (chosen !== undefined && child !== chosen);
    place(child, childPath, alternative, parts);
  });
}

function leaf(entity: Entity, path: string, bodiesAreAlternatives: boolean): Part {
  const kind = bodyKind(entity);
  if (bodiesAreAlternatives && (kind !== undefined || otherRenderings.has(entity.contentType.value)))
    return { path, entity, use: "alternative" };
  return kind === undefined
    ? { path, entity, use: "attachment" }
    : { path, entity, use: "body", bodyKind: kind };
}

/** Undefined for what is not to be read in the message itself. */
function bodyKind(entity: Entity): BodyKind | undefined {
  const type = entity.contentType.value;
  // A multipart without parts is broken; mail programs show its text.
  const readable = type === "text/plain" || type === "text/html" || type.startsWith("multipart/");
  if (!readable || entity.disposition.value === "attachment" || declaredName(entity) !== undefined)
    return undefined;
  return type === "text/html" ? "html" : "text";
}

/** RFC 2046, 5.1.4: the last one that can be shown, and HTML before text whatever the order. */
function bestAlternative(entity: Entity): Entity | undefined {
  return (
    entity.children.findLast((child) => shownKind(child) === "html") ??
    entity.children.findLast((child) => shownKind(child) === "text")
  );
}

/** What a reader of this subtree would see first. */
function shownKind(entity: Entity): BodyKind | undefined {
  if (entity.children.length === 0) return bodyKind(entity);
  const kinds = entity.children.map(shownKind);
  return kinds.includes("html") ? "html" : kinds.find((kind) => kind !== undefined);
}

/** Content-ID without brackets. */
export function contentIdOf(entity: Entity): string | undefined {
  const id = fieldValue(entity.header, "content-id")
    ?.replace(/^\s*<|>\s*$/g, "")
    .trim();
  return id === undefined || id === "" ? undefined : id;
}

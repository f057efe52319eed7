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

export interface Layout {
  readonly parts: readonly Part[];
  /** A text with a name is the body, since there is no other. */
  readonly bodyNamed: boolean;
}

export type BodyKind = "html" | "text";

/** Renderings for devices that show nothing the chosen alternative does not. */
const otherRenderings = new Set(["text/x-amp-html", "text/watch-html", "text/enriched", "text/richtext"]);

/**
 * Decides for each leaf whether it is read as the body, attached, or stands for the body in another rendering.
 * Every leaf is in the result exactly once, in the order of the source.
 */
export function layOut(root: Entity): Layout {
  const parts: Part[] = [];
  const shown = new Map<Entity, BodyKind | undefined>();
  noteShown(root, false, shown);
  place(root, "", false, false, shown, parts);
  if (parts.some((part) => part.use === "body")) return { parts, bodyNamed: false };
  // The only text is there to be read, even if it has a name.
  const named = parts.findIndex(({ entity }) => bodyKind(entity, true) !== undefined);
  return {
    parts: parts.map((part, index) =>
      index === named ? { ...part, use: "body", bodyKind: bodyKind(part.entity, true) } : part,
    ),
    bodyNamed: named !== -1,
  };
}

/** @param namedToo whether a text with a file name here is a rendering of the body, not a file. */
function place(
  entity: Entity,
  path: string,
  bodiesAreAlternatives: boolean,
  namedToo: boolean,
  shown: ReadonlyMap<Entity, BodyKind | undefined>,
  parts: Part[],
): void {
  if (entity.children.length === 0) {
    parts.push(leaf(entity, path === "" ? "1" : path, bodiesAreAlternatives, namedToo));
    return;
  }
  const chosen =
    entity.contentType.value === "multipart/alternative" ? bestAlternative(entity, shown) : undefined;
  entity.children.forEach((child, index) => {
    const childPath = path === "" ? `${index + 1}` : `${path}.${index + 1}`;
    const alternative = bodiesAreAlternatives || (chosen !== undefined && child !== chosen);
    place(child, childPath, alternative, isRendering(entity, child), shown, parts);
  });
}

/** Alternatives, and the root of related parts (RFC 2387), are there to be read whatever they are called. */
function isRendering(parent: Entity, child: Entity): boolean {
  const type = parent.contentType.value;
  return type === "multipart/alternative" || (type === "multipart/related" && parent.children[0] === child);
}

function leaf(entity: Entity, path: string, bodiesAreAlternatives: boolean, namedToo: boolean): Part {
  const kind = bodyKind(entity, namedToo);
  if (bodiesAreAlternatives && (kind !== undefined || otherRenderings.has(entity.contentType.value)))
    return { path, entity, use: "alternative" };
  return kind === undefined
    ? { path, entity, use: "attachment" }
    : { path, entity, use: "body", bodyKind: kind };
}

/** Undefined for what is not to be read in the message itself. */
function bodyKind(entity: Entity, namedToo: boolean): BodyKind | undefined {
  const type = entity.contentType.value;
  // A multipart without parts is broken; mail programs show its text.
  const readable = type === "text/plain" || type === "text/html" || type.startsWith("multipart/");
  if (!readable || entity.late || entity.disposition.value === "attachment") return undefined;
  if (!namedToo && declaredName(entity) !== undefined) return undefined;
  return type === "text/html" ? "html" : "text";
}

/** RFC 2046, 5.1.4: the last one that can be shown, and HTML before text whatever the order. */
function bestAlternative(
  entity: Entity,
  shown: ReadonlyMap<Entity, BodyKind | undefined>,
): Entity | undefined {
  const kinds = entity.children.map((child) => shown.get(child));
  const html = kinds.lastIndexOf("html");
  return entity.children[html === -1 ? kinds.lastIndexOf("text") : html];
}

/** Notes of an entity and of all below what a reader would see first; once each, however deep alternatives are nested. */
function noteShown(
  entity: Entity,
  namedToo: boolean,
  shown: Map<Entity, BodyKind | undefined>,
): BodyKind | undefined {
  const kinds = entity.children.map((child) => noteShown(child, isRendering(entity, child), shown));
  const several = kinds.includes("html") ? "html" : kinds.find((kind) => kind !== undefined);
  const kind = entity.children.length === 0 ? bodyKind(entity, namedToo) : several;
  shown.set(entity, kind);
  return kind;
}

/** Content-ID without brackets. */
export function contentIdOf(entity: Entity): string | undefined {
  const id = fieldValue(entity.header, "content-id")
    ?.slice(0, maxContentId)
    .replace(/^\s*<|>\s*$/g, "")
    .trim();
  return id === undefined || id === "" ? undefined : id;
}

const maxContentId = 1000;

import type { NamespaceObject } from "imapflow";
import { decodeMailboxName, encodeMailboxName } from "./utf7.ts";
import { readableText } from "./wire-repair.ts";

/** Which part of a server's folders is the user's, and how their names become paths without a prefix. Pure. */
export interface FolderScope {
  /** LIST patterns that together show every folder of the scope. */
  readonly patterns: readonly string[];
  /** Segments of a folder's path as the user sees it, or undefined if the folder lies outside. */
  segmentsOf(path: string, separator: string | undefined): readonly string[] | undefined;
}

export interface Namespaces {
  readonly personal: readonly NamespaceObject[];
  /** Other users' and shared namespaces (RFC 2342). */
  readonly foreign: readonly NamespaceObject[];
}

const INBOX = "INBOX";
/** The login's own inbox or a folder below it, which is never another user's root. */
const OWN_INBOX = /^INBOX(?:[./\\]|$)/i;

export function isInbox(path: string): boolean {
  return path.toUpperCase() === INBOX;
}

/**
 * The scope of an ordinary login: the personal namespaces without other users' and shared folders. The prefix of the
 * first one is left out of paths.
 * @param rootFolder the operator's idea of that prefix, for servers that do not tell theirs; with `/` or the server's separator.
 */
export function personalScope(namespaces: Namespaces, rootFolder?: string): FolderScope {
  const first = namespaces.personal[0];
  const separator = first?.delimiter ?? undefined;
  const root =
    rootFolder === undefined ? (first?.prefix ?? "") : prefixOf(serverPath(rootFolder, separator), separator);
  const others =
    rootFolder === undefined ? namespaces.personal.slice(1).map((namespace) => namespace.prefix) : [];
  const foreign = namespaces.foreign
    .map((namespace) => namespace.prefix)
    .filter((prefix) => prefix !== "" && !root.startsWith(prefix));
  return {
    patterns: patternsFor([root, ...others]),
    segmentsOf: (path, delimiter) => {
      if (isInbox(path)) return [INBOX];
      if (foreign.some((prefix) => isWithin(path, prefix))) return undefined;
      if (root !== "" && startsWithPrefix(path, root)) {
        const segments = segmentsIn(path.slice(root.length), delimiter);
        // A folder named like the inbox below the prefix would be taken for the inbox itself.
        return segments.length === 1 && isInbox(segments[0] ?? "") ? [INBOX, ...segments] : segments;
      }
      if (root === "" || others.some((prefix) => isWithin(path, prefix))) {
        const [head = "", ...rest] = segmentsIn(path, delimiter);
        return [isInbox(head) ? INBOX : head, ...rest];
      }
      return undefined;
    },
  };
}

/** The scope below another user's folder: the root is that user's inbox, what lies below are the user's folders. */
export function userRootScope(root: string, separator: string | undefined): FolderScope {
  const prefix = prefixOf(root, separator);
  return {
    patterns: [root, `${prefix}*`],
    segmentsOf: (path, delimiter) => {
      if (path === root) return [INBOX];
      if (!path.startsWith(prefix)) return undefined;
      const segments = segmentsIn(path.slice(prefix.length), delimiter);
      return segments.length === 1 && isInbox(segments[0] ?? "") ? [INBOX, ...segments] : segments;
    },
  };
}

/**
 * Server paths a UserRoot such as `/users/alberta` may stand for, likeliest first: as written, in the server's
 * separator, and below each namespace of other users or shared folders.
 */
export function userRootCandidates(userRoot: string, namespaces: Namespaces): readonly string[] {
  const trimmed = userRoot.replace(/\/+$/, "");
  if (trimmed === "") return [];
  const all = [...namespaces.foreign, ...namespaces.personal];
  const candidates: string[] = [];
  for (const { prefix, delimiter } of namespaces.foreign)
    candidates.push(joinOverlapping(prefix, serverPath(trimmed, delimiter ?? undefined), delimiter ?? ""));
  for (const { delimiter } of all) candidates.push(serverPath(trimmed, delimiter ?? undefined));
  candidates.push(encodeMailboxName(trimmed));
  return [...new Set(candidates)].filter((candidate) => !OWN_INBOX.test(candidate));
}

/** A path of segments in the server's form. */
export function joinSegments(segments: readonly string[], separator: string | undefined): string {
  return segments.map(encodeMailboxName).join(separator ?? "");
}

/** A path as an operator writes it, with `/` between names, in the server's form. */
function serverPath(text: string, separator: string | undefined): string {
  const encoded = encodeMailboxName(text.replace(/^\/+/, ""));
  return separator === undefined || separator === "/" ? encoded : encoded.replaceAll("/", separator);
}

function segmentsIn(path: string, separator: string | undefined): readonly string[] {
  // The separator never occurs inside an encoded run, so splitting comes first: a decoded name may hold one.
  const parts = separator === undefined ? [path] : path.split(separator).filter((part) => part !== "");
  return parts.map((part) => decodeMailboxName(readableText(part)));
}

function prefixOf(root: string, separator: string | undefined): string {
  return separator === undefined || root === "" || root.endsWith(separator) ? root : root + separator;
}

function startsWithPrefix(path: string, prefix: string): boolean {
  if (path.startsWith(prefix)) return path.length > prefix.length;
  // INBOX is INBOX in any case, also at the start of a path.
  return (
    prefix.toUpperCase().startsWith(INBOX) &&
    path.length > prefix.length &&
    path.slice(0, INBOX.length).toUpperCase() === INBOX &&
    path.slice(INBOX.length).startsWith(prefix.slice(INBOX.length))
  );
}

/** True for the namespace's root itself and for everything below. */
function isWithin(path: string, prefix: string): boolean {
  return path.startsWith(prefix) || path === prefix.slice(0, -1);
}

function patternsFor(prefixes: readonly string[]): readonly string[] {
  if (prefixes.includes("")) return ["*"];
  // `INBOX*` shows the inbox and, for the usual prefixes `INBOX.` and `INBOX/`, all below in one command.
  const patterns = new Set([`${INBOX}*`]);
  for (const prefix of prefixes) if (!isInbox(prefix.slice(0, INBOX.length))) patterns.add(`${prefix}*`);
  return [...patterns];
}

function joinOverlapping(prefix: string, path: string, separator: string): string {
  const base = separator !== "" && prefix.endsWith(separator) ? prefix.slice(0, -separator.length) : prefix;
  // `/user/alberta` on a server whose namespace is already `user.`
  return path === base || path.startsWith(base + separator) ? path : base + separator + path;
}

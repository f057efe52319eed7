import type { z } from "zod";
import { nearest } from "./nearest.ts";

/** A key of a settings file and what was expected of it. `path` is empty for the file as a whole. */
export interface SettingIssue {
  readonly path: string;
  readonly message: string;
}

/** Characters of a settings file; real ones have a few hundred. */
export const maxSettingsLength = 65_536;
/** Issues of a file that are told, and characters of a key in them: an operator mends these first. */
const maxIssues = 20;
const maxPathLength = 100;

export type ParsedFile<T> = { readonly value: T } | { readonly issues: readonly SettingIssue[] };

/**
 * Reads an operator's JSON file. Issues name keys, positions and expectations, never a value; there are few of them,
 * however much is wrong.
 * @param knownKeys to tell the nearest one for a misspelt key.
 * @param formerKeys of the whole object, which are passed over.
 */
export function parseJsonFile<T>(
  schema: z.ZodType<T>,
  text: string,
  knownKeys: readonly string[],
  formerKeys: readonly string[] = [],
): ParsedFile<T> {
  if (text.length > maxSettingsLength)
    return {
      issues: [
        { path: "", message: `The file is larger than ${maxSettingsLength} characters, so it was not read.` },
      ],
    };
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    return { issues: [{ path: "", message: notJson(text, error) }] };
  }
  const parsed = schema.safeParse(without(formerKeys, json));
  if (parsed.success) return { value: parsed.data };
  const faults = parsed.error.issues.flatMap(faultsOf);
  const issues = faults.slice(0, maxIssues).map((fault) => issueOf(fault, knownKeys));
  const more = faults.length - issues.length;
  return {
    issues:
      more === 0 ? issues : [...issues, { path: "", message: `Another ${more} settings need attention.` }],
  };
}

function without(keys: readonly string[], json: unknown): unknown {
  if (keys.length === 0 || typeof json !== "object" || json === null || Array.isArray(json)) return json;
  return Object.fromEntries(Object.entries(json).filter(([key]) => !keys.includes(key)));
}

function notJson(text: string, error: unknown): string {
  if (text.trim() === "") return "The file is empty; it has to hold a JSON object.";
  // The engine's own message quotes the text, so only the place is taken from it.
  const position = /at position (\d+)/.exec(String(error))?.[1];
  if (position === undefined) return "The file is not JSON: it ends too early or holds a stray character.";
  const before = text.slice(0, Number(position)).split("\n");
  return `The file is not JSON: see line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}.`;
}

interface Fault {
  readonly path: readonly PropertyKey[];
  /** Undefined for a key that is not known. */
  readonly message: string | undefined;
}

function faultsOf(issue: z.core.$ZodIssue): Fault[] {
  if (issue.code !== "unrecognized_keys") return [{ path: issue.path, message: `${issue.message}.` }];
  return issue.keys.map((key) => ({ path: [...issue.path, key], message: undefined }));
}

function issueOf({ path, message }: Fault, knownKeys: readonly string[]): SettingIssue {
  return {
    path: shortened(path.map(String).join(".")),
    message: message ?? `There is no such setting.${hintFor(String(path.at(-1)), knownKeys)}`,
  };
}

function hintFor(key: string, knownKeys: readonly string[]): string {
  const meant = nearest(key, knownKeys);
  return meant === undefined ? "" : ` Did you mean "${meant}"?`;
}

function shortened(path: string): string {
  return path.length > maxPathLength ? `${path.slice(0, maxPathLength)}...` : path;
}

import type { z } from "zod";
import { nearest } from "./nearest.ts";

/** A key of a settings file and what was expected of it. `path` is empty for the file as a whole. */
export interface SettingIssue {
  readonly path: string;
  readonly message: string;
}

export type ParsedFile<T> = { readonly value: T } | { readonly issues: readonly SettingIssue[] };

/**
 * Reads an operator's JSON file. Issues name keys, positions and expectations, never a value.
 * @param knownKeys to tell the nearest one for a misspelt key.
 */
export function parseJsonFile<T>(
  schema: z.ZodType<T>,
  text: string,
  knownKeys: readonly string[],
): ParsedFile<T> {
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    return { issues: [{ path: "", message: notJson(text, error) }] };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { value: parsed.data };
  return { issues: parsed.error.issues.flatMap((issue) => issuesOf(issue, knownKeys)) };
}

function notJson(text: string, error: unknown): string {
  if (text.trim() === "") return "The file is empty; it has to hold a JSON object.";
  // The engine's own message quotes the text, so only the place is taken from it.
  const position = /at position (\d+)/.exec(String(error))?.[1];
  if (position === undefined) return "The file is not JSON: it ends too early or holds a stray character.";
  const before = text.slice(0, Number(position)).split("\n");
  return `The file is not JSON: see line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}.`;
}

function issuesOf(issue: z.core.$ZodIssue, knownKeys: readonly string[]): SettingIssue[] {
  const path = issue.path.map(String);
  if (issue.code !== "unrecognized_keys") return [{ path: path.join("."), message: `${issue.message}.` }];
  return issue.keys.map((key) => {
    const meant = nearest(key, knownKeys);
    const hint = meant === undefined ? "" : ` Did you mean "${meant}"?`;
    return { path: [...path, key].join("."), message: `There is no such setting.${hint}` };
  });
}

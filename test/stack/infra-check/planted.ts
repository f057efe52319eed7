import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Runs a check on a copy of a folder into which a mistake was put, and removes the copy.
 * @param edit file in the folder, the text to replace, and what to put in its place.
 * @throws Error if the text is not there: the mistake could not be made.
 */
export async function withMistake<T>(
  folder: string,
  edit: readonly [file: string, from: string, to: string],
  check: (copy: string) => T | Promise<T>,
): Promise<T> {
  const copy = mkdtempSync(join(tmpdir(), "infra-"));
  try {
    cpSync(folder, copy, { recursive: true });
    const [file, from, to] = edit;
    const text = readFileSync(join(copy, file), "utf8");
    if (!text.includes(from)) throw new Error(`${file} does not hold ${from}`);
    writeFileSync(
      join(copy, file),
      text.replace(from, () => to),
    );
    return await check(copy);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

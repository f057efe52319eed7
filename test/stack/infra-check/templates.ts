import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type BicepFile, readBicep } from "./bicep-file.ts";
import { nameProblems } from "./names.ts";
import { type Problem, syntaxProblems } from "./syntax.ts";

/** Paths of all Bicep files under a folder, sorted. */
export function bicepPaths(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".bicep"))
    .map((path) => join(folder, path))
    .sort();
}

/** Faults of syntax; where there are none, names and module interfaces that do not fit. */
export async function templateProblems(folder: string): Promise<readonly Problem[]> {
  const files: readonly BicepFile[] = await Promise.all(bicepPaths(folder).map((path) => readBicep(path)));
  const problems = files.flatMap(({ path, root }) => syntaxProblems(path, root));
  if (problems.length > 0) return problems;
  return (await Promise.all(files.map(nameProblems))).flat();
}

/** The licences of the packages that are bundled: whoever passes the bundle on has to pass them on with it. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

const manifest = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string(),
  author: z.union([z.string(), z.object({ name: z.string() }).transform(({ name }) => name)]).optional(),
});
const licenceFile = /^(licen[cs]e|copying|notice|unlicense)/i;
/** The package that a bundled file belongs to: the innermost one. */
const packageOf = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;
const rule = "=".repeat(80);

/**
 * One text with name, version and licence texts of every package that files were bundled from.
 * @param root folder of the repository, whose own LICENSE is the MIT one.
 * @param inputs bundled files, relative to `root`.
 * @throws Error for a package that tells no licence, or one that has to be passed on without its text; MIT's is known here.
 */
export async function licenseTexts(root: string, inputs: Iterable<string>): Promise<string> {
  const folders = new Set([...inputs].flatMap((input) => packageOf.exec(input)?.[1] ?? []));
  const texts = await Promise.all([...folders].toSorted().map((folder) => textOf(root, join(root, folder))));
  return [...new Set(texts)].join("\n");
}

async function textOf(root: string, folder: string): Promise<string> {
  const { name, version, license, author } = manifest.parse(
    JSON.parse(await readFile(join(folder, "package.json"), "utf8")),
  );
  const files = (await readdir(folder)).filter((file) => licenceFile.test(file)).toSorted();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), "utf8")));
  if (texts.length === 0) {
    if (license === "Unlicense") texts.push("In the public domain.");
    else if (license === "MIT") texts.push(await mitTextFor(root, author ?? `the authors of ${name}`));
    else throw new Error(`${name} comes without the text of its licence, ${license}.`);
  }
  return [rule, `${name} ${version} (${license})`, rule, ...texts.map((text) => text.trim()), ""].join("\n");
}

/** The MIT licence for another holder than ours. */
async function mitTextFor(root: string, holder: string): Promise<string> {
  const own = await readFile(join(root, "LICENSE"), "utf8");
  return own.replace(/^Copyright .*$/m, `Copyright (c) ${holder}`);
}

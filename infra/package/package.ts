/** Makes the zip that is deployed from what `npm run build` left in dist. */
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { z } from "zod";
import { createZip, type Entry } from "./zip.ts";

const root = join(import.meta.dirname, "../..");

/** What the Functions worker reads of package.json: where the functions are, and that they are ES modules. */
const manifest = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string(),
  type: z.literal("module"),
  main: z.string(),
});

/**
 * The files of the package: the bundle with the packages beside it, host.json, and what the worker needs of package.json.
 * Source maps stay behind.
 * @param folder root of the repository, built.
 * @throws Error if the build is missing.
 */
export async function packageEntries(folder: string): Promise<readonly Entry[]> {
  const { main, ...about } = manifest.parse(JSON.parse(await readFile(join(folder, "package.json"), "utf8")));
  const dist = join(folder, "dist");
  const files = (await readdir(dist, { recursive: true, withFileTypes: true }))
    .filter((file) => file.isFile() && !file.name.endsWith(".map"))
    .map((file) => join(file.parentPath, file.name));
  if (!files.includes(join(folder, main))) throw new Error(`${main} is missing: run npm run build first.`);
  const bundle = files.map(async (path) => ({
    name: relative(folder, path).split(sep).join("/"),
    content: await readFile(path),
  }));
  return [
    ...(await Promise.all(bundle)),
    { name: "host.json", content: await readFile(join(folder, "host.json")) },
    { name: "package.json", content: Buffer.from(`${JSON.stringify({ ...about, main }, undefined, 2)}\n`) },
  ];
}

if (import.meta.main) {
  const entries = await packageEntries(root);
  const archive = createZip(entries);
  await writeFile(join(root, "imap-to-m365.zip"), archive);
  const digest = createHash("sha256").update(archive).digest("hex");
  console.log(
    `imap-to-m365.zip: ${entries.length} files, ${(archive.length / 1024).toFixed(0)} KiB, sha256 ${digest}`,
  );
}

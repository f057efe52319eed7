import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build, type Rollup } from "vite";

/** What is served compressed. */
const compressible = /\.(?:js|css|html|svg)$/;

/**
 * Builds the page, with every file once more in brotli and in gzip.
 * @param outDir folder that it is written to.
 * @returns the files that went into it, for their licences.
 */
export async function buildPage(outDir: string): Promise<readonly string[]> {
  const configFile = join(import.meta.dirname, "vite.config.ts");
  const built = (await build({ configFile, build: { outDir } })) as Rollup.RollupOutput;
  const files = await readdir(outDir, { recursive: true });
  await Promise.all(
    files.filter((file) => compressible.test(file)).map((file) => compress(join(outDir, file))),
  );
  return built.output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []));
}

async function compress(path: string): Promise<void> {
  const content = await readFile(path);
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };
  await writeFile(`${path}.br`, await promisify(brotliCompress)(content, quality));
  await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: constants.Z_BEST_COMPRESSION }));
}

import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type BuildOptions, build, type Metafile, type Plugin } from "esbuild";
import { buildPage } from "./functions/page/build.ts";
import { licenseTexts } from "./infra/package/licenses.ts";

const root = import.meta.dirname;
await mkdir(join(root, ".data"), { recursive: true });
const scratch = await mkdtemp(join(root, ".data", "build-"));
const outdir = join(scratch, "dist");

/** The Functions worker serves `@azure/functions-core`, and `@azure/functions` asks for it through CommonJS `require`. */
const hostPackages = ["@azure/functions", "@azure/functions-core"];

/** zod offers its messages in fifty languages through one object; the English ones, which it loads by itself, are enough. */
const englishOnly: Plugin = {
  name: "english-only",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/locales\/index\.js$/ }, ({ path, importer }) =>
      /[\\/]zod[\\/]/.test(importer) ? { path, namespace: "english-only", sideEffects: false } : undefined,
    );
    onLoad({ filter: /.*/, namespace: "english-only" }, () => ({ contents: "export {};" }));
  },
};

// Where the environment says anything else, the page is built as for its developers.
process.env.NODE_ENV = "production";

const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };

const options = {
  absWorkingDir: root,
  entryPoints: { index: "functions/index.ts" },
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node22",
  external: hostPackages,
  plugins: [englishOnly],
  define: { APP_VERSION: JSON.stringify(version) },
  sourcemap: true,
  legalComments: "linked",
  chunkNames: "chunks/[name]-[hash]",
  // Bundled CommonJS dependencies call require() and read __dirname, which an ES module does not have.
  banner: {
    js: [
      'import { createRequire as __createRequire } from "node:module";',
      "const require = __createRequire(import.meta.url);",
      "const __filename = import.meta.filename;",
      "const __dirname = import.meta.dirname;",
    ].join(" "),
  },
  metafile: true,
  logLevel: "warning",
} satisfies BuildOptions;

try {
  const [{ metafile }, pageFiles] = await Promise.all([build(options), buildPage(join(outdir, "page"))]);
  await copyRuntimePackage("@azure/functions");
  await writeFile(
    join(outdir, "THIRD-PARTY-LICENSES.txt"),
    await licenseTexts(root, [
      ...Object.keys(metafile.inputs),
      ...pageFiles.map((file) => relative(root, file)),
    ]),
  );
  await replaceDist();
  report(metafile);
} finally {
  await rm(scratch, { recursive: true, force: true });
}

/** Puts the new `dist` in the old one's place at once: a failed build leaves the old one, an app that runs finds its files. */
async function replaceDist(): Promise<void> {
  const dist = join(root, "dist");
  await rename(dist, join(scratch, "replaced")).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  await rename(outdir, dist);
}

/** Copies a package that stays outside the bundle, and what it needs, so that `dist` runs without node_modules. */
async function copyRuntimePackage(name: string): Promise<void> {
  const from = join(root, "node_modules", name);
  const to = join(outdir, "node_modules", name);
  const { main, dependencies = {} } = JSON.parse(await readFile(join(from, "package.json"), "utf8")) as {
    main: string;
    dependencies?: Record<string, string>;
  };
  const folder = join(main, "..");
  await mkdir(join(to, folder), { recursive: true });
  const scripts = (await readdir(join(from, folder))).filter((file) => /^(?!.*\.min\.).*\.m?js$/.test(file));
  for (const file of ["package.json", "LICENSE", ...scripts.map((script) => join(folder, script))])
    await copyFile(join(from, file), join(to, file));
  for (const dependency of Object.keys(dependencies)) await copyRuntimePackage(dependency);
}

function report({ outputs }: Metafile): void {
  const scripts = Object.entries(outputs).filter(([file]) => file.endsWith(".js"));
  const total = scripts.reduce((bytes, [, output]) => bytes + output.bytes, 0);
  const eager = new Set<string>();
  const follow = (file: string): void => {
    if (eager.has(file)) return;
    eager.add(file);
    for (const { path, kind } of outputs[file]?.imports ?? [])
      if (kind === "import-statement" && outputs[path]) follow(path);
  };
  follow(relative(root, join(outdir, "index.js")));
  const atStart = [...eager].reduce((bytes, file) => bytes + (outputs[file]?.bytes ?? 0), 0);
  console.log(
    `dist: ${kib(total)} of script in ${scripts.length} files, ${kib(atStart)} of it read at a cold start`,
  );
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(0)} KiB`;
}

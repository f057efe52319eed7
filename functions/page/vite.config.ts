import { join } from "node:path";
import { defineConfig, type HtmlTagDescriptor, type Plugin, type Rollup } from "vite";

const base = "/api/dashboard/";
const mainFile = join(import.meta.dirname, "main.tsx");

/**
 * The first frame waits for its script alone, which says what colours were chosen. That script begins the page once the frame
 * is painted; fetched it is meanwhile.
 */
const firstFrame: Plugin = {
  name: "first-frame",
  transformIndexHtml: {
    order: "post",
    handler(html, { bundle = {} }) {
      const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
      const main = chunks.find(({ facadeModuleId }) => facadeModuleId === mainFile);
      if (main === undefined) throw new Error("the build has no chunk of main.tsx");
      const needed = needs(main, chunks);
      const css = needed.flatMap(({ viteMetadata }) => [...(viteMetadata?.importedCss ?? [])]);
      return {
        html: html.replace('<script type="module"', '<script type="module" blocking="render"'),
        tags: [
          ...needed
            .map(({ fileName }) => fileName)
            .filter((file) => !html.includes(file))
            .map((file) => link(file, { rel: "modulepreload" })),
          ...css.map((file) => link(file, { rel: "preload", as: "style" })),
        ],
      };
    },
  },
};

/** A chunk and all that it imports. */
function needs(
  chunk: Rollup.OutputChunk,
  chunks: readonly Rollup.OutputChunk[],
): readonly Rollup.OutputChunk[] {
  const found = new Set([chunk]);
  for (const { imports } of found)
    for (const one of chunks) if (imports.includes(one.fileName)) found.add(one);
  return [...found];
}

function link(file: string, attrs: Readonly<Record<string, string>>): HtmlTagDescriptor {
  return { tag: "link", attrs: { ...attrs, crossorigin: true, href: base + file }, injectTo: "head" };
}

/** The page alone: esbuild, which builds the functions, would put all of Fluent UI into the first chunk. */
export default defineConfig({
  root: import.meta.dirname,
  base,
  publicDir: false,
  logLevel: "warn",
  plugins: [firstFrame],
  resolve: {
    dedupe: ["react", "react-dom"],
    // The package is 174 MB in 47,000 files, and an empty one is installed in its place: the page draws its own.
    alias: { "@fluentui/react-icons": join(import.meta.dirname, "icons") },
  },
  build: {
    outDir: join(import.meta.dirname, "../../dist/page"),
    emptyOutDir: true,
    target: "es2023",
    // The first ones with light-dark(): what takes its place in others knows nothing of the colours that were chosen.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // It would be an inline script, which the policy refuses.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1_000,
    rolldownOptions: {
      input: [join(import.meta.dirname, "index.html"), mainFile],
      // Every file of Fluent UI says "use client", which means nothing here.
      checks: { moduleLevelDirective: false },
      output: {
        codeSplitting: {
          // By themselves they would be 46 files, and weigh a tenth more.
          groups: [
            { name: "first", test: /(?:first|stored-scheme)\.ts|preload-helper|index\.html/, priority: 1 },
            { name: "page", tags: ["$initial"] },
          ],
        },
      },
    },
  },
});

import { join } from "node:path";
import { defineConfig } from "vite";

/** The page alone: esbuild, which builds the functions, would put all of Fluent UI into the first chunk. */
export default defineConfig({
  root: import.meta.dirname,
  base: "/api/dashboard/",
  publicDir: false,
  logLevel: "warn",
  resolve: {
    dedupe: ["react", "react-dom"],
    // The package is 174 MB in 47,000 files, and an empty one is installed in its place: the page draws its own.
    alias: { "@fluentui/react-icons": join(import.meta.dirname, "icons") },
  },
  build: {
    outDir: join(import.meta.dirname, "../../dist/page"),
    emptyOutDir: true,
    target: "es2023",
    // It would be an inline script, which the policy refuses.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1_000,
    // Every file of Fluent UI says "use client", which means nothing here.
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
});

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageEntries } from "../../infra/package/package.ts";
import { createZip } from "../../infra/package/zip.ts";
import { uploadFunction } from "../../infra/scripts/event-subscription.ts";
import { type AppProcess, startApp } from "../stack/app-process.ts";
import { type Stack, startStack } from "../stack/stack.ts";
import { readZip, unzip } from "../stack/unzip.ts";

const root = join(import.meta.dirname, "../..");
const mebibyte = 1024 * 1024;

/** Scripts that a worker reads before the first invocation: the entry, and what it imports without waiting. */
function readAtStart(files: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
  const read = new Map<string, Buffer>();
  const follow = (name: string): void => {
    const content = files.get(name);
    if (content === undefined || read.has(name)) return;
    read.set(name, content);
    const imports = content.toString("utf8").matchAll(/^(?:import|export|\})[^;()]*"(\.[^"]+\.js)";$/gm);
    for (const [, path = ""] of imports) follow(posix.join(posix.dirname(name), path));
  };
  follow("dist/index.js");
  return read;
}

/** Names of what the source registers, read by a process that has nothing to do with the package. */
async function functionsOfSource(): Promise<readonly string[]> {
  const script = `
    import { loadApp } from ${JSON.stringify(join(root, "test/stack/functions-host/core-module.ts"))};
    const app = await loadApp(() => import(${JSON.stringify(join(root, "functions/index.ts"))}), () => undefined);
    console.log(JSON.stringify([...app.functions.values()].map(({ metadata }) => metadata.name)));
    process.exit(0);`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  return (JSON.parse(stdout) as string[]).toSorted();
}

describe("package", () => {
  let archive: Buffer;
  beforeAll(async () => {
    archive = createZip(await packageEntries(root));
  });

  it("has the same bytes again from the same source, in whatever order the files come", async () => {
    const entries = await packageEntries(root);
    expect(createZip([...entries].reverse()).equals(archive)).toBe(true);
  });

  it("has other bytes as soon as one file differs", async () => {
    const [first, ...others] = await packageEntries(root);
    const changed = {
      name: first?.name ?? "",
      content: Buffer.concat([first?.content ?? Buffer.alloc(0), Buffer.from(" ")]),
    };
    expect(createZip([changed, ...others]).equals(archive)).toBe(false);
  });

  it("holds the bundle, what stays outside of it, and nothing else", () => {
    const names = [...readZip(archive).keys()];
    expect(names).toEqual(
      expect.arrayContaining([
        "host.json",
        "package.json",
        "dist/index.js",
        "dist/node_modules/@azure/functions/package.json",
      ]),
    );
    const strange = names.filter(
      (name) =>
        !/^(host\.json|package\.json|dist\/.+\.(m?js|json|txt)|dist\/node_modules\/.+\/LICENSE)$/.test(
          name,
        ) && !/^dist\/page\/(index\.html|assets\/[\w.-]+\.(js|css|svg))(\.br|\.gz)?$/.test(name),
    );
    expect(strange).toEqual([]);
  });

  it("holds the licence of every package that is in it", () => {
    const files = readZip(archive);
    const licenses = files.get("dist/THIRD-PARTY-LICENSES.txt")?.toString("utf8") ?? "";
    for (const name of ["@azure/service-bus", "imapflow", "iconv-lite", "zod", "@nodable/entities"])
      expect(licenses).toMatch(new RegExp(`^${name} \\d[^\\n]* \\([^\\n]+\\)$`, "m"));
    const heads = licenses.match(/^=+\n[^\n]+\n=+$/gm) ?? [];
    expect(heads.length).toBeGreaterThan(50);
    // Each head is followed by the text of a licence, not by the next head; the Unlicense asks for none.
    for (const text of licenses.split(/^=+\n[^\n]+\n=+$/m).slice(1))
      if (text.trim() !== "In the public domain.") expect(text.trim().length).toBeGreaterThan(200);
    for (const name of ["@azure/functions", "cookie", "long"].filter((one) =>
      files.has(`dist/node_modules/${one}/package.json`),
    ))
      expect(files.has(`dist/node_modules/${name}/LICENSE`)).toBe(true);
  });

  it("is small", () => {
    expect(archive.length).toBeLessThan(8 * mebibyte);
  });

  it("holds the page as its users get it, whatever environment it is built in", () => {
    const compressed = [...readZip(archive)].filter(([name]) => /^dist\/page\/.*\.gz$/.test(name));
    expect(compressed.length).toBeGreaterThan(20);
    // As its developers get it it weighs 379.
    expect(compressed.reduce((sum, [, { length }]) => sum + length, 0)).toBeLessThan(320 * 1024);
  });

  it("makes a cold worker read no more than it needs to index the functions", () => {
    const read = readAtStart(readZip(archive));
    expect(read.size).toBeGreaterThan(3);
    const bytes = [...read.values()].reduce((sum, content) => sum + content.length, 0);
    expect(bytes).toBeLessThan(0.75 * mebibyte);
    expect([...read.values()].filter((content) => content.includes("iconv-lite"))).toEqual([]);
  });

  it("holds neither settings nor test code", () => {
    const marks = ["test/stack/", "local.settings", "vitest", "hoodiecrow"];
    const found = [...readZip(archive)].flatMap(([name, content]) =>
      marks.filter((mark) => content.includes(mark)).map((mark) => `${mark} in ${name}`),
    );
    expect(found).toEqual([]);
  });

  describe("unzipped into an empty folder", () => {
    let folder: string;
    let stack: Stack;
    let app: AppProcess;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "package-"));
      unzip(archive, folder);
      stack = await startStack();
      app = await startApp({ packageDirectory: folder, settings: stack.settings });
    });
    afterAll(async () => {
      await app?.stop();
      await stack?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it("starts, and every function of the source is indexed", async () => {
      const ready = app.events.filter(({ message }) => message === "Function ready");
      const names = ready.map(({ functionName }) => String(functionName));
      expect(names.toSorted()).toEqual(await functionsOfSource());
      expect(names).toEqual(
        expect.arrayContaining([
          "upload",
          "operations",
          "folder-sync",
          "resync",
          "janitor",
          "reports",
          "health",
        ]),
      );
      expect((await fetch(`${app.url}/api/health`)).status).toBe(200);
    });

    it("has the blob trigger under the name that the event subscription calls", () => {
      expect(app.events).toContainEqual(
        expect.objectContaining({
          message: "Function ready",
          functionName: uploadFunction,
          trigger: "blobTrigger",
        }),
      );
    });
  });
});

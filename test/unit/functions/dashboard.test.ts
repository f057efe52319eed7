import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HttpRequest } from "@azure/functions";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { servePage } from "../../../functions/http-dashboard.ts";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "page-"));
  await mkdir(join(folder, "assets"));
  for (const [name, text] of [
    ["index.html", "<html><style>a{}</style>"],
    ["index.html.br", "brotli of the page"],
    ["index.html.gz", "gzip of the page"],
    ["assets/a-1.js", "script"],
    ["assets/a-1.js.br", "brotli of the script"],
  ] as const)
    await writeFile(join(folder, name), text);
});
afterAll(() => rm(folder, { recursive: true }));

async function get(path: string, encodings = "gzip, deflate, br") {
  const request = new HttpRequest({
    method: "GET",
    url: `http://localhost/api/dashboard/${path}`,
    params: { path },
    headers: { "accept-encoding": encodings },
  });
  const { status = 200, body, headers, jsonBody } = await servePage(folder)(request);
  return { status, text: String(body ?? ""), headers: (headers ?? {}) as Record<string, string>, jsonBody };
}

describe("the page's files", () => {
  it("each view has the page at its own address, never kept, with the policy", async () => {
    for (const path of ["", "batches/pilot", "batches/pilot/mailboxes/1a2b"]) {
      const { status, text, headers } = await get(path);
      expect([status, text]).toEqual([200, "brotli of the page"]);
      expect(headers["Cache-Control"]).toBe("no-cache");
      expect(headers["Content-Type"]).toBe("text/html; charset=utf-8");
      expect(headers["Content-Security-Policy"]).toMatch(/^default-src 'none'; script-src 'self'; /);
      expect(headers["Content-Security-Policy"]).not.toMatch(/unsafe|https?:|\*/);
      expect(headers).toMatchObject({
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        Vary: "Accept-Encoding",
      });
    }
  });

  it("style elements hold nothing, or what the page has in its own: the policy knows their hashes", async () => {
    const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
    const { headers } = await get("");
    expect(headers["Content-Security-Policy"]).toContain(
      `; style-src 'self' ${hashOf("")} ${hashOf("a{}")}; `,
    );
  });

  it("an asset is kept for good, since its name changes with it", async () => {
    const { text, headers } = await get("assets/a-1.js");
    expect(text).toBe("brotli of the script");
    expect(headers).toMatchObject({
      "Content-Encoding": "br",
      "Content-Type": "text/javascript; charset=utf-8",
      "Cache-Control": "public, max-age=31536000, immutable",
    });
  });

  it("comes in the form that the browser takes", async () => {
    expect((await get("", "gzip")).text).toBe("gzip of the page");
    expect((await get("", "identity")).text).toBe("<html><style>a{}</style>");
    expect((await get("assets/a-1.js", "gzip")).headers["Content-Encoding"]).toBeUndefined();
  });

  it.each(["assets/a-0.js", "../package.json", "assets/../../secret.txt", "index.html.br"])(
    "%s is not there",
    async (path) => {
      expect(await get(path)).toMatchObject({ status: 404, jsonBody: { error: { code: "FileNotFound" } } });
    },
  );
});

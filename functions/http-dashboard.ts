import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { app, type HttpRequest, type HttpResponseInit } from "@azure/functions";
import { errorResponse, type Handler } from "./http.ts";

/**
 * Fluent UI makes empty style elements and fills them by script, and the styles of the first frame stand in the page itself.
 * @param styles what style elements may hold.
 */
function policyFor(styles: readonly string[]): string {
  const hashes = styles.map((text) => ` 'sha256-${createHash("sha256").update(text).digest("base64")}'`);
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self'${hashes.join("")}`,
    "connect-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");
}

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** By what a browser may ask for, the better one first, and how such files end. */
const encodings = [
  ["br", ".br"],
  ["gzip", ".gz"],
] as const;

/**
 * Serves the operator's page: its files by their names, and the page itself at every other address, since a view has an
 * address of its own. The files hold no data, so that whoever gets as far as here may have them; what the page shows comes
 * from the API, which asks for a role.
 * @param folder where the build has left them.
 */
export function servePage(folder: string): Handler {
  let built: Promise<BuiltPage> | undefined;
  return async ({ params, headers }: Pick<HttpRequest, "params" | "headers">): Promise<HttpResponseInit> => {
    built ??= readPage(folder);
    built.catch(() => {
      built = undefined;
    });
    const { files, policy } = await built;
    const path = params.path ?? "";
    const isFile = types[extname(path)] !== undefined && files.has(path);
    if (!isFile && extname(path) !== "")
      return errorResponse(
        404,
        "FileNotFound",
        "The page has no such file. Reload it: it may be a newer one now.",
      );
    const name = isFile ? path : "index.html";
    const accepted = (headers.get("accept-encoding") ?? "")
      .split(",")
      .map((one) => one.split(";", 1)[0]?.trim());
    const encoding = encodings.find(([coding, end]) => accepted.includes(coding) && files.has(name + end));
    return {
      body: files.get(name + (encoding?.[1] ?? "")) ?? Buffer.alloc(0),
      headers: {
        "Content-Type": types[extname(name)] ?? "application/octet-stream",
        ...(encoding ? { "Content-Encoding": encoding[0] } : {}),
        Vary: "Accept-Encoding",
        // Names of assets hold a hash of what is in them.
        "Cache-Control": name.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache",
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
      },
    };
  };
}

interface BuiltPage {
  /** By their names, with a slash between folders. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly policy: string;
}

async function readPage(folder: string): Promise<BuiltPage> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  const named = async (file: string) =>
    [file.slice(folder.length + 1).replaceAll("\\", "/"), await readFile(file)] as const;
  const files = new Map(await Promise.all(paths.map(named)));
  const html = files.get("index.html")?.toString("utf8") ?? "";
  const styles = html.split("<style>").slice(1);
  return { files, policy: policyFor(["", ...styles.map((rest) => rest.split("</style>", 1)[0] ?? "")]) };
}

app.http("dashboard", {
  methods: ["GET"],
  route: "dashboard/{*path}",
  authLevel: "anonymous",
  handler: servePage(join(import.meta.dirname, "page")),
});

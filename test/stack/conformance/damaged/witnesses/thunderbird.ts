// Reads messages with JSMime, Thunderbird's own parser, taken out of Debian's package: JSON of every file of a directory,
// by name.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { digest, type Reading } from "../reading.ts";

interface Headers {
  readonly contentType: {
    readonly type: string;
    readonly mediatype: string;
    get(name: string): string | undefined;
  };
  get(name: "from"): readonly { readonly name?: string; readonly email?: string }[] | undefined;
  get(name: "subject"): string | readonly string[] | undefined;
  getRawHeader(name: string): readonly string[] | undefined;
}

interface JsMime {
  readonly MimeParser: new (
    emitter: object,
    options: object,
  ) => { deliverData(data: string): void; deliverEOF(): void };
  readonly headerparser: {
    parseParameterHeader(value: string, words: boolean, continuations: boolean): ReadonlyMap<string, string>;
    convert8BitHeader(value: string, charset: string): string;
  };
}

const run = promisify(execFile);

async function load(): Promise<JsMime> {
  const home = await mkdtemp(join(tmpdir(), "imap-to-m365-thunderbird-"));
  try {
    await run("apt-get", ["download", "thunderbird"], { cwd: home });
    const [archive = ""] = await readdir(home);
    await run("dpkg", ["-x", archive, "files"], { cwd: home });
    const { stdout } = await run(
      "python3",
      [
        "-c",
        "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read('modules/jsmime/jsmime.mjs'))",
        "files/usr/share/thunderbird/omni.ja",
      ],
      { cwd: home, maxBuffer: 1 << 24 },
    );
    const module = join(home, "jsmime.mjs");
    await writeFile(module, stdout);
    return (await import(pathToFileURL(module).href)).jsmime;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

const jsmime = await load();

function reading(content: Buffer): Reading {
  let subject = "";
  let from: [string, string] = ["", ""];
  const texts: string[] = [];
  const files: [string, string][] = [];
  const open = new Map<string, { readonly headers: Headers; readonly pieces: Buffer[] }>();
  const emitter = {
    startPart(part: string, headers: Headers) {
      const told = headers.get("subject");
      const words = typeof told === "string" ? told : (told?.[0] ?? "");
      // An attached message is told part by part, and not as a whole.
      if (part.includes("$")) {
        if (part.endsWith("$")) files.push([`${words}.eml`, ""]);
        return;
      }
      if (part === "") {
        subject = words;
        const [author] = headers.get("from") ?? [];
        from = [author?.name ?? "", author?.email ?? ""];
      }
      open.set(part, { headers, pieces: [] });
    },
    deliverPartData(part: string, data: Uint8Array) {
      open.get(part)?.pieces.push(Buffer.from(data));
    },
    endPart(part: string) {
      const { headers, pieces } = open.get(part) ?? { pieces: [] };
      if (headers === undefined) return;
      const bytes = Buffer.concat(pieces);
      const { contentType } = headers;
      const name =
        parameterOf(headers, "content-disposition", "filename") ??
        parameterOf(headers, "content-type", "name");
      if (contentType.type === "message/rfc822") return;
      if (contentType.mediatype === "text" && name === undefined)
        texts.push(textOf(bytes, contentType.get("charset")));
      else if (contentType.mediatype !== "multipart") files.push([name ?? "", digest(bytes)]);
      else if (bytes.length > 0) texts.push(textOf(bytes, undefined));
    },
  };
  const parser = new jsmime.MimeParser(emitter, {
    bodyformat: "decode",
    strformat: "typedarray",
    onerror: () => undefined,
  });
  parser.deliverData(content.toString("latin1"));
  parser.deliverEOF();
  return { subject, from, text: texts.join("\n"), files };
}

function parameterOf(headers: Headers, field: string, name: string): string | undefined {
  const [raw] = headers.getRawHeader(field) ?? [];
  if (raw === undefined) return undefined;
  const value = jsmime.headerparser.convert8BitHeader(raw.replace(/[\r\n]+/g, ""), "utf-8");
  return jsmime.headerparser.parseParameterHeader(value, true, true).get(name);
}

function textOf(bytes: Buffer, charset: string | undefined): string {
  try {
    return new TextDecoder(charset ?? "utf-8").decode(bytes);
  } catch {
    return bytes.toString("utf8");
  }
}

const directory = process.argv[2] ?? "";
const readings: Record<string, Reading> = {};
for (const file of await readdir(directory))
  readings[file.replace(/\.eml$/, "")] = reading(await readFile(join(directory, file)));
console.log(JSON.stringify(readings));

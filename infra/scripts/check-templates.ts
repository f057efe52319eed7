/** Compiles the templates with the Bicep CLI. A warning counts as an error: of a module's parameter it means the same. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "./command.ts";

interface Compiler {
  /** Command and first arguments; `build`, a file and `--outfile` follow. */
  readonly command: readonly [string, ...string[]];
  readonly version: string;
}

/** Values that the parameters file asks the environment for. */
const environment = {
  AZURE_ENV_NAME: "check",
  AZURE_LOCATION: "westeurope",
  API_CLIENT_ID: "00000000-0000-0000-0000-000000000000",
};

/** Bicep on the PATH, else the one that the Azure CLI keeps. */
function findCompiler(): Compiler {
  const known: readonly Compiler["command"][] = [["bicep"], ["az", "bicep"]];
  for (const command of known) {
    const [program, ...first] = command;
    const asked = first.length === 0 ? ["--version"] : [...first, "version"];
    const { status, stdout } = run(program, asked);
    const [version] = /\d+\.\d+\.\d+/.exec(stdout) ?? [];
    if (status === 0 && version !== undefined) return { command, version };
  }
  throw new Error(
    "No Bicep CLI: install it (https://aka.ms/bicep-install), or the Azure CLI and then run `az bicep install`.",
  );
}

/** Compiles one file. Modules of the registry are restored, which needs the network once. */
function compile({ command: [program, ...first] }: Compiler, file: string, out: string): readonly string[] {
  const verb = file.endsWith(".bicepparam") ? "build-params" : "build";
  const input = first.length === 0 ? [file] : ["--file", file];
  const { status, stdout, stderr } = run(program, [...first, verb, ...input, "--outfile", out]);
  const said = `${stdout}\n${stderr}`.split("\n").filter((line) => /\) : (Error|Warning|Info) /.test(line));
  return status !== 0 && said.length === 0 ? [`${file}: ${stderr.trim()}`] : [...new Set(said)];
}

function run(program: string, given: readonly string[]) {
  // az is a script on Windows, which only a shell starts.
  const shell = process.platform === "win32";
  const env = { ...environment, ...process.env };
  const { status, stdout, stderr } = spawnSync(program, given, { encoding: "utf8", shell, env });
  return { status, stdout: stdout ?? "", stderr: stderr ?? "" };
}

function modulesOf(folder: string): readonly string[] {
  const texts = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".bicep"))
    .map((file) => readFileSync(join(folder, file), "utf8"));
  const found = texts.flatMap((text) => [...text.matchAll(/'br\/public:([^']+)'/g)].map(([, name]) => name));
  return [...new Set(found)].filter((name) => name !== undefined).sort();
}

function main(): void {
  const infra = process.argv[2] ?? join(import.meta.dirname, "..");
  const compiler = findCompiler();
  console.log(`Compiler: ${compiler.command.join(" ")} ${compiler.version}`);
  console.log(`Modules:\n  ${modulesOf(infra).join("\n  ")}`);
  const out = mkdtempSync(join(tmpdir(), "bicep-"));
  try {
    let problems: readonly string[] = [];
    for (const name of ["main.bicep", "azure-cli.bicepparam"]) {
      const target = join(out, `${name}.json`);
      problems = compile(compiler, join(infra, name), target);
      if (problems.length > 0) break;
      console.log(`${name}: compiled, ${statSync(target).size} bytes`);
    }
    for (const problem of problems) console.error(problem);
    if (problems.length > 0) process.exitCode = 1;
    console.log(
      problems.length === 0 ? "No error and no warning." : `Errors and warnings: ${problems.length}`,
    );
  } finally {
    rmSync(out, { recursive: true });
  }
}

if (import.meta.main) await runCommand(main);

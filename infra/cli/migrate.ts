/**
 * The migration from a command line, for scripts and for operators without the page: a client of the API and nothing else.
 *
 *     npm run migrate -- watch pilot [--url https://...] [--json]
 *
 * Ends with 0; with 1 if the API refused or did not answer; with 2 for a wrong command line; with 3 if the answer is no
 * (something failed, is missing, or is not ready).
 */
import { parseArgs } from "node:util";
import { deploymentValue, findValue } from "../scripts/values.ts";
import { ApiError, Client } from "./client.ts";
import { type Command, commands, type ExitCode, exit } from "./commands.ts";
import { wrapped } from "./format.ts";
import { type Terminal, terminalOf } from "./terminal.ts";

const options = {
  url: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
  user: { type: "string" },
  rehearse: { type: "boolean" },
  "for-real": { type: "boolean" },
  level: { type: "string" },
  sample: { type: "string" },
  host: { type: "string" },
  port: { type: "string" },
  security: { type: "string" },
  settings: { type: "string" },
  options: { type: "string" },
  watch: { type: "boolean" },
  once: { type: "boolean" },
  status: { type: "string" },
  code: { type: "string", multiple: true },
  search: { type: "string" },
  wait: { type: "boolean" },
  refresh: { type: "boolean" },
  out: { type: "string" },
  force: { type: "boolean" },
  "for-good": { type: "boolean" },
  "accept-doubles": { type: "boolean" },
} as const;
const general: readonly string[] = ["url", "json", "help"];

class UsageError extends Error {}

/** Runs one command line. @param words those after `migrate`. */
export async function migrate(
  words: readonly string[],
  terminal: Terminal,
  complain: (line: string) => void,
): Promise<ExitCode> {
  try {
    const { values, positionals } = parsed(words);
    const [name, ...given] = positionals;
    if (name === undefined || values.help === true) {
      terminal.show(usage());
      return name === undefined && values.help !== true ? exit.usage : exit.done;
    }
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (command === undefined) throw new UsageError(`There is no command ${name}.`);
    requireFit(name, command, given, Object.keys(values));
    const client = clientOf(values.url ?? findValue("API_URL"));
    const flags = name === "mailboxes" ? { ...values, code: values.code?.[0] } : values;
    return await command.run({ client, terminal, json: values.json === true, given, flags });
  } catch (error) {
    for (const line of complaintOf(error)) complain(line);
    if (!(error instanceof UsageError)) return exit.failed;
    complain("npm run migrate -- --help lists the commands.");
    return exit.usage;
  }
}

function parsed(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function requireFit(
  name: string,
  { takes, flags }: Command,
  given: readonly string[],
  used: readonly string[],
): void {
  const needed = takes.filter((one) => !one.startsWith("["));
  if (given.length < needed.length)
    throw new UsageError(`${name} lacks: ${needed.slice(given.length).join(", ")}.`);
  if (given.length > takes.length)
    throw new UsageError(`${name} takes no ${given.slice(takes.length).join(" ")}.`);
  const unknown = used.filter((flag) => !flags.includes(flag) && !general.includes(flag));
  if (unknown.length > 0) throw new UsageError(`${name} takes no --${unknown.join(", --")}.`);
}

function clientOf(url: string | undefined): Client {
  if (url === undefined)
    throw new UsageError("Give the address of the app: --url, or API_URL as azd knows it.");
  const isLocal = ["127.0.0.1", "localhost", "[::1]"].includes(new URL(url).hostname);
  return new Client({
    url,
    token: isLocal ? undefined : tokenOfUser,
  });
}

async function tokenOfUser(): Promise<string> {
  // It takes longer to load than everything else together.
  const { tokenOfCli } = await import("../scripts/rest.ts");
  return tokenOfCli(`api://${deploymentValue("API_CLIENT_ID")}`);
}

/** What went wrong, and below it the API's reasons or issues. */
function complaintOf(error: unknown): readonly string[] {
  if (!(error instanceof ApiError)) return wrapped(error instanceof Error ? error.message : String(error));
  const { code, message, details } = error;
  const reasons = (details as { readonly reasons?: readonly string[] } | undefined)?.reasons;
  if (reasons !== undefined)
    return [`Refused: ${code}`, ...reasons.flatMap((reason) => wrapped(reason, 80, "  "))];
  const issues = Array.isArray(details)
    ? (details as readonly { readonly path?: string; readonly message?: string }[])
    : [];
  return [
    ...wrapped(`${message} (${code})`),
    ...issues.flatMap(({ path, message: text }) =>
      wrapped([path, text].filter(Boolean).join(": "), 80, "  "),
    ),
  ];
}

const notes = [
  "start, stop, sync, retry, complete, approve, undo, forget, delete take --wait; create --watch.",
  "The address is --url, or API_URL as azd knows it; the token is that of the Azure CLI (az login).",
  "Exit codes: 0 done, 1 refused or no answer, 2 wrong command line, 3 the answer is no.",
];

function usage(): readonly string[] {
  const names = Object.entries(commands).map(([name, { takes, does }]) => ({
    name: [name, ...takes.map((one) => (one.startsWith("[") ? one : `<${one}>`))].join(" "),
    does,
  }));
  return [
    "npm run migrate -- <command> [--url https://...] [--json]",
    "",
    ...names.flatMap(({ name, does }) => [`  ${name}`, ...wrapped(does, 80, "      ")]),
    "",
    ...notes.flatMap((note) => wrapped(note)),
  ];
}

if (import.meta.main)
  process.exitCode = await migrate(process.argv.slice(2), terminalOf(process.stdout), (line) =>
    console.error(line),
  );

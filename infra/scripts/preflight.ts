/**
 * Proves with a test mailbox of the tenant that mail can be written as a migration writes it. A client of the API: what is
 * proven is the app's own identity.
 *
 *     npm run preflight -- --mailbox pilot@contoso.com [--outside ceo@contoso.com] [--alias other@contoso.com]
 *         [--experiments] [--url https://...] [--json preflight.json]
 *
 * Prints a table, writes all of it as JSON without mail, and ends with 1 if a step failed.
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { z } from "zod";
import { runCommand } from "./command.ts";
import { tokenOfCli } from "./rest.ts";
import { deploymentValue, findValue } from "./values.ts";

const pollMs = 2_000;
/** Longer than the check of a throttled tenant takes. */
const patienceMs = 45 * 60_000;
/** The host of an app that starts anew answers with errors meanwhile, or not at all. */
const restartMs = 60_000;

/** The app, or what stands before it, cannot answer just now. */
class AppAway extends Error {
  override readonly name = "AppAway";
}

const stepSchema = z.object({
  step: z.string(),
  asked: z.string(),
  outcome: z.enum(["ok", "warning", "failed", "skipped"]),
  answered: z.string(),
  code: z.string().optional(),
  remedy: z.string().optional(),
  durationMs: z.number(),
});
const testSchema = z.object({ id: z.string(), status: z.string(), steps: z.array(stepSchema) });
export type Preflight = z.infer<typeof testSchema>;

export interface PreflightOptions {
  /** Of the app, without `/api`. */
  readonly url: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Headers that sign the caller in; none for an app on this machine. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Has a test done, and waits for its end. @throws Error with what the API says against it. */
export async function runPreflight({ url, body, headers }: PreflightOptions): Promise<Preflight> {
  const call = async (method: string, path: string, content?: unknown): Promise<Preflight> => {
    const response = await fetch(`${url.replace(/\/+$/, "")}/api/${path}`, {
      method,
      // It tells a request of a program from one that another site has a browser send.
      headers: {
        "x-requested-with": "imap-to-m365",
        ...headers,
        ...(content === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(content === undefined ? {} : { body: JSON.stringify(content) }),
      redirect: "manual",
    });
    const text = await response.text();
    if (response.ok) return testSchema.parse(JSON.parse(text));
    const said = errorSchema.safeParse(parsed(text)).data?.error.message;
    const Failure = response.status >= 500 ? AppAway : Error;
    throw new Failure(said ?? `The app answers ${response.status}.`);
  };
  const started = await call("POST", "target/test", body);
  const until = Date.now() + patienceMs;
  let answeredAt = Date.now();
  for (; ; await sleep(pollMs)) {
    try {
      const test = await call("GET", `target/test/${started.id}`);
      if (["Passed", "Failed", "Interrupted"].includes(test.status)) return test;
      answeredAt = Date.now();
    } catch (error) {
      // A request that finds nobody at all is a TypeError of fetch.
      const isAway = error instanceof AppAway || error instanceof TypeError;
      if (!isAway || Date.now() - answeredAt > restartMs) throw error;
    }
    if (Date.now() > until) throw new Error(`The test ${started.id} is not over. Read it again later.`);
  }
}

const errorSchema = z.object({ error: z.object({ message: z.string() }) });

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A table, and below it what to do. */
export function renderPreflight({ status, steps }: Preflight): string {
  const rows = [
    ["Step", "Asked", "Outcome", "ms", "Answered"],
    ...steps.map(({ step, asked, outcome, durationMs, answered, code }) => [
      step,
      asked,
      outcome === "failed" ? "FAILED" : outcome,
      `${durationMs}`,
      code === undefined ? answered : `${answered} (${code})`,
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column < widths.length ? cell.padEnd(widths[column] ?? 0) : cell))
      .join("  ")
      .trimEnd(),
  );
  const todo = steps
    .filter(({ remedy }) => remedy !== undefined)
    .map(({ step, remedy }) => `- ${step}: ${remedy}`);
  return [...lines, "", ...(todo.length === 0 ? [] : ["What to do:", ...todo, ""]), `${status}.`].join("\n");
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mailbox: { type: "string" },
      alias: { type: "string" },
      outside: { type: "string" },
      experiments: { type: "boolean", default: false },
      url: { type: "string" },
      json: { type: "string", default: "preflight.json" },
    },
  });
  if (values.mailbox === undefined)
    throw new Error("Name a mailbox for the test: npm run preflight -- --mailbox pilot@contoso.com");
  const url = values.url ?? findValue("API_URL");
  if (url === undefined) throw new Error("Give the address of the app: --url, or API_URL as azd knows it.");
  const local = ["127.0.0.1", "localhost", "[::1]"].includes(new URL(url).hostname);
  const { mailbox, alias, outside, experiments } = values;
  const test = await runPreflight({
    url,
    body: { mailbox, alias, outside, experiments },
    headers: local
      ? {}
      : { authorization: `Bearer ${await tokenOfCli(`api://${deploymentValue("API_CLIENT_ID")}`)}` },
  });
  console.log(renderPreflight(test));
  // Addresses are the caller's; of mail there is nothing in it.
  await writeFile(
    values.json,
    `${JSON.stringify({ status: test.status, steps: test.steps }, undefined, 2)}\n`,
  );
  if (test.status !== "Passed") process.exitCode = 1;
}

if (import.meta.main) await runCommand(main);

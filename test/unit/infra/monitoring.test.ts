import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { planDeployment } from "../../stack/infra-check/deployment.ts";
import {
  alertProblems,
  queryProblems,
  readQueries,
  workbookProblems,
} from "../../stack/infra-check/monitoring.ts";
import { withMistake } from "../../stack/infra-check/planted.ts";

const root = join(import.meta.dirname, "../../..");
const infra = join(root, "infra");
const read = (file: string): string => readFileSync(join(infra, "docs", file), "utf8");
const parameters = { environmentName: "test", location: "westeurope", apiClientId: "0".repeat(36) };

/** Events listed in the table of infra/docs/monitoring.md. */
const events = new Set(
  [...read("monitoring.md").matchAll(/^\| `([a-z]+\.[a-z]+)` *\|/gm)].map(([, name]) => name ?? ""),
);

async function monitoring(
  folder: string,
): Promise<{ readonly workbook: readonly string[]; readonly alerts: readonly string[] }> {
  const plan = await planDeployment(join(folder, "main.bicep"), {
    ...parameters,
    alertEmail: "operator@contoso.example",
  });
  const queries = readQueries(join(folder, "queries"));
  return { workbook: workbookProblems(plan, queries), alerts: alertProblems(plan, queries) };
}

const sources = ["shared", "functions"].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => readFileSync(join(root, folder, file), "utf8")),
);
/** What a pattern finds in the product's code, each once. */
const inCode = (pattern: RegExp): readonly string[] => [
  ...new Set(sources.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name ?? ""))),
];

describe("infra/docs", () => {
  it("list every event that the code logs", () => {
    const logged = inCode(/\blog\(\s*"([a-z]+\.[a-z]+)"/gi);
    expect(logged).toContain("chunk.copied");
    expect(logged.filter((name) => !events.has(name))).toEqual([]);
  });

  it("say of every error code what to do", () => {
    const thrown = inCode(
      /(?:MigrationError\(\s*(?:"\w+"|\w+),\s*|\b(?:refused|transient|throttled)\(\s*|\b(?:noToken|busy|unanswered|failed): )"([A-Z][A-Za-z]+)"/g,
    );
    expect(thrown).toEqual(expect.arrayContaining(["AuthenticationFailed", "StorageBusy"]));
    const explained = new Set(read("error-codes.md").match(/\w+/g));
    expect(thrown.filter((code) => !explained.has(code))).toEqual([]);
  });
});

describe("queries", () => {
  const queries = readQueries(join(infra, "queries"));
  // The language's library takes seconds to load.
  beforeAll(() => void queryProblems({ any: "AppTraces | count" }, events));

  it.each(Object.keys(queries))("%s is valid, with columns that exist and events that are logged", (name) => {
    const { MigrationEvents = "", [name]: query = "" } = queries;
    expect(queryProblems({ MigrationEvents, [name]: query }, events)).toEqual([]);
  });

  it.each([
    ["a misspelt operator", "batches", "| order by", "| ordered by", /batches: /],
    [
      "a column that does not exist",
      "errors",
      "dcount(Mailbox)",
      "dcount(Mailboxes)",
      /'Mailboxes' does not refer/,
    ],
    [
      "a bracket that is missing",
      "queue-age",
      "bin(TimeGenerated, 5m)",
      "bin(TimeGenerated, 5m",
      /queue-age: /,
    ],
    [
      "an event that nobody logs",
      "throughput",
      "'chunk.copied'",
      "'chunk.copyed'",
      /throughput: no event chunk\.copyed/,
    ],
    [
      "a saved function with a fault",
      "MigrationEvents",
      "parse_json(Message)",
      "parse_jsn(Message)",
      /'parse_jsn' does not refer/,
    ],
  ])("are refused with %s", (_, name, from, to, message) => {
    const { [name]: text = "", MigrationEvents = "" } = queries;
    expect(text).toContain(from);
    expect(queryProblems({ MigrationEvents, [name]: text.replace(from, to) }, events).join("\n")).toMatch(
      message,
    );
  });

  it("are refused with a saved function that lost a column they read", () => {
    const { MigrationEvents = "", errors = "" } = queries;
    const lost = MigrationEvents.replace("    Code = strcat(Fields.code, Fields.codes),\n", "");
    expect(queryProblems({ MigrationEvents: lost, errors }, events).join("\n")).toMatch(/errors: .*'Code'/);
  });
});

describe("workbook", () => {
  it("is valid JSON of known items, its queries are the files, and every view has a tab", async () => {
    expect((await monitoring(infra)).workbook).toEqual([]);
  });

  it.each([
    ["broken JSON", "workbook.json", '"version": "Notebook/1.0",', '"version": "Notebook/1.0"', /not JSON/],
    [
      "a query that is not given",
      "workbook.json",
      '"@throughput"',
      '"@throughputs"',
      /throughput: its query is none of the files/,
    ],
    ["a view without a tab", "workbook.json", '"value": "errors"', '"value": "error"', /no tab opens error/],
    [
      "a parameter that does not exist",
      "modules/workbook.bicep",
      "{Batch}",
      "{Batches}",
      /no parameter Batches/,
    ],
    ["an item of an unknown kind", "workbook.json", '"type": 11', '"type": 99', /type/],
  ])("is refused with %s", async (_, file, from, to, message) => {
    const { workbook } = await withMistake(infra, [file, from, to], monitoring);
    expect(workbook.join("\n")).toMatch(message);
  });
});

describe("alerts", () => {
  it("are valid, and look back as far as their queries", async () => {
    expect((await monitoring(infra)).alerts).toEqual([]);
  });

  it.each([
    ["a window that Azure does not know", "window: 'P1D'", "window: 'P3D'", /windowSize/],
    [
      "a window shorter than the query's",
      "window: 'PT1H'",
      "window: 'PT30M'",
      /looks back 1h, the alert PT30M/,
    ],
    ["a severity that does not exist", "severity: 3", "severity: 5", /severity/],
    [
      "an evaluation less often than the window",
      "frequency: 'PT15M'\n  }\n]",
      "frequency: 'PT2H'\n  }\n]",
      /less often/,
    ],
    [
      "a query that is not used",
      "loadTextContent('../queries/alert-throttling.kql')",
      "loadTextContent('../queries/alert-failure-rate.kql')",
      /no alert uses alert-throttling/,
    ],
  ])("are refused with %s", async (_, from, to, message) => {
    const { alerts } = await withMistake(infra, ["modules/alerts.bicep", from, to], monitoring);
    expect(alerts.join("\n")).toMatch(message);
  });
});

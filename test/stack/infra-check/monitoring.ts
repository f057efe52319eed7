import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import type { Deployment } from "./deployment.ts";
import { isObject } from "./evaluate.ts";
import { QueryChecker } from "./kusto.ts";
import { durationMs } from "./queues.ts";

/** Texts of the query files by name. */
export function readQueries(folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    readdirSync(folder)
      .filter((file) => file.endsWith(".kql"))
      .map((file) => [basename(file, ".kql"), readFileSync(join(folder, file), "utf8")]),
  );
}

/** Faults of the query files: of the language, and events that the application does not log. */
export function queryProblems(
  queries: Readonly<Record<string, string>>,
  events: ReadonlySet<string>,
): readonly string[] {
  const checker = new QueryChecker(queries.MigrationEvents ?? "");
  return Object.entries(queries).flatMap(([name, text]) => [
    ...checker.errors(text).map((message) => `${name}: ${message}`),
    ...eventNames(text)
      .filter((event) => !events.has(event))
      .map((event) => `${name}: no event ${event}`),
  ]);
}

/** Texts in a query that look like the name of an event. */
function eventNames(query: string): readonly string[] {
  return [...query.matchAll(/'([a-z]+\.[a-z]+)'/g)].map(([, name]) => name ?? "");
}

const named = { name: z.string() };
const kql = {
  query: z.string(),
  queryType: z.literal(0),
  resourceType: z.literal("microsoft.operationalinsights/workspaces"),
};
const visibility = z.strictObject({
  parameterName: z.string(),
  comparison: z.literal("isEqualTo"),
  value: z.string(),
});

/**
 * The kinds of items in use.
 * @see https://github.com/microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json
 */
const workbookSchema = z.object({
  version: z.literal("Notebook/1.0"),
  items: z.array(
    z.discriminatedUnion("type", [
      z.object({ type: z.literal(1), content: z.object({ json: z.string() }), ...named }),
      z.object({
        type: z.literal(3),
        content: z.object({
          version: z.literal("KqlItem/1.0"),
          title: z.string(),
          visualization: z.enum(["table", "timechart"]),
          ...kql,
        }),
        conditionalVisibility: visibility,
        ...named,
      }),
      z.object({
        type: z.literal(9),
        content: z.object({
          version: z.literal("KqlParameterItem/1.0"),
          parameters: z.array(z.object({ name: z.string(), type: z.int(), query: z.string().optional() })),
        }),
        ...named,
      }),
      z.object({
        type: z.literal(11),
        content: z.object({
          version: z.literal("LinkItem/1.0"),
          style: z.literal("tabs"),
          links: z.array(z.object({ cellValue: z.string(), subTarget: z.string(), linkLabel: z.string() })),
        }),
        ...named,
      }),
    ]),
  ),
});

/** Faults of the deployed workbook: of its form, of its queries, and views that no tab opens. */
export function workbookProblems(
  deployment: Deployment,
  queries: Readonly<Record<string, string>>,
): readonly string[] {
  const properties = deployment.deployed.find(({ path }) => path === "workbook/workbook")?.params.properties;
  const text = isObject(properties) ? String(properties.serializedData) : "";
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return [`the workbook is not JSON: ${String(error)}`];
  }
  const parsed = workbookSchema.safeParse(content);
  if (!parsed.success) return parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  const { items } = parsed.data;
  const parameters = new Set(
    items.flatMap((item) => (item.type === 9 ? item.content.parameters.map(({ name }) => name) : [])),
  );
  const tabs = new Set(
    items.flatMap((item) => (item.type === 11 ? item.content.links.map(({ subTarget }) => subTarget) : [])),
  );
  const known = new Set(Object.values(queries));
  const asFile = (query: string): string => query.replace("let selected = '{Batch}';", "let selected = '*';");
  const problems: string[] = [];
  for (const item of items) {
    if (item.type === 3 && !tabs.has(item.conditionalVisibility.value))
      problems.push(`${item.name}: no tab opens ${item.conditionalVisibility.value}`);
    if (item.type === 3 && !known.has(asFile(item.content.query)))
      problems.push(`${item.name}: its query is none of the files`);
    if (item.type === 9)
      for (const { name, query } of item.content.parameters)
        if (query !== undefined && !known.has(query))
          problems.push(`${name}: its query is none of the files`);
  }
  for (const [, name = ""] of text.matchAll(/'\{(\w+)\}'/g))
    if (!parameters.has(name)) problems.push(`no parameter ${name}`);
  const names = items.map(({ name }) => name);
  for (const name of names)
    if (names.indexOf(name) !== names.lastIndexOf(name)) problems.push(`two items ${name}`);
  return problems;
}

/** Windows that a query alert may look at. @see https://learn.microsoft.com/azure/azure-monitor/alerts/alerts-types */
const windows = [
  "PT1M",
  "PT5M",
  "PT10M",
  "PT15M",
  "PT30M",
  "PT45M",
  "PT1H",
  "PT2H",
  "PT3H",
  "PT4H",
  "PT5H",
  "PT6H",
  "P1D",
  "P2D",
];

const alertSchema = z.object({
  name: z.string(),
  alertDescription: z.string(),
  severity: z.int().min(0).max(4),
  scopes: z.array(z.unknown()).length(1),
  windowSize: z.enum(windows as [string, ...string[]]),
  evaluationFrequency: z.string(),
  criterias: z.object({ allOf: z.array(z.object({ query: z.string(), threshold: z.number() })).length(1) }),
  actions: z.object({ actionGroupResourceIds: z.array(z.unknown()) }),
});

/** Faults of the query alerts: of their form, and queries that are none of the files or look further back than the alert. */
export function alertProblems(
  deployment: Deployment,
  queries: Readonly<Record<string, string>>,
): readonly string[] {
  const alerts = deployment.deployed.filter(({ source }) => source.includes("scheduled-query-rule"));
  const used = new Set<string>();
  const problems = alerts.flatMap(({ path, params }) => {
    const parsed = alertSchema.safeParse(params);
    if (!parsed.success)
      return parsed.error.issues.map((issue) => `${path}: ${issue.path.join(".")}: ${issue.message}`);
    const { windowSize, evaluationFrequency, criterias } = parsed.data;
    const query = criterias.allOf[0]?.query ?? "";
    used.add(query);
    const window = durationMs(windowSize);
    const [, amount = "", unit = ""] = query.match(/TimeGenerated > ago\((\d+)([mhd])\)/) ?? [];
    const back = Number(amount) * ({ m: 60_000, h: 3_600_000, d: 86_400_000 }[unit] ?? 0);
    return [
      ...(Object.values(queries).includes(query) ? [] : [`${path}: its query is none of the files`]),
      ...(back === window ? [] : [`${path}: its query looks back ${amount}${unit}, the alert ${windowSize}`]),
      ...(durationMs(evaluationFrequency) <= window
        ? []
        : [`${path}: is evaluated less often than its window`]),
    ];
  });
  for (const [name, text] of Object.entries(queries))
    if (name.startsWith("alert-") && !used.has(text)) problems.push(`no alert uses ${name}`);
  return problems;
}

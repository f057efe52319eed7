/**
 * Writes `infra/docs/reference.md`: every key of the operator's files, from the schemas that read them, and every route and
 * error of the API, from the code that answers.
 *
 *     npm run reference
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { batchOptionsSchema } from "../../shared/domain/batch-options.ts";
import { endpointSchema } from "../../shared/domain/endpoint.ts";
import { targetTestRequestSchema } from "../../shared/migration/target-test/target-test.ts";

const root = join(import.meta.dirname, "../..");
export const referenceFile = join(root, "infra/docs/reference.md");

/** What each route does, by its name. */
const routeMeanings: Readonly<Record<string, string>> = {
  "batches-list": "All batches, with their totals.",
  "batches-get": "One batch.",
  "batches-delete": "Removes a batch with its secrets and reports; refused with reasons until that is safe.",
  "batches-act": "`start`, `stop`, `sync`, `retry` or `complete`.",
  "operations-list": "the operations of a batch, newest first",
  "operations-get": "how many mailboxes an operation has passed and changed",
  "mailboxes-list": "Its mailboxes; `?status=` and `$top` choose.",
  "mailboxes-get": "One mailbox with its folders, warnings and skipped messages.",
  "folders-act": "Says what becomes of a folder that is gone in the target.",
  "uploads-put": "Puts a CSV, or the options beside it, where the app reads it.",
  "uploads-check": "Checks a CSV (`?validateOnly=true`) without storing it.",
  "reports-list": "The reports of a batch.",
  "reports-get": "One report as CSV.",
  me: "Who calls, and whether they may operate.",
  "cutover-get": "What stands against a cut-over: MX, time to live, last sync.",
  "cutover-confirm": "Says that mail reaches Microsoft 365 behind a filter.",
  discover: "Servers of a domain, best first.",
  "endpoints-list": "All endpoints.",
  "endpoints-get": "One endpoint with defaults, and its ETag.",
  "endpoints-put": "Stores an endpoint; replaces one with its ETag in `If-Match`.",
  "endpoints-delete": "Removes an endpoint that no batch uses.",
  "endpoints-confirm": "Says that a changed server is right.",
  "endpoints-test": "Tries a server, and with `userName` and `password` a login.",
  health: "200 if everything the app needs is there, else 503.",
  "health-details": "Every connection, the last sweep, and missing permissions.",
  "target-test": "Tries a mailbox of the tenant: 202 with an id.",
  "target-test-get": "How far this test is.",
};

interface Property {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly default?: unknown;
  readonly description?: string;
  readonly examples?: readonly unknown[];
  readonly items?: Property;
  readonly additionalProperties?: Property | boolean;
  readonly properties?: Readonly<Record<string, Property>>;
  readonly required?: readonly string[];
}

const code = (value: unknown) => `\`${JSON.stringify(value)}\``;

function typeOf(property: Property): string {
  if (property.enum !== undefined) return property.enum.map(code).join(" or ");
  if (property.const !== undefined) return code(property.const);
  if (property.format === "date-time") return "instant (ISO 8601)";
  if (property.format === "uri") return "address";
  if (property.type === "array") return `list of ${typeOf(property.items ?? {})}`;
  if (property.properties !== undefined) return "object";
  if (typeof property.additionalProperties === "object") return "object of text";
  return (
    { string: "text", integer: "whole number", number: "number", boolean: "true or false" }[
      property.type ?? ""
    ] ?? "text"
  );
}

/** A row a key, those of objects inside included. @throws Error for a key without a meaning. */
function keyRows(schema: z.ZodType, above = ""): readonly (readonly string[])[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
  }) as Property;
  return rowsOf(properties, required, above);
}

function rowsOf(
  properties: Readonly<Record<string, Property>>,
  required: readonly string[],
  above: string,
): readonly (readonly string[])[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    if (property.description === undefined) throw new Error(`${above}${name} has no description.`);
    const [example] = property.examples ?? [];
    const initial =
      property.default !== undefined ? code(property.default) : required.includes(name) ? "(required)" : "";
    const row = [
      `\`${above}${name}\``,
      typeOf(property),
      initial,
      property.description,
      example === undefined ? "" : code(example),
    ];
    return [row, ...rowsOf(property.properties ?? {}, property.required ?? [], `${above}${name}.`)];
  });
}

const sources = readdirSync(join(root, "functions"))
  .filter((file) => file.startsWith("http"))
  .map((file) => readFileSync(join(root, "functions", file), "utf8"))
  .join("\n");

/** Every route that is registered. @throws Error for one without a meaning. */
export function routes(): readonly { readonly name: string; readonly row: readonly string[] }[] {
  const found = sources.matchAll(/^route\(\s*"([\w-]+)",\s*"([A-Z]+)",\s*"([^"]+)",\s*"([\w.]+)"/gm);
  return [...found].map(([, name = "", method = "", path = "", access = ""]) => {
    const meaning = routeMeanings[name];
    if (meaning === undefined) throw new Error(`The route ${name} has no meaning.`);
    return { name, row: [method, `\`/api/${path}\``, access, meaning] };
  });
}

/** Answers of the API that are no success, by status and code. */
function apiErrors(): readonly (readonly string[])[] {
  const found = sources.matchAll(/errorResponse\(\s*(\d{3}),\s*"(\w+)",\s*(?:"([^"]*)"|`([^`]*)`)/g);
  const rows = [...found].map(([, status = "", name = "", text = "", template = ""]) => [
    status,
    name,
    (text || template).replace(/\$\{[^}]*\}/g, "…"),
  ]);
  const unique = new Map(rows.map((row) => [row.slice(0, 2).join(" "), row]));
  return [...unique.values()].toSorted((a, b) => a.join(" ").localeCompare(b.join(" ")));
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = header.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? "").padEnd(width)).join(" | ")} |`;
  const [head = [], ...body] = cells;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body.map(line)].join(
    "\n",
  );
}

const keyHeader = ["key", "type", "default", "meaning", "example"];

export function renderReference(): string {
  return `# Reference

Written by \`npm run reference\` from the code; a test holds it to that.

## Endpoints: \`endpoints/{endpoint}.json\`

Unknown keys are refused by name.

${table(keyHeader, keyRows(endpointSchema))}

## Options of a batch: \`uploads/{endpoint}/{batch}.json\`

Uploaded before the CSV. Reserved keys are refused as not supported yet.

${table(keyHeader, keyRows(batchOptionsSchema))}

## Routes

Lists are \`{ value, nextLink }\`; errors are \`{ "error": { "code", "message", "details"? } }\`.

${table(
  ["method", "path", "role", "what it does"],
  routes().map(({ row }) => row),
)}

The body of \`POST /api/target/test\`:

${table(keyHeader, keyRows(targetTestRequestSchema))}

## Errors of the API

Codes of mailboxes and messages, which it answers with 503 where they stand against a request, are in [Troubleshooting](error-codes.md).

${table(["status", "code", "message"], apiErrors())}
`;
}

if (import.meta.main) writeFileSync(referenceFile, renderReference());

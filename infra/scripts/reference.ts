/**
 * Writes `infra/docs/reference.md`: every key of the operator's files, from the schemas that read them, and every route and
 * error of the API, from the code that answers.
 *
 *     npm run reference
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { routes } from "../../shared/domain/api/routes.ts";
import { targetTestRequestSchema } from "../../shared/domain/api/target-test.ts";
import { batchOptionsSchema } from "../../shared/domain/batch-options.ts";
import { endpointSchema } from "../../shared/domain/endpoint.ts";

const root = join(import.meta.dirname, "../..");
export const referenceFile = join(root, "infra/docs/reference.md");

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

/** A row a route. */
const routeRows = Object.values(routes).map(({ method, path, access, summary }) => [
  method,
  `\`/api/${path}\``,
  access,
  summary,
]);

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

\`GET /api/openapi.json\` has the requests and answers of each in OpenAPI 3.1.

${table(["method", "path", "role", "what it does"], routeRows)}

The body of \`POST /api/target/test\`:

${table(keyHeader, keyRows(targetTestRequestSchema))}

## Errors of the API

Codes of mailboxes and messages, which it answers with 503 where they stand against a request, are in [Troubleshooting](error-codes.md).

${table(["status", "code", "message"], apiErrors())}
`;
}

if (import.meta.main) writeFileSync(referenceFile, renderReference());

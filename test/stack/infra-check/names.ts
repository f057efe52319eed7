import { dirname, join } from "node:path";
import type { Node } from "web-tree-sitter";
import { type BicepFile, type Declaration, readBicep } from "./bicep-file.ts";
import { lineOf, type Problem, parts } from "./syntax.ts";

/**
 * Functions and namespaces that Bicep brings along, as far as the files use them. One that is new here has to be looked up first.
 * @see https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-functions
 */
const builtIn = new Set([
  "concat",
  "empty",
  "environment",
  "fail",
  "guid",
  "items",
  "json",
  "length",
  "loadJsonContent",
  "loadTextContent",
  "map",
  "max",
  "reduce",
  "replace",
  "split",
  "string",
  "subscription",
  "substring",
  "tenant",
  "toLower",
  "trim",
  "union",
  "uniqueString",
]);

/**
 * Names that stand for nothing, and parameters and outputs of local modules that do not exist or are left out. What
 * modules of a registry take only the compiler knows (`npm run check:infra`).
 */
export async function nameProblems(file: BicepFile): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const report = (line: number, message: string): void => {
    problems.push({ file: file.path, line, message });
  };
  const declared = new Set(file.declarations.filter(({ kind }) => kind !== "output").map(({ name }) => name));
  const used = new Set<string>();
  for (const { value } of file.declarations) {
    if (value === undefined) continue;
    for (const { name, line } of freeNames(value)) {
      used.add(name);
      if (!declared.has(name) && !builtIn.has(name)) report(line, `${name} is not declared`);
    }
  }
  for (const { kind, name, line } of file.declarations)
    if ((kind === "param" || kind === "var") && !used.has(name)) report(line, `${name} is not used`);

  for (const module of file.declarations.filter(({ kind }) => kind === "module")) {
    const interfaceOf = await moduleInterface(file.path, module);
    if (interfaceOf === undefined) continue;
    const given = givenParameters(module);
    for (const name of given)
      if (!interfaceOf.parameters.has(name)) report(module.line, `${module.name} has no parameter ${name}`);
    for (const name of interfaceOf.required)
      if (!given.includes(name)) report(module.line, `${module.name} lacks its parameter ${name}`);
    for (const { name, line } of outputsUsed(file.root, module.name))
      if (!interfaceOf.outputs.has(name)) report(line, `${module.name} has no output ${name}`);
  }
  return problems;
}

interface ModuleInterface {
  readonly parameters: ReadonlySet<string>;
  readonly required: readonly string[];
  readonly outputs: ReadonlySet<string>;
}

async function moduleInterface(path: string, module: Declaration): Promise<ModuleInterface | undefined> {
  const source = module.source ?? "";
  if (source.startsWith("br/")) return undefined;
  const { declarations } = await readBicep(join(dirname(path), source));
  const named = (kind: string): Declaration[] => declarations.filter((one) => one.kind === kind);
  return {
    parameters: new Set(named("param").map(({ name }) => name)),
    required: named("param").flatMap(({ name, value }) => (value === undefined ? [name] : [])),
    outputs: new Set(named("output").map(({ name }) => name)),
  };
}

function givenParameters(module: Declaration): readonly string[] {
  const params = module.value
    ?.descendantsOfType("object_property")
    .find((property) => property?.namedChild(0)?.text === "params")
    ?.namedChild(1);
  return params
    ? parts(params).map((property) => property.namedChild(0)?.text.replace(/^'|'$/g, "") ?? "")
    : [];
}

function outputsUsed(
  root: Node,
  module: string,
): readonly { readonly name: string; readonly line: number }[] {
  return root.descendantsOfType("member_expression").flatMap((access) => {
    const match = access?.text.match(/^(\w+)(?:\[\d+\])?[!.?]*outputs\.\??(\w+)$/);
    return access && match?.[1] === module && match[2] ? [{ name: match[2], line: lineOf(access) }] : [];
  });
}

/** Identifiers that a value takes from outside: not those it binds itself, nor the names of properties. */
function freeNames(value: Node): readonly { readonly name: string; readonly line: number }[] {
  const found: { name: string; line: number }[] = [];
  const visit = (node: Node, bound: ReadonlySet<string>): void => {
    switch (node.type) {
      case "identifier":
        if (!bound.has(node.text)) found.push({ name: node.text, line: lineOf(node) });
        return;
      case "object_property": {
        const [key, ...values] = parts(node);
        if (key && key.type !== "identifier" && key.type !== "compatible_identifier") visit(key, bound);
        for (const one of values) visit(one, bound);
        return;
      }
      case "lambda_expression": {
        const [names, body] = parts(node);
        const inner = new Set([...bound, ...(names?.text.match(/\w+/g) ?? [])]);
        if (body) visit(body, inner);
        return;
      }
      case "for_statement": {
        const [head, ...rest] = parts(node);
        const inner = new Set([...bound, ...(head?.text.match(/\w+/g) ?? [])]);
        const [list, ...body] = rest;
        if (list) visit(list, bound);
        for (const one of body) visit(one, inner);
        return;
      }
      default:
        for (const child of parts(node)) visit(child, bound);
    }
  };
  visit(value, new Set());
  return found;
}

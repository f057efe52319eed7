import { readFileSync } from "node:fs";
import type { Node } from "web-tree-sitter";
import { lineOf, parseBicep, parts } from "./syntax.ts";

type Kind = "param" | "var" | "resource" | "module" | "output";

export interface Declaration {
  readonly kind: Kind;
  readonly name: string;
  readonly line: number;
  /** Of a module its source, of a resource its type and API version. */
  readonly source?: string;
  /** Default, value or body; of a parameter without default undefined. */
  readonly value?: Node;
  readonly existing: boolean;
  /** Name of a type, of a parameter or output. */
  readonly type?: string;
  /** The values that `@allowed` lists. */
  readonly allowed?: readonly string[];
}

export interface BicepFile {
  readonly path: string;
  readonly root: Node;
  readonly declarations: readonly Declaration[];
}

const kinds: Readonly<Record<string, Kind>> = {
  parameter_declaration: "param",
  variable_declaration: "var",
  resource_declaration: "resource",
  module_declaration: "module",
  output_declaration: "output",
};
const typeNodes = [
  "type",
  "array_type",
  "nullable_type",
  "union_type",
  "primitive_type",
  "parameterized_type",
];

/** Reads one file, or the text given in its place. */
export async function readBicep(path: string, text = readFileSync(path, "utf8")): Promise<BicepFile> {
  const root = await parseBicep(text);
  const declarations: Declaration[] = [];
  let decorators: Node | undefined;
  for (const statement of parts(root)) {
    const kind = kinds[statement.type];
    if (statement.type === "decorators") decorators = statement;
    else {
      if (kind !== undefined) declarations.push(declarationOf(kind, statement, decorators));
      decorators = undefined;
    }
  }
  return { path, root, declarations };
}

function declarationOf(kind: Kind, statement: Node, decorators: Node | undefined): Declaration {
  const [nameNode, ...rest] = parts(statement);
  const typed = kind === "param" || kind === "output";
  const typeNode = typed ? rest.find(({ type }) => typeNodes.includes(type)) : undefined;
  const sourced = kind === "module" || kind === "resource";
  const source = sourced ? rest[0]?.text.slice(1, -1) : undefined;
  const value = rest.filter((node) => node.id !== typeNode?.id)[sourced ? 1 : 0];
  const allowed = allowedValues(decorators);
  return {
    kind,
    name: nameNode?.text ?? "",
    line: lineOf(statement),
    existing: statement.children.some(({ type }) => type === "existing"),
    ...(source === undefined ? {} : { source }),
    ...(value === undefined ? {} : { value }),
    ...(typeNode === undefined ? {} : { type: typeNode.text }),
    ...(allowed === undefined ? {} : { allowed }),
  };
}

function allowedValues(decorators: Node | undefined): readonly string[] | undefined {
  for (const decorator of decorators ? parts(decorators) : []) {
    const call = decorator.namedChild(0);
    if (call?.namedChild(0)?.text !== "allowed") continue;
    const list = call.descendantsOfType("array")[0];
    return list ? parts(list).map(({ text }) => text.replace(/^'|'$/g, "")) : [];
  }
  return undefined;
}

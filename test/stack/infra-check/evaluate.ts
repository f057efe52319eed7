import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Node } from "web-tree-sitter";
import { lineOf, parts } from "./syntax.ts";

/** Something that only a deployment knows, such as an output of a module: shown as `<where it comes from>`. */
export class Unknown {
  readonly origin: string;

  constructor(origin: string) {
    this.origin = origin;
  }

  toString(): string {
    return `<${this.origin}>`;
  }

  toJSON(): string {
    return this.toString();
  }
}

export type Value = string | number | boolean | null | Unknown | readonly Value[] | ValueObject | Lambda;
export interface ValueObject {
  readonly [name: string]: Value;
}
type Lambda = (...values: readonly Value[]) => Value;

/** What an expression may refer to. */
export interface Scope {
  /** Path of the file, which loaded files are relative to. */
  readonly path: string;
  lookUp(name: string): Value;
}

/**
 * Value of a Bicep expression.
 * @throws Error for what this evaluator does not know, with the line.
 */
export function evaluate(node: Node, scope: Scope): Value {
  const at = (index: number): Node => {
    const child = parts(node)[index];
    if (child === undefined) throw fault(node, "is incomplete");
    return child;
  };
  const value = (index: number): Value => evaluate(at(index), scope);
  switch (node.type) {
    case "string":
      return text(node, scope);
    case "number":
      return Number(node.text);
    case "boolean":
      return node.text === "true";
    case "null":
      return null;
    case "identifier":
      return scope.lookUp(node.text);
    case "array":
      return elements(node, scope);
    case "object":
      return objectOf(node, scope);
    case "parenthesized_expression":
    case "expression":
      return value(0);
    case "unary_expression":
      return !truth(value(0), node);
    case "ternary_expression":
      return truth(value(0), node) ? value(1) : value(2);
    case "binary_expression":
      return binary(node, at(0), at(1), scope);
    case "member_expression":
    case "subscript_expression": {
      const found = access(node, scope);
      return found === skipped ? null : found;
    }
    case "lambda_expression":
      return lambda(at(0), at(1), scope);
    case "for_statement":
      return loop(node, (body, inner) => evaluate(body, inner), scope);
    case "call_expression":
      return call(at(0).text, parts(at(1)), scope, node);
    default:
      throw fault(node, "is not known to the evaluator");
  }
}

/** Runs a `for` over its list: `run` gets the body, and the scope in which the loop's names are bound. */
export function loop(node: Node, run: (body: Node, scope: Scope) => Value, scope: Scope): readonly Value[] {
  const [head, list, body] = parts(node);
  if (!head || !list || !body) throw fault(node, "is incomplete");
  const names = head.text.match(/\w+/g) ?? [];
  const elements = evaluate(list, scope);
  if (!isArray(elements)) throw fault(list, "is not a list");
  return elements.map((element, index) => run(body, bind(scope, names, [element, index])));
}

export function isObject(value: Value | undefined): value is ValueObject {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Unknown);
}

export function isArray(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}

/** Text of a value inside another text. */
export function asText(value: Value): string {
  if (isObject(value) || isArray(value)) return JSON.stringify(value);
  return String(value);
}

function text(node: Node, scope: Scope): string {
  return parts(node)
    .map((part) => {
      if (part.type === "interpolation") return asText(evaluate(childExpression(part), scope));
      if (part.type === "escape_sequence") return unescaped(part.text);
      return part.text;
    })
    .join("");
}

function childExpression(node: Node): Node {
  const [expression] = parts(node);
  if (expression === undefined) throw fault(node, "is empty");
  return expression;
}

function unescaped(sequence: string): string {
  const plain: Readonly<Record<string, string>> = { "\\n": "\n", "\\r": "\r", "\\t": "\t" };
  return plain[sequence] ?? sequence.slice(1);
}

/** The grammar reads a call inside a list as a name beside a parenthesis; no space between them tells the two apart. */
function elements(node: Node, scope: Scope): readonly Value[] {
  const children = parts(node);
  return children.flatMap((element, index) => {
    const [previous, next] = [children[index - 1], children[index + 1]];
    if (previous && isCall(previous, element)) return [];
    return [
      next && isCall(element, next) ? call(element.text, parts(next), scope, node) : evaluate(element, scope),
    ];
  });
}

function isCall(name: Node, list: Node): boolean {
  return (
    name.type === "identifier" &&
    list.type === "parenthesized_expression" &&
    name.endIndex === list.startIndex
  );
}

function objectOf(node: Node, scope: Scope): ValueObject {
  return Object.fromEntries(
    parts(node).map((property) => {
      const [name, value] = parts(property);
      if (!name || !value) throw fault(property, "is incomplete");
      return [name.type === "string" ? text(name, scope) : name.text, evaluate(value, scope)];
    }),
  );
}

function binary(node: Node, left: Node, right: Node, scope: Scope): Value {
  const first = evaluate(left, scope);
  const second = (): Value => evaluate(right, scope);
  const operator = node.children.find(({ isNamed }) => !isNamed)?.type;
  switch (operator) {
    case "??":
      return first ?? second();
    case "&&":
      return truth(first, node) && truth(second(), node);
    case "||":
      return truth(first, node) || truth(second(), node);
    case "==":
      return first === second();
    case ">":
      return Number(first) > Number(second());
    case "-":
      return Number(first) - Number(second());
    default:
      throw fault(node, `uses the unknown operator ${operator}`);
  }
}

function truth(value: Value, node: Node): boolean {
  if (typeof value !== "boolean") throw fault(node, "asks for the truth of something that is not a boolean");
  return value;
}

function key(value: Value, node: Node): string {
  if (typeof value !== "string" && typeof value !== "number") throw fault(node, "has a strange index");
  return String(value);
}

/** What a safe access gives to the rest of its chain when there is nothing: the rest is not looked at. */
const skipped = Symbol("skipped");

function access(node: Node, scope: Scope): Value | typeof skipped {
  const [target, property] = parts(node);
  if (!target || !property) throw fault(node, "is incomplete");
  const isChain = target.type === "member_expression" || target.type === "subscript_expression";
  const value = isChain ? access(target, scope) : evaluate(target, scope);
  if (value === skipped) return skipped;
  const name = node.type === "member_expression" ? property.text : key(evaluate(property, scope), node);
  if (value instanceof Unknown) return new Unknown(`${value.origin}.${name}`);
  const found = isArray(value) ? value[Number(name)] : isObject(value) ? value[name] : undefined;
  if (found !== undefined) return found;
  if (node.children.some(({ type }) => type === ".?" || type === "?")) return skipped;
  throw fault(node, `has no ${name}`);
}

function lambda(names: Node, body: Node, scope: Scope): Lambda {
  const bound = names.text.match(/\w+/g) ?? [];
  return (...values) => evaluate(body, bind(scope, bound, values));
}

function bind(scope: Scope, names: readonly string[], values: readonly Value[]): Scope {
  const own = new Map(names.map((name, index) => [name, values[index] ?? null]));
  return { path: scope.path, lookUp: (name) => own.get(name) ?? scope.lookUp(name) };
}

function call(name: string, argumentNodes: readonly Node[], scope: Scope, node: Node): Value {
  const given = argumentNodes.map((argument) => evaluate(argument, scope));
  const implementation = functions[name];
  if (implementation === undefined) throw fault(node, "calls a function the evaluator does not know");
  try {
    return implementation(given, scope);
  } catch (error) {
    throw fault(node, `fails: ${String(error)}`);
  }
}

const functions: Readonly<Record<string, (given: readonly Value[], scope: Scope) => Value>> = {
  concat: (given) => given.flatMap(list),
  empty: ([value]) => value === null || value === "" || (isArray(value) && value.length === 0),
  environment: () => ({
    name: "AzureCloud",
    resourceManager: "https://management.azure.com/",
    authentication: { loginEndpoint: "https://login.microsoftonline.com/" },
    suffixes: { storage: "core.windows.net" },
  }),
  fail: ([message]) => wrong(string(message)),
  guid: (given) => `guid(${given.map((value) => asText(value)).join(",")})`,
  items: ([value]) =>
    isObject(value)
      ? Object.entries(value)
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, one]) => ({ key: name, value: one }))
      : wrong("an object"),
  json: ([value]) => JSON.parse(string(value)) as Value,
  length: ([value]) => (typeof value === "string" ? value.length : list(value).length),
  loadJsonContent: ([path], scope) => JSON.parse(load(path, scope)) as Value,
  loadTextContent: ([path], scope) => load(path, scope),
  map: ([value, transform]) => list(value).map((element) => run(transform, element)),
  max: (given) => Math.max(...given.map(Number)),
  reduce: ([value, start, step]) =>
    list(value).reduce((sum, element) => run(step, sum, element), start ?? null),
  replace: ([value, from, to]) => string(value).replaceAll(string(from), () => string(to)),
  split: ([value, separator]) => string(value).split(string(separator)),
  string: ([value]) => asText(value ?? null),
  subscription: () => ({ id: "/subscriptions/0", subscriptionId: "0" }),
  substring: ([value, start, length]) => string(value).slice(Number(start), Number(start) + Number(length)),
  tenant: () => ({ tenantId: "tenant" }),
  toLower: ([value]) => string(value).toLowerCase(),
  trim: ([value]) => string(value).trim(),
  union: (given) => Object.assign({}, ...given.filter(isObject)) as ValueObject,
  uniqueString: () => "abcdefghijklm",
};

function load(path: Value | undefined, scope: Scope): string {
  return readFileSync(join(dirname(scope.path), string(path)), "utf8");
}

function list(value: Value | undefined): readonly Value[] {
  return isArray(value) ? value : wrong("a list");
}

function string(value: Value | undefined): string {
  if (value instanceof Unknown) return value.toString();
  return typeof value === "string" ? value : wrong("a text");
}

function run(value: Value | undefined, ...given: readonly Value[]): Value {
  return typeof value === "function" ? value(...given) : wrong("a lambda");
}

function wrong(expected: string): never {
  throw new TypeError(`expected ${expected}`);
}

function fault(node: Node, what: string): Error {
  return new Error(`line ${lineOf(node)}: ${node.text.slice(0, 60)} ${what}`);
}

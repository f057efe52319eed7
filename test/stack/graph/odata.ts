import { GraphError } from "./errors.ts";

export type Literal = string | number | boolean | null;
export type Operator = "eq" | "ne" | "gt" | "ge" | "lt" | "le";

export type Filter =
  | { readonly kind: "compare"; readonly path: string; readonly operator: Operator; readonly value: Literal }
  | { readonly kind: "call"; readonly name: string; readonly path: string; readonly value: Literal }
  | { readonly kind: "any"; readonly path: string; readonly variable: string; readonly condition: Filter }
  | { readonly kind: "and" | "or"; readonly terms: readonly Filter[] }
  | { readonly kind: "not"; readonly term: Filter };

export interface Expansion {
  readonly path: string;
  /** The nested options, such as $filter, by name. */
  readonly options: ReadonlyMap<string, string>;
}

export interface Order {
  readonly path: string;
  readonly descending: boolean;
}

type Token =
  | { readonly kind: "word" | "symbol" | "literalText"; readonly text: string }
  | { readonly kind: "string"; readonly text: string };

function invalidFilter(text: string): GraphError {
  return new GraphError(400, "BadRequest", `Invalid filter clause: ${text}`);
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern =
    /\s+|(?<string>'(?:[^']|'')*')|(?<literal>-?[0-9][0-9A-Za-z:.+-]*)|(?<word>[A-Za-z_][A-Za-z0-9_]*)|(?<symbol>[()/:,])/y;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const groups = pattern.exec(text)?.groups;
    if (groups === undefined) throw invalidFilter(`Syntax error at position ${at}.`);
    if (groups.string !== undefined)
      tokens.push({ kind: "string", text: groups.string.slice(1, -1).replaceAll("''", "'") });
    else if (groups.literal !== undefined) tokens.push({ kind: "literalText", text: groups.literal });
    else if (groups.word !== undefined) tokens.push({ kind: "word", text: groups.word });
    else if (groups.symbol !== undefined) tokens.push({ kind: "symbol", text: groups.symbol });
  }
  return tokens;
}

const operators = new Set<string>(["eq", "ne", "gt", "ge", "lt", "le"]);
const functions = new Set(["startswith", "endswith", "contains"]);

class FilterParser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  parse(): Filter {
    const filter = this.#or();
    if (this.#at < this.#tokens.length)
      throw invalidFilter("Text was found after the end of the expression.");
    return filter;
  }

  #or(): Filter {
    const terms = [this.#and()];
    while (this.#takeWord("or")) terms.push(this.#and());
    return terms.length === 1 && terms[0] !== undefined ? terms[0] : { kind: "or", terms };
  }

  #and(): Filter {
    const terms = [this.#unary()];
    while (this.#takeWord("and")) terms.push(this.#unary());
    return terms.length === 1 && terms[0] !== undefined ? terms[0] : { kind: "and", terms };
  }

  #unary(): Filter {
    if (this.#takeWord("not")) return { kind: "not", term: this.#unary() };
    if (this.#takeSymbol("(")) {
      const inner = this.#or();
      this.#expectSymbol(")");
      return inner;
    }
    return this.#comparison();
  }

  #comparison(): Filter {
    const first = this.#word();
    if (functions.has(first.toLowerCase()) && this.#takeSymbol("(")) {
      const path = this.#path(this.#word());
      this.#expectSymbol(",");
      const value = this.#literal();
      this.#expectSymbol(")");
      return { kind: "call", name: first.toLowerCase(), path, value };
    }
    const segments = [first];
    while (this.#takeSymbol("/")) {
      const segment = this.#word();
      // Graph's own examples write both "any" and "Any".
      if (segment.toLowerCase() === "any" && this.#takeSymbol("(")) {
        const variable = this.#word();
        this.#expectSymbol(":");
        const condition = this.#or();
        this.#expectSymbol(")");
        return { kind: "any", path: segments.join("/"), variable, condition };
      }
      segments.push(segment);
    }
    const operator = this.#word().toLowerCase();
    if (!isOperator(operator)) throw invalidFilter(`'${operator}' is not an operator.`);
    return { kind: "compare", path: segments.join("/"), operator, value: this.#literal() };
  }

  #path(first: string): string {
    const segments = [first];
    while (this.#takeSymbol("/")) segments.push(this.#word());
    return segments.join("/");
  }

  #literal(): Literal {
    const token = this.#tokens[this.#at++];
    if (token?.kind === "string") return token.text;
    if (token?.kind === "literalText")
      return /^-?[0-9]+(?:\.[0-9]+)?$/.test(token.text) ? Number(token.text) : token.text;
    if (token?.kind === "word") {
      if (token.text === "true") return true;
      if (token.text === "false") return false;
      if (token.text === "null") return null;
    }
    throw invalidFilter("A literal was expected.");
  }

  #word(): string {
    const token = this.#tokens[this.#at++];
    if (token?.kind !== "word") throw invalidFilter("A name was expected.");
    return token.text;
  }

  #takeWord(word: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "word" || token.text.toLowerCase() !== word) return false;
    this.#at++;
    return true;
  }

  #takeSymbol(symbol: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== "symbol" || token.text !== symbol) return false;
    this.#at++;
    return true;
  }

  #expectSymbol(symbol: string): void {
    if (!this.#takeSymbol(symbol)) throw invalidFilter(`'${symbol}' was expected.`);
  }
}

function isOperator(text: string): text is Operator {
  return operators.has(text);
}

/** learn.microsoft.com/graph/filter-query-parameter. @throws GraphError 400 for a syntax error. */
export function parseFilter(text: string): Filter {
  return new FilterParser(text).parse();
}

/** Splits at a separator, but not inside parentheses or quotes. */
function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "'") quoted = !quoted;
    if (quoted) continue;
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (depth < 0) break;
    if (character === separator && depth === 0) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  if (depth !== 0 || quoted)
    throw new GraphError(
      400,
      "BadRequest",
      "Parsing OData Select and Expand failed: Found an unbalanced bracket expression.",
    );
  parts.push(text.slice(start));
  return parts.map((part) => part.trim());
}

/** learn.microsoft.com/graph/query-parameters, "expand": `attachments($select=id),singleValueExtendedProperties($filter=...)`. */
export function parseExpand(text: string): Expansion[] {
  return splitOutside(text, ",").map((item) => {
    const open = item.indexOf("(");
    const path = open < 0 ? item : item.slice(0, open);
    if (!/^[A-Za-z.]+(?:\/[A-Za-z]+)?$/.test(path) || (open >= 0 && !item.endsWith(")")))
      throw new GraphError(400, "BadRequest", "Parsing OData Select and Expand failed.");
    const options = new Map<string, string>();
    if (open >= 0)
      for (const option of splitOutside(item.slice(open + 1, -1), ";")) {
        const equals = option.indexOf("=");
        if (equals < 0) throw new GraphError(400, "BadRequest", "Parsing OData Select and Expand failed.");
        options.set(option.slice(0, equals).trim(), option.slice(equals + 1));
      }
    return { path, options };
  });
}

/** @throws GraphError 400 where a name is no property of the type. */
export function parseSelect(text: string, typeName: string, known: ReadonlySet<string>): ReadonlySet<string> {
  const names = new Set(
    text
      .split(",")
      .map((name) => name.trim())
      .filter((name) => name !== ""),
  );
  for (const name of names)
    if (!known.has(name))
      throw new GraphError(
        400,
        "RequestBroker--ParseUri",
        `Could not find a property named '${name}' on type '${typeName}'.`,
      );
  return names;
}

export function parseOrderBy(text: string): Order[] {
  return text.split(",").map((item) => {
    const match = /^\s*([A-Za-z]+(?:\/[A-Za-z]+)*)(?:\s+(asc|desc))?\s*$/.exec(item);
    if (match?.[1] === undefined)
      throw new GraphError(400, "BadRequest", "The $orderby expression is not valid.");
    return { path: match[1], descending: match[2] === "desc" };
  });
}

/** A whole number from a query option, such as $top. */
export function parseCount(text: string, option: string, lowest: number, highest: number): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value < lowest || value > highest)
    throw new GraphError(
      400,
      "ErrorInvalidUrlQuery",
      `The value of '${option}' must be between ${lowest} and ${highest}.`,
    );
  return value;
}

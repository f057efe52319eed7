/** A compiled route template of an HTTP trigger. */
export interface Route {
  /** More specific routes come first, as in ASP.NET Core: literals before constrained, plain and catch-all parameters. */
  readonly precedence: string;
  /** Decoded route parameters, or undefined if the path is another one. @param path without query, not decoded. */
  match(path: string): Record<string, string> | undefined;
}

const parameterPattern = /^\{(\*{0,2})([^:?=}]+)((?::[^?}]+)*)(\?)?\}$/;

/** Route constraints the product may use; an unknown one is refused when the app starts. */
const constraints: Readonly<Record<string, RegExp>> = {
  int: /^-?\d+$/,
  alpha: /^[a-z]+$/i,
  guid: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
  bool: /^(?:true|false)$/i,
};

/**
 * Compiles a route template: literals (compared without regard to case), `{name}`, `{name?}`, `{name:constraint}`
 * and a last `{*name}`, each a whole segment.
 * Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-http-webhook-trigger#customize-the-http-endpoint
 * @throws SyntaxError for what it does not know.
 */
export function compileRoute(template: string): Route {
  const segments = template
    .split("/")
    .filter((segment) => segment !== "")
    .map(parseSegment);
  return {
    precedence: segments.map(({ rank }) => rank).join(""),
    match(path) {
      const given = path.split("/").filter((segment) => segment !== "");
      const parameters: Record<string, string> = {};
      for (const [index, segment] of segments.entries()) {
        const text =
          segment.kind === "catchAll" ? given.slice(index).map(decode).join("/") : decode(given[index] ?? "");
        if (segment.kind === "literal") {
          if (text.toLowerCase() !== segment.text) return undefined;
          continue;
        }
        if (text === "") {
          if (!segment.optional) return undefined;
          continue;
        }
        if (segment.constraints.some((constraint) => !constraint.test(text))) return undefined;
        parameters[segment.name] = text;
      }
      const open = segments.at(-1)?.kind === "catchAll";
      return open || given.length <= segments.length ? parameters : undefined;
    },
  };
}

type Segment =
  | { readonly kind: "literal"; readonly rank: number; readonly text: string }
  | {
      readonly kind: "parameter" | "catchAll";
      readonly rank: number;
      readonly name: string;
      readonly optional: boolean;
      readonly constraints: readonly RegExp[];
    };

function parseSegment(text: string): Segment {
  if (!/[{}]/.test(text)) return { kind: "literal", rank: 1, text: text.toLowerCase() };
  const match = parameterPattern.exec(text);
  if (!match) throw new SyntaxError(`The route segment '${text}' is not supported.`);
  const [, stars = "", name = "", constraintText = "", question] = match;
  const catchAll = stars !== "";
  const applied = constraintText
    .split(":")
    .filter((constraint) => constraint !== "")
    .map((constraint) => {
      const pattern = constraints[constraint];
      if (!pattern) throw new SyntaxError(`The route constraint '${constraint}' is not supported.`);
      return pattern;
    });
  return {
    kind: catchAll ? "catchAll" : "parameter",
    rank: catchAll ? 5 : applied.length > 0 ? 2 : 3,
    name,
    optional: catchAll || question !== undefined,
    constraints: applied,
  };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

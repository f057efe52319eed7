import { createRequire } from "node:module";
import { Language, type Node, Parser } from "web-tree-sitter";

/** A fault with its place, so that a failing test reads like a compiler. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

const require = createRequire(import.meta.url);
let parser: Promise<Parser> | undefined;

async function createParser(): Promise<Parser> {
  await Parser.init();
  const bicep = await Language.load(require.resolve("tree-sitter-bicep/tree-sitter-bicep.wasm"));
  return new Parser().setLanguage(bicep);
}

/** The syntax tree of one Bicep text. It may hold errors. */
export async function parseBicep(text: string): Promise<Node> {
  parser ??= createParser();
  const tree = (await parser).parse(text);
  if (tree === null) throw new Error("the parser was stopped");
  return tree.rootNode;
}

/** Everything the grammar cannot make sense of. */
export function syntaxProblems(file: string, root: Node): readonly Problem[] {
  const problems: Problem[] = [];
  const visit = (node: Node): void => {
    if (node.isError || node.isMissing) {
      const what = node.isMissing
        ? `expected ${node.type}`
        : `cannot read ${JSON.stringify(node.text.slice(0, 40))}`;
      problems.push({ file, line: lineOf(node), message: what });
    } else if (node.hasError) for (const child of node.children) visit(child);
  };
  visit(root);
  return problems;
}

export function lineOf(node: Node): number {
  return node.startPosition.row + 1;
}

/** The named children, comments left out. */
export function parts(node: Node): readonly Node[] {
  return node.namedChildren.filter(
    (child) => child.type !== "comment" && child.type !== "diagnostic_comment",
  );
}

/** The only child of a kind. @throws Error if there is none. */
export function childOf(node: Node, ...types: readonly string[]): Node {
  const found = parts(node).find(({ type }) => types.includes(type));
  if (found === undefined)
    throw new Error(`${node.type} in line ${lineOf(node)} has no ${types.join(" or ")}`);
  return found;
}
